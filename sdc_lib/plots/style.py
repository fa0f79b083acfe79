"""One look for all figures: colours, sizes, and how a figure reaches the page.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart for all common
kinds of colour blindness; every colour comes with a line style or a marker of its own, so that
nothing depends on colour alone.
"""

import functools
import io
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
from PIL import Image
from torch import Tensor

P = ParamSpec("P")
Array = NDArray[Any]

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#000000", "#767676"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK, YELLOW)
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STREAM_COLOURS = {"video": BLUE, "static": ORANGE, "dynamic": GREEN}
STREAM_LINES = {"video": "-", "static": "--", "dynamic": "-."}
RIGHT, WRONG = GREEN, VERMILLION
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"

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
    "figure.dpi": 90,
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


def as_numpy(values: Any) -> Array:
    """A tensor, array or list as an array on the host."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values
    return np.asarray(values)


def figure_image(figure: Figure, max_kb: float = 60.0) -> tuple[str, bytes]:
    """Encode a figure, as PNG if that is small enough, otherwise as JPEG.

    Frames of real video compress badly as PNG; JPEG without chroma subsampling keeps labels sharp.

    Args:
        figure: What to encode, at its own resolution.
        max_kb: Size to stay under, in kilobytes (1000 bytes).

    Returns:
        MIME type and bytes. The smallest JPEG is returned even where it is too large.
    """
    with matplotlib.rc_context(STYLE):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    image = Image.open(buffer).convert("RGB")
    data = _encode(_with_palette(image), "PNG", optimize=True)
    if len(data) <= 1000 * max_kb:
        return "image/png", data
    for quality in (85, 75, 65, 55, 45):
        data = _encode(image, "JPEG", quality=quality, subsampling=0, optimize=True)
        if len(data) <= 1000 * max_kb:
            break
    return "image/jpeg", data


def show(figure: Figure, alt: str, max_kb: float = 60.0) -> None:
    """Display a figure with a text for those who cannot see it; the end of every plotting cell.

    The text goes into the output twice: as its plain-text form, and as ``alt`` in the metadata
    of the image, from where nbconvert's ``classic`` template takes it into the page.

    Args:
        figure: From any function of `sdc_lib.plots`.
        alt: What the figure shows and what one should see in it, in a sentence or two.
        max_kb: See `figure_image`.

    Raises:
        ValueError: If the text is empty.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must say what the figure shows, got an empty text")
    mime, data = figure_image(figure, max_kb)
    bundle = {mime: data, "text/plain": alt}
    display(bundle, raw=True, metadata={mime: {"alt": alt}})  # type: ignore[no-untyped-call]


def _with_palette(image: Image.Image) -> Image.Image:
    """The image in 256 colours where nobody sees the difference, as in lines and text."""
    if image.getcolors(1 << 14) is None:
        return image  # photographs: a palette would show
    flat = image.quantize(256, dither=Image.Dither.NONE)
    before, after = (np.asarray(i.convert("RGB"), dtype=np.int16) for i in (image, flat))
    return flat if np.abs(before - after).mean() < 1 else image


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
