"""A clip in one still: three of its moments over its background, and an arrow along the way."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from sdc_lib.plots.pixels import Pixels, resize, to_frames
from sdc_lib.plots.style import DENSITY, Array

_OPACITY = (0.4, 0.65, 1.0)
_CHANGE = (24.0, 72.0)  # grey levels off the background: not seen below, fully seen above
_SHORTEST, _JUMP = 0.12, 0.3  # of the side: a way worth an arrow; a leap where a path wraps round


def ghost(
    clip: Tensor | Array, height: int = 96, path: Array | None = None, *, arrow: bool = True
) -> Pixels:
    """Draw what moves in a clip at its start, middle and end into one picture.

    The background is the median over time; what differs from it moves, and is drawn the fainter the
    earlier it is. The arrow follows the centre of what moves; there is none where it stays.

    Args:
        clip: See `sdc_lib.plots.to_frames`.
        height: Of the picture, pixels of the page.
        path: Where the object is at every frame, ``(T, 2)``, x and y as shares of the side;
            without it the way is estimated from the pixels.
        arrow: Whether to draw the way.

    Returns:
        uint8 ``(height * DENSITY, W, 3)``.
    """
    frames = resize(to_frames(clip), height * DENSITY).astype(np.float32)
    background = np.median(frames, axis=0)
    change = np.abs(frames - background).max(axis=-1)  # (T, H, W)
    seen = ((change - _CHANGE[0]) / (_CHANGE[1] - _CHANGE[0])).clip(0, 1)
    picture = background
    for moment, opacity in zip((0, len(frames) // 2, len(frames) - 1), _OPACITY, strict=True):
        share = opacity * seen[moment][..., None]
        picture = picture * (1 - share) + frames[moment] * share
    out = picture.round().astype(np.uint8)
    if not arrow:
        return out
    size = np.array(out.shape[1::-1], float)
    way = centres(seen) if path is None else np.asarray(path, float)
    return _with_arrow(out, way * size)


def centres(seen: Array) -> Array:
    """Centre of the weights ``(T, H, W)`` at every frame, ``(T, 2)``: shares of width and height.

    NaN where there is no weight.
    """
    height, width = seen.shape[1:]
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    total = seen.sum(axis=(1, 2))
    total = np.where(total > 1e-3 * height * width, total, np.nan)
    found: Array = np.stack([seen.sum(axis=1) @ x / total, seen.sum(axis=2) @ y / total], axis=1)
    return found


def _with_arrow(picture: Pixels, way: Array) -> Pixels:
    """The picture with an arrow along the last unbroken piece of a way in pixels ``(T, 2)``."""
    way = way[np.isfinite(way).all(axis=1)]
    side = min(picture.shape[:2])
    leaps = np.flatnonzero(np.hypot(*np.diff(way, axis=0).T) > _JUMP * side)
    pieces = np.split(way, leaps + 1)
    longest = _smooth(max(pieces, key=_length))
    if _length(longest) < _SHORTEST * side:
        return picture
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for colour, width in (("white", 4.5), ("black", 2.0)):
        _arrow(draw, longest, colour, width * DENSITY)
    return np.asarray(image)


def _smooth(way: Array) -> Array:
    """Means over three neighbours."""
    ends = way[[0, *range(len(way)), -1]] if len(way) else way
    means: Array = (ends[:-2] + ends[1:-1] + ends[2:]) / 3
    return means


def _length(way: Array) -> float:
    """How far a way leads: the largest distance of its points from its start."""
    return float(np.hypot(*(way - way[:1]).T).max(initial=0.0)) if len(way) > 1 else 0.0


def _arrow(draw: ImageDraw.ImageDraw, way: Array, colour: str, width: float) -> None:
    points: Any = [tuple(point) for point in way.tolist()]
    draw.line(points, fill=colour, width=round(width), joint="curve")
    before = way[max(0, len(way) - 4)]
    along = way[-1] - before
    along = along / max(float(np.hypot(*along)), 1e-9)
    aside = np.array([-along[1], along[0]])
    tip, foot = way[-1] + 1.2 * width * along, way[-1] - (6 + width / 2) * along
    wing = (3 + width) * aside
    head: Any = [tuple(corner.tolist()) for corner in (tip, foot + wing, foot - wing)]
    draw.polygon(head, fill=colour)
