"""Video networks as encoders: one clip in, a pooled feature and a local map out.

The 18-layer networks are torchvision's, without the classifier, and keep its state-dict names. The
release calls its network R(2+1)D-18 but gives it one block a stage instead of two.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.models.video.resnet import (
    BasicBlock,
    BasicStem,
    Conv2Plus1D,
    Conv3DNoTemporal,
    Conv3DSimple,
    R2Plus1dStem,
    VideoResNet,
)

from sdc_lib.layers import Clips, Residual, run
from sdc_lib.support.batchnorm import unchanged_statistics


class BackboneOutput(NamedTuple):
    """What an encoder returns for N clips."""

    pooled: Tensor  # (N, D)
    local: Tensor  # (N, D, T', H', W')


class StagedBackbone(nn.Module):
    """A network of a stem and four layers; a subclass makes them, and ``avgpool``.

    Attributes:
        dim: Width D of the output.
        recompute: Forget the activations inside the stages and compute them again for the
            gradient: less memory, more time.
    """

    STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")
    dim: int
    avgpool: nn.Module
    recompute = False

    def forward(self, clips: Tensor, stills: Tensor | None = None) -> BackboneOutput:
        """Encode clips and, where given, stills: clips of equal frames, of which one is passed.

        Stills cost a fraction of a clip, and give what clips made of them would give, in BatchNorm
        statistics and gradients, too.

        Args:
            clips: ``(N, C, T, H, W)``.
            stills: ``(M, C, 1, H, W)``.

        Returns:
            The features of the clips, then those of the stills, N + M in all.
        """
        x = Clips(clips, stills, _channel_multiple(clips))
        for name in self.STAGES:
            stage = getattr(self, name)
            x = _recomputed(stage, x) if self.recompute else run(stage, x)
        local = x.unfolded()
        if local.shape[1] > self.dim:  # the last layers, too, were filled up
            local = local[:, : self.dim]
        return BackboneOutput(self.avgpool(local).flatten(1), local)


class ResNetBackbone(StagedBackbone, VideoResNet):  # type: ignore[misc]  # torchvision is untyped
    """A torchvision video ResNet without its classifier.

    Args:
        conv_makers: One convolution type a stage.
        blocks: Residual blocks in each of the four stages.
        stem: The first layers.
    """

    dim = 512

    def __init__(
        self,
        conv_makers: list[type[Conv2Plus1D] | type[Conv3DSimple] | type[Conv3DNoTemporal]],
        blocks: int,
        stem: Callable[..., nn.Module],
    ) -> None:
        super().__init__(BasicBlock, conv_makers, [blocks] * 4, stem)
        del self.fc


class TinyBackbone(StagedBackbone):
    """A small (2+1)D network for CPUs: spatial, then temporal convolutions, five stages.

    8x48x48 clips come out as a 4x6x6 map, 16x64x64 clips as 8x8x8.

    Args:
        width: Channels of the first stage; the last has `dim`.
        dim: Width D of the output.
    """

    def __init__(self, width: int = 16, dim: int = 128) -> None:
        super().__init__()
        self.dim = dim
        self.stem = _factorised(3, width, spatial_stride=2, temporal_stride=1)
        self.layer1 = _factorised(width, 2 * width, spatial_stride=2, temporal_stride=1)
        self.layer2 = Residual(
            _factorised(2 * width, 2 * width, spatial_stride=1, temporal_stride=1)
        )
        self.layer3 = _factorised(2 * width, dim, spatial_stride=2, temporal_stride=2)
        self.layer4 = Residual(_factorised(dim, dim, spatial_stride=1, temporal_stride=1))
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _factorised(
    channels_in: int, channels_out: int, *, spatial_stride: int, temporal_stride: int
) -> nn.Sequential:
    """A spatial (1, 3, 3) and a temporal (3, 1, 1) convolution, each with BatchNorm and ReLU."""
    return nn.Sequential(
        nn.Conv3d(
            channels_in,
            channels_out,
            (1, 3, 3),
            stride=(1, spatial_stride, spatial_stride),
            padding=(0, 1, 1),
            bias=False,
        ),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
        nn.Conv3d(
            channels_out,
            channels_out,
            (3, 1, 1),
            stride=(temporal_stride, 1, 1),
            padding=(1, 0, 0),
            bias=False,
        ),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    )


BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "tiny": TinyBackbone,
    "r2plus1d_18_released": lambda: ResNetBackbone([Conv2Plus1D] * 4, 1, R2Plus1dStem),
    "r2plus1d_18": lambda: ResNetBackbone([Conv2Plus1D] * 4, 2, R2Plus1dStem),
    "r3d_18": lambda: ResNetBackbone([Conv3DSimple] * 4, 2, BasicStem),
    "mc3_18": lambda: ResNetBackbone(
        [Conv3DSimple, Conv3DNoTemporal, Conv3DNoTemporal, Conv3DNoTemporal], 2, BasicStem
    ),
}


def recompute_activations(backbone: nn.Module) -> None:
    """Make a backbone forget activations: see `StagedBackbone.recompute`.

    Raises:
        ValueError: If the backbone has no stages.
    """
    if not isinstance(backbone, StagedBackbone):
        raise ValueError(f"{type(backbone).__name__} cannot recompute its activations")
    backbone.recompute = True


def _channel_multiple(x: Tensor) -> int:
    """Tensor cores want widths of 8 in half precision; cuDNN would copy to fill them up."""
    if not x.is_cuda:
        return 1
    autocast = torch.is_autocast_enabled("cuda")
    dtype = torch.get_autocast_dtype("cuda") if autocast else x.dtype
    return 8 if dtype in (torch.bfloat16, torch.float16) else 1


def _recomputed(stage: nn.Module, x: Clips) -> Clips:
    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        # the second pass must not count as a second update of running statistics
        return nullcontext(), unchanged_statistics(stage)

    out: Clips
    if torch.compiler.is_compiling():  # Dynamo takes no contexts, and updates once by itself
        out = checkpoint(run, stage, x, use_reentrant=False)
    else:
        out = checkpoint(run, stage, x, use_reentrant=False, context_fn=contexts)
    return out


def build_backbone(name: str) -> nn.Module:
    """Make an encoder with random weights.

    Args:
        name: ``"tiny"`` (under 0.4 M parameters, D=128), ``"r2plus1d_18_released"`` (one block a
            stage, 12.5 M; 12.7 M with the release's unused classifier), ``"r2plus1d_18"`` (two
            blocks, 31.3 M), ``"r3d_18"`` or ``"mc3_18"`` (all D=512).

    Returns:
        A module with an attribute ``dim`` that maps ``(N, C, T, H, W)`` to a `BackboneOutput`.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]()
