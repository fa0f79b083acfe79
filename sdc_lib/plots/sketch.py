"""A sheet to draw diagrams on: boxes, pills, arrows and little frames, measured in pixels."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from sdc_lib.plots.style import VERMILLION

INK = "#333333"
FRAME = 32
"""Side of a little frame, pixels."""
_PIXELS_PER_INCH, _POINTS_PER_PIXEL = 96, 0.75
_HILL, _DISC, _MID = "#AFC3A4", "#2B3A55", "#9A9A9A"


class Sheet:
    """An empty drawing of ``width`` by ``height`` pixels of the page; y grows downwards.

    Attributes:
        figure: The figure to return.
        axes: Its only axes, which cover it.
        lift: Raise it and all that follows is drawn above what is there.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()
        self.lift = 0.0

    def box(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        *,
        face: str = "white",
        edge: str = INK,
        radius: float = 5,
        **options: Any,
    ) -> None:
        """A box with round corners; ``corner`` is its upper left, ``size`` width and height."""
        style = f"round,pad=0,rounding_size={radius}"
        look: dict[str, Any] = {"linewidth": 1.2, "clip_on": False, "zorder": 1} | options
        look["zorder"] += self.lift
        self.axes.add_patch(
            FancyBboxPatch(corner, *size, boxstyle=style, facecolor=face, edgecolor=edge, **look)
        )

    def text(self, x: float, y: float, text: str, size: float = 12, **options: Any) -> None:
        """Words, centred unless told otherwise; the size is in pixels."""
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": INK}
        look["zorder"] = 5 + self.lift
        self.axes.text(x, y, text, fontsize=size * _POINTS_PER_PIXEL, **(look | options))

    def pill(self, x: float, y: float, letter: str, colour: str) -> None:
        """A named signal: white letter on a coloured disc."""
        self._disc(x, y, 19, colour, zorder=4)
        self.text(x, y, letter, 12, color="white", weight="bold")

    def scissors(self, x: float, y: float) -> None:
        """The sign of a stop-gradient, as a shape: fonts may turn the letter into a picture."""
        self._disc(x, y, 15, VERMILLION, zorder=5, marker=_scissors())

    def arrow(self, points: Sequence[tuple[float, float]], colour: str = INK) -> None:
        """A line through the points with a head at the last one."""
        end, before = np.array(points[-1], float), np.array(points[-2], float)
        along = (end - before) / np.linalg.norm(end - before)
        aside = np.array([-along[1], along[0]])
        foot = end - 7 * along
        xs, ys = zip(*points[:-1], (foot[0], foot[1]), strict=True)
        self.axes.plot(xs, ys, color=colour, linewidth=1.4, zorder=2, clip_on=False)
        self._patch(Polygon([end, foot + 4 * aside, foot - 4 * aside]), colour, zorder=2)

    def frame(self, x: float, y: float, place: float, tint: str) -> None:
        """A frame in which a disc stands at ``place``, 0 (left) to 1, before a hill."""
        self._ground(x, y, tint)
        hill = [(x + 14, y + FRAME - 1), (x + 22, y + 15), (x + 30, y + FRAME - 1)]
        self._patch(Polygon(hill), _HILL)
        self._disc(*_centre(x, y, place), 9, _DISC)

    def difference(self, x: float, y: float, place: float, before: float) -> None:
        """What a frame difference shows: dark where the disc arrives, bright where it leaves."""
        self._ground(x, y, _MID)
        left, there = _centre(x, y, before), _centre(x, y, place)
        self._disc(*left, 9, "white")
        self._disc(*there, 9, "black")
        if abs(left[0] - there[0]) < 9:
            both = Circle(left, 4.5, facecolor=_MID, linewidth=0, zorder=3)
            self.axes.add_patch(both)
            both.set_clip_path(Circle(there, 4.5, transform=self.axes.transData))

    def _disc(
        self, x: float, y: float, size: float, colour: str, zorder: float = 3, marker: Any = "o"
    ) -> None:
        """A marker: SVG draws the same one many times by a reference, and stays small."""
        look: dict[str, Any] = {"markeredgewidth": 0, "clip_on": False, "color": colour}
        size *= _POINTS_PER_PIXEL
        self.axes.plot([x], [y], marker=marker, markersize=size, zorder=zorder + self.lift, **look)

    def _patch(self, shape: Any, colour: str, zorder: float = 3) -> None:
        shape.set(
            facecolor=colour,
            edgecolor="none",
            linewidth=0,
            zorder=zorder + self.lift,
            clip_on=False,
        )
        self.axes.add_patch(shape)

    def _ground(self, x: float, y: float, colour: str) -> None:
        look: dict[str, Any] = {"edgecolor": "#666666", "linewidth": 0.7, "zorder": 3}
        ground = Rectangle((x, y), FRAME, FRAME, facecolor=colour, clip_on=False, **look)
        self.axes.add_patch(ground)


@functools.cache
def _scissors() -> Path:
    shape = TextPath((0, 0), "✂", size=10)
    middle = shape.get_extents().get_points().mean(axis=0)
    return Path(shape.vertices - middle, shape.codes)


def _centre(x: float, y: float, place: float) -> tuple[float, float]:
    return x + 6 + place * (FRAME - 12), y + 9
