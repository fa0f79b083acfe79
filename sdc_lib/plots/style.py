"""One look for all figures: colours, sizes and lines.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart for all common
kinds of colour blindness; those of the streams and of warnings are darker, so that text in them can
be read (contrast of 4.5 and more on white). Every colour comes with a line style or a marker of its
own, so that nothing depends on colour alone.
"""

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ParamSpec

import matplotlib
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

P = ParamSpec("P")
Array = NDArray[Any]

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#C44D00"
PURPLE, SKY, YELLOW, BLACK, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#000000", "#767676"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK, YELLOW)
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STREAM_COLOURS = {"video": BLUE, "static": "#B35900", "dynamic": "#00795B"}
STREAM_TINTS = {"video": "#E3F0F9", "static": "#FCEBDA", "dynamic": "#DDF2EA"}
STREAM_LINES = {"video": "-", "static": "--", "dynamic": "-."}
RIGHT, WRONG = BLACK, GREY  # no colour of a stream
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"
DPI = 96
"""Pixels of the page to an inch of a figure."""
DENSITY = 2
"""Pixels of a picture to a pixel of the page, in each direction: sharp on a sharp screen."""

_SETTINGS: Any = matplotlib.rcParams  # its keys are an endless union of literals
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": False,
    "axes.labelsize": 9,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#DDDDDD",
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.facecolor": "white",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


class _Restore(AbstractContextManager[None]):
    def __init__(self, before: Mapping[str, Any]) -> None:
        self._before = before

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _SETTINGS.update(self._before)


def use_style() -> AbstractContextManager[None]:
    """Give your own figures the look of these: call it once, or use it in a ``with`` statement.

    Returns:
        A context manager that restores the earlier settings on leaving.
    """
    before = {key: _SETTINGS[key] for key in STYLE}
    _SETTINGS.update(STYLE)
    return _Restore(before)


def styled(make: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with our style and leave the caller's settings as they were."""

    @functools.wraps(make)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return make(*args, **kwargs)

    return wrapper


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure outside pyplot's registry, so that nothing shows or keeps it twice.

    Args:
        width: Inches.
        height: Inches.
        rows: Rows of axes.
        columns: Columns of axes.
        **options: Passed to ``Figure.subplots``.

    Returns:
        The figure and its axes, row by row.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def lighter(colour: str, share: float = 0.7) -> str:
    """A colour mixed with that share of white."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 * share + (1 - share) * part):02X}" for part in parts)


def as_numpy(values: Any) -> Array:
    """A tensor, array or list as an array on the host."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values
    return np.asarray(values)
