"""A clip in one still: three of its moments over its background, and an arrow along a known way."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from sdc_lib.plots.pixels import Pixels, resize, to_frames
from sdc_lib.plots.style import DENSITY, Array

_OPACITY = (0.4, 0.65, 1.0)
_CHANGE = (24.0, 72.0)  # grey levels off the background: not seen below, fully seen above
_SHORTEST, _LEAP = 0.12, 0.5  # of the side: a way worth an arrow; where a way wraps round


def ghost(clip: Tensor | Array, height: int = 96, path: Tensor | Array | None = None) -> Pixels:
    """Draw what moves in a clip at its start, middle and end into one picture.

    The background is the median over time; what differs from it moves, and is drawn the fainter the
    earlier it is. An arrow needs a `path`: pixels do not tell the way of a shape that is larger
    than its way, or leaves on one side and comes back on the other.

    Args:
        clip: See `sdc_lib.plots.to_frames`.
        height: Of the picture, pixels of the page.
        path: Where the object's centre is at every frame, ``(T, 2)``, x and y as shares of the
            sides, see `sdc_lib.datasets.motion_factors.world.shape_path`. Where it wraps round, the
            arrow follows the longest piece without a leap; none is drawn along a very short way.

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
    return out if path is None else _with_arrow(out, np.asarray(path, float))


def _with_arrow(picture: Pixels, path: Array) -> Pixels:
    """The picture with an arrow along the longest unbroken piece of a way, ``(T, 2)`` in shares."""
    leaps = np.flatnonzero((np.abs(np.diff(path, axis=0)) > _LEAP).any(axis=1))
    pieces = np.split(path * np.array(picture.shape[1::-1], float), leaps + 1)
    side = min(picture.shape[:2])
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
