"""Augmentation that treats all frames of a clip alike.

The transforms are torchvision's ``transforms.v2``; one call sees the whole clip, so crop, flip and
colours are drawn once. Everything stays in uint8 until `normalize`, which belongs on the device.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), implementation details.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from sdc_lib.config import AugmentConfig
from sdc_lib.support import colour
from sdc_lib.support.checks import require
from sdc_lib.support.settings import check_settings

MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)
"""Channel mean and standard deviation of Kinetics-400 as torchvision's video networks use them."""

Crops = Literal["centre", "five", "five_flip"]


BOX = ("top", "left", "height", "width")
COINS = ("flip", "gray")
ORDER = ("first", "second", "third", "fourth")
STRENGTHS = ("brightness", "contrast", "saturation", "hue")
DRAWS = (*BOX, *COINS, *ORDER, *STRENGTHS)
"""The numbers that decide one augmentation: the crop in pixels, two coins, the order of the four
colour operations, and their strengths."""

_NEUTRAL = dict(zip(STRENGTHS, (1.0, 1.0, 1.0, 0.0), strict=True))


class ClipAugment:
    """Random crop, flip, grayscale and colour jitter, drawn once per clip.

    Draws come from torch's global generator, in the order in which a ``v2.Compose`` of the same
    transforms takes them.

    Args:
        config: Sizes, probabilities and strengths.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(self, config: AugmentConfig) -> None:
        check_settings(config)
        jitter = (config.brightness, config.contrast, config.saturation, config.hue)
        self.config = config
        self._crop = v2.RandomResizedCrop(config.size, scale=config.crop_scale, antialias=True)
        self._jitter = v2.ColorJitter(*jitter) if any(jitter) else None

    def __call__(self, clip: Tensor) -> Tensor:
        """Augment a clip.

        Args:
            clip: uint8, ``(C, T, H, W)``.

        Returns:
            uint8, ``(C, T, size, size)``.
        """
        draws = self.draw(clip)
        return finish(self.crop(clip, draws), draws)

    def draw(self, clip: Tensor) -> Tensor:
        """Draw the numbers of one augmentation, float32, in the order of `DRAWS`.

        Raises:
            ValueError: If the clip is not uint8, ``(C, T, H, W)`` with C = 3.
        """
        require(clip.dtype == torch.uint8, "clips are augmented as uint8", clip.dtype)
        require(clip.ndim == 4 and clip.shape[0] == 3, "a clip must be (3, T, H, W)", clip)
        box = self._crop.make_params([clip.transpose(0, 1)])
        coins = [float(torch.rand(1) < p) for p in (self.config.flip, self.config.grayscale)]
        order, strengths = self._draw_jitter()
        return torch.tensor([*(box[name] for name in BOX), *coins, *order, *strengths])

    def _draw_jitter(self) -> tuple[list[float], list[float]]:
        """The order of the colour operations and their strengths, of those left out the neutral."""
        if self._jitter is None:
            return [float(i) for i in range(len(ORDER))], list(_NEUTRAL.values())
        drawn = self._jitter.make_params([])
        strengths = {name: drawn[f"{name}_factor"] for name in STRENGTHS}
        return [float(i) for i in drawn["fn_idx"]], [
            _NEUTRAL[name] if strength is None else strength for name, strength in strengths.items()
        ]

    def crop(self, clip: Tensor, draws: Tensor) -> Tensor:
        """Cut out and resize what was drawn: uint8 ``(C, T, H, W)`` to ``(C, T, size, size)``."""
        box = [int(value) for value in draws[: len(BOX)]]
        size = [self.config.size, self.config.size]
        frames: Tensor = tvf.resized_crop(clip.transpose(0, 1), *box, size, antialias=True)
        return frames.transpose(0, 1)


def finish(clip: Tensor, draws: Tensor) -> Tensor:
    """Flip, grayscale and colour jitter of a cropped clip, by torchvision.

    Args:
        clip: uint8, ``(C, T, H, W)``.
        draws: From `ClipAugment.draw`, ``(14,)``.

    Returns:
        uint8, the same shape.
    """
    values = dict(zip(DRAWS, draws.tolist(), strict=True))
    frames = clip.transpose(0, 1)  # transforms want (..., C, H, W)
    if values["flip"]:
        frames = tvf.horizontal_flip(frames)
    if values["gray"]:
        frames = tvf.rgb_to_grayscale(frames, num_output_channels=3)
    adjust = (tvf.adjust_brightness, tvf.adjust_contrast, tvf.adjust_saturation, tvf.adjust_hue)
    for step in ORDER:
        number = int(values[step])
        name = STRENGTHS[number]
        has_no_effect = values[name] == _NEUTRAL[name] or (name == "hue" and values["gray"])
        if not has_no_effect:  # hue is by far the dearest, and gray has none
            frames = adjust[number](frames, values[name])
    return frames.transpose(0, 1)


def normalize(clips: Tensor) -> Tensor:
    """Turn bytes into floats with about zero mean and unit deviation per channel.

    Args:
        clips: uint8, ``(..., C, T, H, W)`` with C = 3.

    Returns:
        float32, same shape: ``(x / 255 - mean) / std``.

    Raises:
        TypeError: If it is no tensor.
        ValueError: If the tensor is not uint8 or has another shape.
    """
    if not isinstance(clips, Tensor):
        raise TypeError(f"normalize expects a torch tensor, got {type(clips).__name__}")
    require(clips.dtype == torch.uint8, "normalize expects uint8 clips", clips.dtype)
    require(_has_colours(clips), "normalize expects (..., 3, T, H, W)", clips)
    out = clips.float().div_(255)
    for channel, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
        out.select(-4, channel).sub_(mean).div_(std)  # numbers: a tensor of them would be sent
    return out


def denormalize(clips: Tensor) -> Tensor:
    """Undo `normalize` for display, ``(..., 3, T, H, W)`` floats to uint8 of the same shape.

    Raises:
        ValueError: If the tensor has another shape.
    """
    require(_has_colours(clips), "denormalize expects (..., 3, T, H, W)", clips)
    mean = torch.tensor(MEAN, device=clips.device).view(3, 1, 1, 1)
    std = torch.tensor(STD, device=clips.device).view(3, 1, 1, 1)
    return ((clips * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def _has_colours(clips: Tensor) -> bool:
    """Whether the channels are where they belong: files are read as ``(T, H, W, C)``."""
    return clips.ndim >= 4 and clips.shape[-4] == 3


def eval_side(size: int, crops: Crops) -> int:
    """Pixels of the shorter side of frames from which crops of `size` pixels are cut."""
    return size if crops == "centre" else round(size * 8 / 7)


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
        ValueError: If `crops` is unknown, or the clip is not ``(C, T, H, W)`` with C = 3.
    """
    require(clip.ndim == 4 and clip.shape[0] == 3, "a clip must be (3, T, H, W)", clip)
    frames = clip.transpose(0, 1)  # (T, C, H, W)
    resized = tvf.resize(frames, [eval_side(size, crops)], antialias=True)
    if crops == "centre":
        views = [tvf.center_crop(resized, [size, size])]
    elif crops in ("five", "five_flip"):
        views = list(tvf.five_crop(resized, [size, size]))
        if crops == "five_flip":
            views += [tvf.horizontal_flip(view) for view in views]
    else:
        raise ValueError(f"crops must be 'centre', 'five' or 'five_flip', got {crops!r}")
    return torch.stack(views).transpose(1, 2)


def finish_batch(clips: Tensor, draws: Tensor) -> Tensor:
    """`finish` for a whole batch at once, on any device.

    Args:
        clips: uint8, ``(N, C, T, H, W)``, cropped.
        draws: ``(N, 14)`` on the CPU, so that nothing has to be asked of the device.

    Returns:
        uint8, the same shape; within a level of `finish` an operation.
    """
    columns = dict(zip(DRAWS, draws.unbind(dim=1), strict=True))
    frames = clips.transpose(1, 2).clone()  # (N, T, C, H, W)
    _change(frames, columns["flip"] > 0, lambda some: some.flip(-1))
    _change(frames, columns["gray"] > 0, colour.grayscale)
    operations = (colour.brightness, colour.contrast, colour.saturation, colour.hue)
    for step in ORDER:
        for number, (name, operation) in enumerate(zip(STRENGTHS, operations, strict=True)):
            chosen = (columns[step] == number) & (columns[name] != _NEUTRAL[name])
            if name == "hue":
                chosen &= columns["gray"] == 0
            _change(frames, chosen, operation, columns[name].double()[chosen])
    return frames.transpose(1, 2)


def finish_pairs(clips: Tensor, draws: Tensor) -> Tensor:
    """`finish_batch` for two clips of each of B videos.

    Args:
        clips: uint8, ``(B, 2, C, T, H, W)``, cropped.
        draws: ``(B, 2, 14)`` on the CPU.

    Returns:
        uint8, the same shape.
    """
    done: Tensor = finish_batch(clips.flatten(0, 1), draws.flatten(0, 1)).unflatten(0, (-1, 2))
    return done


def _change(
    frames: Tensor, chosen: Tensor, operation: Callable[..., Tensor], *strengths: Tensor
) -> None:
    """Apply an operation to some clips, in place; the host waits for nothing."""
    numbers = chosen.nonzero()[:, 0]
    if len(numbers):
        rows = numbers.to(frames.device, non_blocking=frames.is_cuda)
        frames[rows] = operation(frames[rows], *strengths)
