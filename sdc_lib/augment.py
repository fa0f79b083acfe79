"""Augmentation that treats all frames of a clip alike.

The transforms are torchvision's ``transforms.v2``; one call sees the whole clip, so crop, flip and
colours are drawn once. Everything stays in uint8 until `normalize`, which belongs on the device.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), implementation details.
"""

from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from sdc_lib.config import AugmentConfig

MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)
"""Channel mean and standard deviation of Kinetics-400 as torchvision's video networks use them."""

Crops = Literal["centre", "five", "five_flip"]


class ClipAugment:
    """Random crop, flip, grayscale and colour jitter, drawn once per clip.

    Draws come from torch's global generator.

    Args:
        config: Sizes, probabilities and strengths.
    """

    def __init__(self, config: AugmentConfig) -> None:
        jitter = (config.brightness, config.contrast, config.saturation, config.hue)
        self.config = config
        self._transform = v2.Compose(
            [
                v2.RandomResizedCrop(config.size, scale=config.crop_scale, antialias=True),
                v2.RandomHorizontalFlip(config.flip),
                v2.RandomGrayscale(config.grayscale),
                v2.ColorJitter(*jitter) if any(jitter) else v2.Identity(),
            ]
        )

    def __call__(self, clip: Tensor) -> Tensor:
        """Augment a clip.

        Args:
            clip: uint8, ``(C, T, H, W)``.

        Returns:
            uint8, ``(C, T, size, size)``.
        """
        out: Tensor = self._transform(clip.transpose(0, 1))  # transforms want (..., C, H, W)
        return out.transpose(0, 1)


def normalize(clips: Tensor) -> Tensor:
    """Turn bytes into floats with about zero mean and unit deviation per channel.

    Args:
        clips: uint8, ``(..., C, T, H, W)`` with C = 3.

    Returns:
        float32, same shape: ``(x / 255 - mean) / std``.

    Raises:
        ValueError: If the tensor is not uint8.
    """
    if clips.dtype != torch.uint8:
        raise ValueError(f"normalize expects uint8 clips, got {clips.dtype}")
    mean = torch.tensor(MEAN, device=clips.device).view(3, 1, 1, 1)
    std = torch.tensor(STD, device=clips.device).view(3, 1, 1, 1)
    return (clips.float() / 255 - mean) / std


def denormalize(clips: Tensor) -> Tensor:
    """Undo `normalize` for display, ``(..., 3, T, H, W)`` floats to uint8 of the same shape."""
    mean = torch.tensor(MEAN, device=clips.device).view(3, 1, 1, 1)
    std = torch.tensor(STD, device=clips.device).view(3, 1, 1, 1)
    return ((clips * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def eval_crops(clip: Tensor, size: int, crops: Crops = "centre") -> Tensor:
    """Deterministic crops of a clip for evaluation.

    The short side is resized to ``size`` for the centre crop, to ``size * 8 / 7`` for five crops.

    Args:
        clip: uint8, ``(C, T, H, W)``.
        size: Side of a crop, pixels.
        crops: ``"centre"``: one; ``"five"``: corners and centre; ``"five_flip"``: those and their
            mirror images.

    Returns:
        uint8, ``(n, C, T, size, size)`` with n = 1, 5 or 10.

    Raises:
        ValueError: If `crops` is unknown.
    """
    frames = clip.transpose(0, 1)  # (T, C, H, W)
    if crops == "centre":
        views = [tvf.center_crop(tvf.resize(frames, [size], antialias=True), [size, size])]
    elif crops in ("five", "five_flip"):
        resized = tvf.resize(frames, [round(size * 8 / 7)], antialias=True)
        views = list(tvf.five_crop(resized, [size, size]))
        if crops == "five_flip":
            views += [tvf.horizontal_flip(view) for view in views]
    else:
        raise ValueError(f"crops must be 'centre', 'five' or 'five_flip', got {crops!r}")
    return torch.stack(views).transpose(1, 2)
