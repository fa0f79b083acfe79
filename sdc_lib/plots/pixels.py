"""Clips, differences and attention maps as plain pixels.

Everything here works on NumPy arrays and Pillow images, without matplotlib's figures: a frame of a
player takes milliseconds, and `sdc_lib.explore` draws with it. Captions, borders and gaps are given
in pixels of the page and drawn with `DENSITY` times as many.
"""

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.v2 import functional as tvf

from sdc_lib.augment import denormalize
from sdc_lib.plots.style import DENSITY, SEQUENTIAL, Array

Pixels = NDArray[np.uint8]
OVERLAY = "inferno"


def to_frames(clip: Tensor | Array) -> Pixels:
    """Any clip of this library as frames to look at.

    Args:
        clip: Bytes as ``(T, H, W, C)`` (from `sdc_lib.video.read_clip`) or ``(C, T, H, W)``; or
            floats ``(C, T, H, W)``: three channels are taken as normalised and turned back, a
            single channel is stretched over its own range. C is 1 or 3.

    Returns:
        uint8 frames ``(T, H, W, 3)``.

    Raises:
        ValueError: If the shape is none of these.
    """
    tensor = torch.as_tensor(clip).detach().cpu()
    if tensor.ndim != 4:
        raise ValueError(f"a clip has four dimensions, got shape {tuple(tensor.shape)}")
    if tensor.dtype == torch.uint8 and tensor.shape[-1] in (1, 3):
        frames = tensor
    elif tensor.shape[0] not in (1, 3):
        raise ValueError(
            f"a clip is uint8 (T, H, W, C) or (C, T, H, W) with C = 1 or 3, "
            f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )
    elif tensor.dtype == torch.uint8:
        frames = tensor.permute(1, 2, 3, 0)
    elif len(tensor) == 3:
        frames = denormalize(tensor.float()).permute(1, 2, 3, 0)
    else:
        frames = (255 * _stretched(tensor.float())).round().byte().permute(1, 2, 3, 0)
    out: Pixels = frames.expand(*frames.shape[:3], 3).contiguous().numpy()
    return out


def difference_frames(difference: Tensor | Array, limit: float | None = None) -> Pixels:
    """A frame difference around mid-grey: grey is no change, brighter is a rise, darker a fall.

    Args:
        difference: Floats ``(C, T, H, W)``, C = 1 or 3.
        limit: The change that is drawn as white (its negative as black); by default the 99.5th
            percentile of the absolute values, so that single pixels do not set the scale.

    Returns:
        uint8 frames ``(T, H, W, 3)``.
    """
    values = torch.as_tensor(difference).detach().cpu().float()
    if values.ndim != 4 or values.shape[0] not in (1, 3):
        raise ValueError(f"a difference is (C, T, H, W), C = 1 or 3, got {tuple(values.shape)}")
    if limit is None:
        limit = float(np.percentile(values.abs().numpy(), 99.5)) or float(values.abs().max())
    scaled = (values / (limit or 1.0)).clamp(-1, 1)
    frames = (128 + 127 * scaled).round().byte().permute(1, 2, 3, 0)
    out: Pixels = frames.expand(*frames.shape[:3], 3).contiguous().numpy()
    return out


def resize(frames: Tensor | Array, height: int) -> Pixels:
    """Frames ``(T, H, W, 3)`` scaled to a height in pixels, proportions kept."""
    tensor = torch.as_tensor(frames).permute(0, 3, 1, 2)
    width = max(1, round(tensor.shape[-1] * height / tensor.shape[-2]))
    if tuple(tensor.shape[-2:]) != (height, width):
        tensor = tvf.resize(tensor, [height, width], antialias=True)
    out: Pixels = tensor.permute(0, 2, 3, 1).contiguous().numpy()
    return out


def overlay(frames: Pixels, attention: Tensor | Array) -> Pixels:
    """Paint attention over darkened grey frames, the more transparent the weaker it is.

    Args:
        frames: uint8 ``(T, H, W, 3)``.
        attention: Weights of one concept over positions ``(T', H', W')``, any positive scale;
            they are interpolated to the frames and drawn relative to their maximum.

    Returns:
        uint8 frames ``(T, H, W, 3)``.
    """
    weights = torch.as_tensor(attention).detach().cpu().float()
    if weights.ndim != 3:
        raise ValueError(f"attention must be (T, H, W), got {tuple(weights.shape)}")
    full = F.interpolate(weights[None, None], frames.shape[:3], mode="trilinear")[0, 0].numpy()
    strength = (full / max(float(weights.max()), 1e-12)).clip(0, 1)
    grey = 0.7 * frames.mean(axis=-1, keepdims=True)
    colour = colours(OVERLAY)[(255 * strength).astype(np.uint8)]
    alpha = 0.8 * strength[..., None]
    out: Pixels = (grey * (1 - alpha) + colour * alpha).astype(np.uint8)
    return out


@functools.cache
def colours(name: str = SEQUENTIAL) -> Pixels:
    """A colour map as a table ``(256, 3)`` of bytes."""
    table = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]
    out: Pixels = (255 * table).round().astype(np.uint8)
    return out


def heatmap(values: Array, cell: tuple[int, int], low: float, high: float) -> Pixels:
    """A matrix ``(N, K)`` with cells of h by w pixels, ``(N * h, K * w, 3)``."""
    index = (255 * (values - low) / max(high - low, 1e-12)).clip(0, 255).astype(np.uint8)
    return colours()[index].repeat(cell[0], axis=0).repeat(cell[1], axis=1)


@functools.cache
def font(size: int = 12) -> Any:
    """The typeface of the figures, for Pillow; the size is in pixels of the page."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size * DENSITY)


def captioned(
    image: Pixels, caption: str, colour: str = "#000000", *, dashed: bool = False, border: int = 0
) -> Pixels:
    """An image under its caption, with a solid or dashed border where one is asked for."""
    height, width = image.shape[:2]
    border, above, dash = (DENSITY * pixels for pixels in (border, 17, 6))
    canvas = Image.new("RGB", (width + 2 * border, height + 2 * border + above), "white")
    canvas.paste(Image.fromarray(image), (border, above + border))
    draw = ImageDraw.Draw(canvas)
    draw.text((border, 0), caption, fill="black", font=font(11))
    right, bottom = canvas.width, canvas.height
    if border:
        draw.rectangle((0, above, right - 1, bottom - 1), outline=colour, width=border)
    if border and dashed:
        for start in range(0, max(canvas.size), 2 * dash):
            end = start + dash - 1
            draw.rectangle((start, above, end, above + border - 1), fill="white")
            draw.rectangle((start, bottom - border, end, bottom), fill="white")
            draw.rectangle((0, above + start, border - 1, above + end), fill="white")
            draw.rectangle((right - border, above + start, right, above + end), fill="white")
    return np.asarray(canvas)


def mosaic(rows: Sequence[Sequence[Pixels]], gap: int = 6) -> Pixels:
    """Images laid out in rows on white, each row as high as its highest image."""
    gap *= DENSITY
    heights = [max(image.shape[0] for image in row) for row in rows]
    widths = [sum(image.shape[1] + gap for image in row) for row in rows]
    canvas = np.full((sum(heights) + gap * len(rows), max(widths), 3), 255, np.uint8)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for image in row:
            canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
            left += image.shape[1] + gap
        top += height + gap
    return canvas


def dense(frames: Pixels) -> Pixels:
    """Frames ``(T, H, W, 3)`` with `DENSITY` pixels in each direction for every one."""
    return frames.repeat(DENSITY, axis=1).repeat(DENSITY, axis=2)


def png(image: Pixels) -> bytes:
    """An image as PNG bytes, quickly rather than small."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _stretched(values: Tensor) -> Tensor:
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp(min=1e-12)
