"""Convolutional layers that see clips and stills together, and channels in multiples of eight.

All frames of a still are equal. A convolution over time changes that only near the ends of the
clip, where its padding comes in: after r such convolutions (kernel 3) the first r and the last r
frames differ, and all between are one. So a still is carried as 2r + 1 frames, the middle one
counted as often in BatchNorm as it stands for, and unfolded to full length where the network begins
to stride through time. `run` computes exactly what the layers would on full-length stills.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.video.resnet import BasicBlock

from sdc_lib.support.batchnorm import normalise_parts

WORTHWHILE = 0.75
"""Stills with more than this share of a clip's frames are clips: two parts cost more than one."""


class Clips(NamedTuple):
    """A batch on its way through the layers: N moving clips, then M stills."""

    moving: Tensor  # (N, C, T, H, W)
    stills: Tensor | None = None  # (M, C, t, H, W), t <= T; the frame t // 2 stands for T - t + 1
    channels: int = 1
    """Widths are filled up with zeros to multiples of this."""

    def unfolded(self) -> Tensor:
        """All clips at full length, ``(N + M, C, T, H, W)``."""
        if self.stills is None:
            return self.moving
        return torch.cat([self.moving, _unfold(self.stills, self.moving.shape[2])])

    def map(self, function: Callable[[Tensor], Tensor]) -> "Clips":
        """Apply what treats every frame alike."""
        stills = None if self.stills is None else function(self.stills)
        return self._replace(moving=function(self.moving), stills=stills)


class Residual(nn.Module):
    """``x + body(x)``."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Add what the body makes of ``(N, C, T, H, W)``."""
        out: Tensor = x + self.body(x)
        return out


def run(layer: nn.Module, clips: Clips) -> Clips:
    """Put clips through a layer, or through all layers of a block.

    Raises:
        TypeError: If it is of a kind that this module does not know.
    """
    if clips.stills is None and clips.channels == 1:
        return Clips(layer(clips.moving))
    if isinstance(layer, nn.Sequential):
        for child in layer:
            clips = run(child, clips)
        return clips
    if isinstance(layer, nn.Conv3d):
        return _convolve(layer, clips)
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return _normalise(layer, clips)
    if isinstance(layer, Residual):
        return _add(clips, run(layer.body, clips))
    if isinstance(layer, BasicBlock):
        out = run(layer.conv2, run(layer.conv1, clips))
        short = clips if layer.downsample is None else run(layer.downsample, clips)
        return _add(short, out).map(layer.relu)
    if isinstance(layer, nn.ReLU):
        return clips.map(layer)
    raise TypeError(f"cannot run a {type(layer).__name__} on clips and stills together")


def _convolve(conv: nn.Conv3d, clips: Clips) -> Clips:
    stills = clips.stills
    if stills is not None and (conv.kernel_size[0] > 1 or conv.stride[0] > 1):
        # padding changes `reach` more frames
        reach = conv.dilation[0] * (conv.kernel_size[0] - 1)
        frames = stills.shape[2] + reach
        lopsided = conv.padding == "same" and reach % 2 == 1
        if conv.stride[0] > 1 or lopsided or frames > WORTHWHILE * clips.moving.shape[2]:
            clips = clips._replace(moving=clips.unfolded(), stills=None)
        else:
            clips = clips._replace(stills=_unfold(stills, frames))
    filling_in = clips.moving.shape[1] - conv.in_channels
    filling_out = -conv.out_channels % clips.channels
    if not (filling_in or filling_out):
        return clips.map(conv)
    if conv.groups > 1 or conv.padding_mode != "zeros":  # it works at its own width only
        fill = (0, 0, 0, 0, 0, 0, 0, filling_out)
        return clips.map(lambda x: F.pad(conv(x[:, : conv.in_channels]), fill))
    weight = F.pad(conv.weight, (0, 0, 0, 0, 0, 0, 0, filling_in, 0, filling_out))
    bias = None if conv.bias is None else F.pad(conv.bias, (0, filling_out))
    return clips.map(lambda x: F.conv3d(x, weight, bias, conv.stride, conv.padding, conv.dilation))


def _normalise(norm: nn.modules.batchnorm._BatchNorm, clips: Clips) -> Clips:
    if clips.stills is None:
        plain = clips.moving.shape[1] == norm.num_features
        x = norm(clips.moving) if plain else normalise_parts(norm, [clips.moving])[0]
        return clips._replace(moving=x)
    times = clips.moving.shape[2] - clips.stills.shape[2] + 1
    moving, stills = normalise_parts(norm, [clips.moving, clips.stills], [1, times])
    return clips._replace(moving=moving, stills=stills)


def _add(a: Clips, b: Clips) -> Clips:
    """Sum, stills at the length of the longer."""
    if a.stills is None or b.stills is None:
        return b._replace(moving=a.unfolded() + b.unfolded(), stills=None)
    return b._replace(
        moving=a.moving + b.moving, stills=_unfold(a.stills, b.stills.shape[2]) + b.stills
    )


def _unfold(stills: Tensor, frames: int) -> Tensor:
    """Stills with the middle frame repeated until there are so many frames."""
    times = frames - stills.shape[2] + 1
    if times == 1:
        return stills
    parts = list(stills.split(1, dim=2))  # repeated by name: `expand` would lose channels_last
    middle = len(parts) // 2
    parts[middle : middle + 1] = [parts[middle]] * times
    return torch.cat(parts, dim=2)
