"""How a figure reaches the page: sharp on any screen, with a text for those who cannot see it."""

import base64
import html
import io
import re
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sdc_lib.plots.style import DENSITY, DPI, STYLE

_FONTS = "'DejaVu Sans', Verdana, sans-serif"  # Verdana is as wide, where DejaVu is missing
_BEST = 3
"""PNG at its best, which takes seconds, is less than so many times smaller than PNG at once."""


def figure_image(figure: Figure, max_kb: float = 80.0) -> tuple[str, bytes]:
    """Encode a figure: lines and text as SVG, pixels with `DENSITY` times the page's resolution.

    Pixels become PNG if that is small enough, otherwise WebP: frames of real video compress badly
    as PNG.

    Args:
        figure: What to encode.
        max_kb: Size to stay under, in kilobytes (1000 bytes).

    Returns:
        MIME type and bytes. The smallest WebP is returned even where it is too large.
    """
    if not any(axes.images for axes in figure.axes):
        data = figure_svg(figure).encode()
        if len(data) <= 1000 * max_kb:
            return "image/svg+xml", data
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        quick = {"compress_level": 1}  # it is only read again
        figure.savefig(buffer, format="png", dpi=DPI * DENSITY, pil_kwargs=quick)
    image = Image.open(buffer).convert("RGB")
    flat = _with_palette(image)
    if len(_encode(flat, "PNG", **quick)) <= _BEST * 1000 * max_kb:
        data = _encode(flat, "PNG", optimize=True)
        if len(data) <= 1000 * max_kb:
            return "image/png", data
    for quality in (90, 80, 70, 60, 45):
        data = _encode(image, "WEBP", quality=quality, method=4)
        if len(data) <= 1000 * max_kb:
            break
    return "image/webp", data


def figure_svg(figure: Figure, title: str = "") -> str:
    """A figure as SVG: the same figure gives the same text, without what no browser needs.

    Args:
        figure: What to draw.
        title: What it shows; the drawing's own alternative text.
    """
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "sdc_lib", **STYLE}
    buffer = io.StringIO()
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"^.*?(?=<svg)|<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", _plainer, text)
    text = re.sub(r"<g>\n((?:(?!</?g\b).)*)</g>\n", r"\1", text, flags=re.DOTALL)  # groups nothing
    text = text.replace("*{", f"text{{font-family: {_FONTS}}} *{{", 1)
    if title:
        text = text.replace(">", f' role="img"><title>{html.escape(title)}</title>', 1)
    return re.sub(r"\s*\n\s*", "\n", text)


def show(figure: Figure, alt: str, max_kb: float = 80.0) -> None:
    """Display a figure with a text for those who cannot see it; the end of every plotting cell.

    The page gets an image tag, which carries the text into JupyterLab and the HTML of nbconvert
    (Jupyter drops the metadata of plain images); without pages the text stands alone. No second
    picture lies beside it: viewers take HTML first and would never show that.

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
    tag = image_tag(mime, data, alt, round(DPI * figure.get_figwidth()))
    display({"text/html": tag, "text/plain": alt}, raw=True)  # type: ignore[no-untyped-call]


def image_tag(mime: str, data: bytes, alt: str, width: int, more: str = "") -> str:
    """An ``<img>`` with the picture inside.

    Args:
        mime: Kind of picture, ``image/png``.
        data: The picture.
        alt: What it shows.
        width: On the page, pixels.
        more: Other attributes.
    """
    source = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    text = html.escape(alt, quote=True)
    return f'<img alt="{text}" width="{width}"{more and " " + more} src="{source}">'


def _plainer(tag: re.Match[str]) -> str:
    """A tag without what says nothing: digits beyond a tenth of a point, names, turns by 0."""
    text = re.sub(r"\d+\.\d\d+", lambda number: f"{float(number[0]):.1f}", tag[0])
    text = re.sub(r"(\d)\.0\b", r"\1", text)
    text = re.sub(r"font-family: 'DejaVu Sans'; ", "", text)
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    return re.sub(r' id="(patch|text|line2d|axes|figure|matplotlib\.\w+)_\d+"', "", text)


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
