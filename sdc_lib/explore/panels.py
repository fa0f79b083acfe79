"""A small line chart drawn with Pillow in a few milliseconds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from sdc_lib.plots.pixels import Pixels, font
from sdc_lib.plots.style import GREY, Array

WIDTH, HEIGHT = 224, 140
_LEFT, _TOP, _BOTTOM, _RIGHT = 42, 20, 8, 6


class Line(NamedTuple):
    """One curve of a panel."""

    values: Array  # (n,), one a step
    colour: str
    dash: tuple[int, int]  # pixels on and off


def panel(title: str, lines: Sequence[Line], mark: float | None = None) -> Pixels:
    """Draw curves over steps.

    Args:
        title: Above the axes.
        lines: Curves; all start at the left and share the axes.
        mark: Height of a dotted line, or None.

    Returns:
        An image ``(HEIGHT, WIDTH, 3)``.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, 2), title, fill="black", font=font(11))
    draw.line((_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM), fill="#444444")
    draw.line((_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM), fill="#444444")
    finite = [line.values[np.isfinite(line.values)] for line in lines]
    values = np.concatenate([*finite, [] if mark is None else [mark]])
    if not any(len(part) for part in finite):
        return np.asarray(image)
    low, high = float(values.min()), float(values.max())
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)

    def height(value: Array | float) -> Array:
        return np.asarray(
            HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP - 4) * (value - low) / (high - low)
        )

    for value in (low, high):
        y = float(height(value))
        draw.text((_LEFT - 4, y), f"{value:.3g}", fill="black", font=font(10), anchor="rm")
    if mark is not None:
        _dashed(
            draw,
            [(_LEFT, float(height(mark))), (WIDTH - _RIGHT, float(height(mark)))],
            GREY,
            (2, 4),
        )
    steps = max(len(line.values) for line in lines)
    for line in lines:
        _draw_curve(draw, line, steps, height(line.values))
    return np.asarray(image)


def _draw_curve(draw: ImageDraw.ImageDraw, line: Line, steps: int, heights: Array) -> None:
    width = WIDTH - _RIGHT - _LEFT
    picks = np.unique(np.linspace(0, len(heights) - 1, min(len(heights), width)).astype(int))
    x = _LEFT + width * picks / max(1, steps - 1)
    good = np.isfinite(heights[picks])
    points = list(zip(x[good].tolist(), heights[picks][good].tolist(), strict=True))
    if len(points) == 1:
        draw.ellipse(
            (points[0][0] - 2, points[0][1] - 2, points[0][0] + 2, points[0][1] + 2),
            fill=line.colour,
        )
    _dashed(draw, points, line.colour, line.dash)


def _dashed(
    draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: str, dash: tuple[int, int]
) -> None:
    """A polyline that is drawn for `dash[0]` pixels of its length, then not for `dash[1]`."""
    if dash[1] == 0:
        draw.line(points, fill=colour, width=2)
        return
    corners = np.asarray(points, float).reshape(-1, 2)
    if len(corners) < 2:
        return
    along = np.concatenate([[0], np.hypot(*np.diff(corners, axis=0).T).cumsum()])
    for start in np.arange(0, along[-1], sum(dash)):
        ends = np.linspace(start, min(start + dash[0], along[-1]), 4)
        piece = [np.interp(ends, along, corners[:, axis]) for axis in (0, 1)]
        draw.line(list(zip(*(part.tolist() for part in piece), strict=True)), fill=colour, width=2)
