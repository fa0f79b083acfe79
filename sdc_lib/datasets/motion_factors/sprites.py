"""The ten sprites of MotionFactors: a shape with its own texture each.

Every texture is darker towards one side, so that turning shows on a disc and a ring as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

APPEARANCES = (
    "disc",
    "square",
    "triangle",
    "star",
    "cross",
    "ring",
    "bar",
    "crescent",
    "heart",
    "glyph",
)

_SUPERSAMPLING = 8


@functools.cache
def sprite(appearance: int, pixels: int) -> Array:
    """Draw a sprite, antialiased.

    Args:
        appearance: Index into ``APPEARANCES``.
        pixels: Width and height of the image; the sprite's bounding circle fills it.

    Returns:
        float32 ``(3, pixels, pixels)`` in [0, 1], read-only: coverage, share of the second colour,
        brightness. The latter two are defined outside the shape as well.
    """
    n = pixels * _SUPERSAMPLING
    line = ((np.arange(n, dtype=np.float32) + 0.5) / n) * 2 - 1
    v, u = np.broadcast_arrays(line[:, None], line)  # downwards, to the right
    shape, texture = _SPRITES[APPEARANCES[appearance]](u, v)
    shape &= np.hypot(u, v) <= 1
    shade = 1 - 0.45 * (v + 1) / 2
    planes = np.stack([shape, texture, shade]).astype(np.float32)
    blocks = planes.reshape(3, pixels, _SUPERSAMPLING, pixels, _SUPERSAMPLING)
    image: Array = blocks.mean(axis=(2, 4), dtype=np.float32)
    image.flags.writeable = False
    return image


def _disc(u: Array, v: Array) -> tuple[Mask, Mask]:
    return np.hypot(u, v) < 0.95, u > 0


def _square(u: Array, v: Array) -> tuple[Mask, Mask]:
    return np.maximum(abs(u), abs(v)) < 0.7, (v * 3.5) % 2 < 1


def _triangle(u: Array, v: Array) -> tuple[Mask, Mask]:
    inside = (v < 0.5) & (abs(u) < (v + 1) * 0.577)
    return inside, np.hypot((u + 2.15) % 0.43 - 0.215, (v + 2.15) % 0.43 - 0.215) < 0.14


def _star(u: Array, v: Array) -> tuple[Mask, Mask]:
    wedge, notch = np.pi / 5, 0.42
    angle = abs((np.arctan2(u, -v) + wedge) % (2 * wedge) - wedge)
    radius = np.hypot(u, v)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    # A straight edge from a tip (1, 0) to a notch (radius 0.42 at the angle of half a wedge).
    edge_x, edge_y = notch * np.cos(wedge) - 1, notch * np.sin(wedge)
    return edge_x * y - edge_y * (x - 1) > 0, radius < 0.25


def _cross(u: Array, v: Array) -> tuple[Mask, Mask]:
    arms = (np.minimum(abs(u), abs(v)) < 0.27) & (np.maximum(abs(u), abs(v)) < 0.95)
    return arms, abs(u) < abs(v)


def _ring(u: Array, v: Array) -> tuple[Mask, Mask]:
    radius = np.hypot(u, v)
    return (radius > 0.5) & (radius < 0.97), np.arctan2(v, u) % (np.pi / 2) < np.pi / 4


def _bar(u: Array, v: Array) -> tuple[Mask, Mask]:
    return (abs(u) < 0.93) & (abs(v) < 0.3), ((u + v) * 2.2) % 2 < 1


def _crescent(u: Array, v: Array) -> tuple[Mask, Mask]:
    return (np.hypot(u, v) < 0.95) & (np.hypot(u - 0.45, v) > 0.72), v > 2


def _heart(u: Array, v: Array) -> tuple[Mask, Mask]:
    x, y = u * 1.35, 0.15 - v * 1.35
    return (x**2 + y**2 - 1) ** 3 - x**2 * y**3 < 0, (u * 3) % 2 < 1


def _glyph(u: Array, v: Array) -> tuple[Mask, Mask]:
    stem = (abs(u + 0.35) < 0.17) & (abs(v) < 0.85)
    top = (u > -0.5) & (u < 0.52) & (abs(v + 0.68) < 0.17)
    middle = (u > -0.5) & (u < 0.3) & (abs(v + 0.08) < 0.17)
    return stem | top | middle, v > 0.3


_SPRITES: dict[str, Callable[[Array, Array], tuple[Mask, Mask]]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "bar": _bar,
    "crescent": _crescent,
    "heart": _heart,
    "glyph": _glyph,
}
