"""Colour operations on a batch of clips, each clip with a strength of its own.

Strengths come in float64 on the CPU, whatever device the clips are on; what travels is float32,
since not every device knows float64.

torchvision's take one strength a call; these take one a clip, so that a whole batch is augmented
on the device at once. They follow torchvision's arithmetic on bytes, rounding down after every
operation as it does.
"""

import torch
from torch import Tensor


def brightness(frames: Tensor, strength: Tensor) -> Tensor:
    """Blend with black: ``(N, T, 3, H, W)`` uint8, strengths ``(N,)`` float64 on the CPU."""
    return _blend(frames, torch.zeros((), device=frames.device), strength)


def contrast(frames: Tensor, strength: Tensor) -> Tensor:
    """Blend with the mean gray of each frame; shapes as for `brightness`."""
    return _blend(frames, _gray(frames).floor().mean(dim=(-3, -2, -1), keepdim=True), strength)


def saturation(frames: Tensor, strength: Tensor) -> Tensor:
    """Blend with the gray picture; shapes as for `brightness`."""
    return _blend(frames, _gray(frames).floor(), strength)


def hue(frames: Tensor, shift: Tensor) -> Tensor:
    """Turn the colour circle by a share of its circumference, -0.5 to 0.5; shapes as above."""
    red, green, blue = (frames.float() / 255).unbind(dim=-3)
    value = torch.maximum(torch.maximum(red, green), blue)
    spread = value - torch.minimum(torch.minimum(red, green), blue)
    safe = torch.where(spread == 0, torch.ones_like(spread), spread)
    sector = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    turned = (sector / 6 + _sent(shift, frames)[..., 0]).remainder(1.0) * 6
    # each channel is the value, less the spread where the hue is far from the channel's own
    channels = []
    for offset in (5.0, 3.0, 1.0):
        place = (offset + turned).remainder(6.0)
        distance = torch.minimum(place, 4 - place).clamp(0, 1)
        channels.append(value - spread * distance)
    return torch.stack(channels, dim=-3).mul(255.999).to(torch.uint8)


def grayscale(frames: Tensor) -> Tensor:
    """Lose all colour and keep three channels; ``(N, T, 3, H, W)`` uint8."""
    return _gray(frames).to(torch.uint8).expand(frames.shape)


def _gray(frames: Tensor) -> Tensor:
    red, green, blue = frames.float().unbind(dim=-3)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)


def _blend(frames: Tensor, other: Tensor, strength: Tensor) -> Tensor:
    mixed = frames * _sent(strength, frames) + other * _sent(1 - strength, frames)
    return mixed.clamp(0, 255).to(torch.uint8)


def _sent(numbers: Tensor, frames: Tensor) -> Tensor:
    """One number a clip where the frames are, ``(N, 1, 1, 1, 1)`` float32."""
    single = numbers.float().view(-1, 1, 1, 1, 1)
    return single.to(frames.device, non_blocking=frames.is_cuda)
