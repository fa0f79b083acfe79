"""A small line chart drawn with Pillow in a few milliseconds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from sdc_lib.plots.pixels import Pixels, font
from sdc_lib.plots.style import DENSITY, GREY, Array

WIDTH, HEIGHT = 212 * DENSITY, 150 * DENSITY
_LEFT, _TOP, _BOTTOM, _RIGHT = (DENSITY * pixels for pixels in (42, 22, 30, 10))
_AXIS = "#444444"


class Line(NamedTuple):
    """One curve of a panel."""

    steps: Array  # (n,), rising
    values: Array  # (n,), one a step
    colour: str
    dash: tuple[int, int]  # pixels of the page on and off


def panel(title: str, lines: Sequence[Line], mark: float | None = None) -> Pixels:
    """Draw curves over steps.

    Args:
        title: Above the axes.
        lines: Curves that share the axes.
        mark: Height of a dotted line, or None.

    Returns:
        An image ``(HEIGHT, WIDTH, 3)``.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, DENSITY), title, fill="black", font=font(12))
    draw.line((_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM), fill=_AXIS, width=DENSITY)
    draw.line(
        (_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM), fill=_AXIS, width=DENSITY
    )
    drawn = [line.values[np.isfinite(line.values)] for line in lines]
    if not any(len(part) for part in drawn):
        return np.asarray(image)
    low, high = _limits(np.concatenate([*drawn, [] if mark is None else [mark]]))
    steps = np.concatenate([line.steps for line in lines])
    first, last = float(steps.min()), float(steps.max())

    def across(step: Array | float) -> Array:
        width = WIDTH - _RIGHT - _LEFT
        return np.asarray(_LEFT + width * (step - first) / max(last - first, 1.0))

    def down(value: Array | float) -> Array:
        height = HEIGHT - _BOTTOM - _TOP - 4 * DENSITY
        return np.asarray(HEIGHT - _BOTTOM - height * (value - low) / (high - low))

    for value in (low, high):
        place = (_LEFT - 4 * DENSITY, float(down(value)))
        draw.text(place, f"{value:.3g}", fill="black", font=font(11), anchor="rm")
    _step_axis(draw, first, last)
    if mark is not None:
        y = float(down(mark))
        _dashed(draw, [(_LEFT, y), (WIDTH - _RIGHT, y)], GREY, (2, 4))
    for line in lines:
        _draw_curve(draw, line, across(line.steps), down(line.values))
    return np.asarray(image)


def _limits(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _step_axis(draw: ImageDraw.ImageDraw, first: float, last: float) -> None:
    """The first and the last step below the axis, and what they are between them."""
    y, right = HEIGHT - _BOTTOM + 4 * DENSITY, WIDTH - _RIGHT
    draw.text((_LEFT, y), f"{first:.0f}", fill="black", font=font(11), anchor="ma")
    draw.text(((_LEFT + right) / 2, y), "step", fill="black", font=font(11), anchor="ma")
    if last > first:
        draw.text((WIDTH - DENSITY, y), f"{last:.0f}", fill="black", font=font(11), anchor="ra")


def _draw_curve(draw: ImageDraw.ImageDraw, line: Line, x: Array, y: Array) -> None:
    good = np.flatnonzero(np.isfinite(y))
    picks = good[np.unique(np.linspace(0, len(good) - 1, min(len(good), WIDTH)).astype(int))]
    points = list(zip(x[picks].tolist(), y[picks].tolist(), strict=True))
    if len(points) == 1:
        (centre,) = points
        draw.circle(centre, 2 * DENSITY, fill=line.colour)
    _dashed(draw, points, line.colour, line.dash)


def _dashed(
    draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: str, dash: tuple[int, int]
) -> None:
    """A polyline that is drawn for `dash[0]` pixels of its length, then not for `dash[1]`."""
    width = round(1.5 * DENSITY)
    if dash[1] == 0:
        draw.line(points, fill=colour, width=width, joint="curve")
        return
    corners = np.asarray(points, float).reshape(-1, 2)
    if len(corners) < 2:
        return
    on, off = (DENSITY * pixels for pixels in dash)
    along = np.concatenate([[0], np.hypot(*np.diff(corners, axis=0).T).cumsum()])
    for start in np.arange(0, along[-1], on + off):
        ends = np.linspace(start, min(start + on, along[-1]), 4)
        piece = [np.interp(ends, along, corners[:, axis]) for axis in (0, 1)]
        draw.line(list(zip(*(p.tolist() for p in piece), strict=True)), fill=colour, width=width)
