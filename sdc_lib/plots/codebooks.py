"""The three codebooks row by row: which halves alignment joins by index, and which ones ask."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sdc_lib.config import ObjectiveConfig
from sdc_lib.plots.sketch import Sheet
from sdc_lib.plots.style import GREY, STREAM_COLOURS, STREAM_TINTS, lighter, styled

_WIDTH, _TOP, _ROW, _GAP = 800, 64, 24, 14  # pixels; the gap parts the halves
_COLUMNS = {"static": 122, "video": 375, "dynamic": 628}  # left side of each codebook
_BREADTH, _CELLS = 150, 7
_NAMES = (("0", "1", "⋮", "K−1"), ("K", "K+1", "⋮", "2K−1"))
_HALVES = ("static", "dynamic")
_GREYED = "#6A6A6A"


@styled
def codebooks(part: str = "codebook", config: ObjectiveConfig | None = None) -> Figure:
    """Draw the rows of the video, static and dynamic codebook, and what today's part does to them.

    Rows of one index stand side by side. A half that no alignment touches is grey.

    Args:
        part: ``"codebook"``: lines join rows of the same index that alignment compares.
            ``"attention"``: frames are around the rows that ask in the local terms.
        config: Whose filter is written below the rows that ask; by default the released one.

    Returns:
        The drawing.

    Raises:
        ValueError: If there is no such part.
    """
    if part not in ("codebook", "attention"):
        raise ValueError(f"part must be 'codebook' or 'attention', got {part!r}")
    bottom = _top_of(1) + 4 * _ROW
    sheet = Sheet(_WIDTH, bottom + (58 if part == "codebook" else 98))
    for half, name in enumerate(_HALVES):
        first, last = ("0", "K−1") if half == 0 else ("K", "2K−1")
        look: dict[str, Any] = {"ha": "right", "color": STREAM_COLOURS[name]}
        middle = _top_of(half) + 2 * _ROW
        sheet.text(108, middle - 8, f"{name} half", 12.5, weight="bold", **look)
        sheet.text(108, middle + 9, f"rows {first} … {last}", 11.5, **look)
    for stream in _COLUMNS:
        _codebook(sheet, stream)
    if part == "codebook":
        _joined_by_alignment(sheet, bottom)
    else:
        _asking(sheet, bottom, config or ObjectiveConfig())
    return sheet.figure


def _top_of(half: int) -> float:
    return _TOP + half * (4 * _ROW + _GAP)


def _codebook(sheet: Sheet, stream: str) -> None:
    """A head, and 2K rows: an index and a vector each."""
    left, colour = _COLUMNS[stream], STREAM_COLOURS[stream]
    middle = left + _BREADTH / 2
    sheet.box((left, 6), (_BREADTH, 22), face=colour, edge="none")
    sheet.text(middle, 17, f"{stream} codebook", 12.5, color="white", weight="bold")
    letter = stream[0]
    sheet.text(middle, 44, f"scored by {letter}₁ and {letter}₂", 11.5, color=colour)
    shades = np.random.default_rng(len(stream)).uniform(0.15, 0.9, (2, 4, _CELLS))
    for half, name in enumerate(_HALVES):
        idle = stream not in ("video", name)
        own = GREY if idle else STREAM_COLOURS[name]
        tint = "#E2E2E2" if idle else STREAM_TINTS[name]
        for row, index in enumerate(_NAMES[half]):
            top = _top_of(half) + row * _ROW
            sheet.box((left, top + 1), (_BREADTH, _ROW - 2), face=tint, edge=own, radius=2)
            look: dict[str, Any] = {"color": _GREYED if idle else own}
            sheet.text(left + 22, top + _ROW / 2, index, 11.5, weight="bold", **look)
            if index == "⋮":
                continue
            for cell, shade in enumerate(shades[half, row]):
                corner = (left + 46 + 14 * cell, top + 6)
                sheet.box(corner, (12, 12), face=lighter(own, shade), edge="none", radius=1)


def _joined_by_alignment(sheet: Sheet, bottom: float) -> None:
    for half, (one, other) in enumerate((("static", "video"), ("video", "dynamic"))):
        name, colour = _HALVES[half], STREAM_COLOURS[_HALVES[half]]
        left, right = _COLUMNS[one] + _BREADTH, _COLUMNS[other]
        for row, index in enumerate(_NAMES[half]):
            y = _top_of(half) + (row + 0.5) * _ROW
            if index != "⋮":
                sheet.arrow([((left + right) / 2, y), (right - 2, y)], colour)
                sheet.arrow([((left + right) / 2, y), (left + 2, y)], colour)
        look: dict[str, Any] = {"color": colour, "weight": "bold"}
        sheet.text((left + right) / 2, _top_of(half) + 2.5 * _ROW, f"align_{name}", 11, **look)
    for half, view, stream in ((1, "s", "static"), (0, "d", "dynamic")):
        aside = _COLUMNS["video"] + (-51.5 if stream == "static" else _BREADTH + 51.5)
        words = f"not joined:\nonly diversity\nreads what {view}\nanswers here"
        sheet.text(aside, _top_of(half) + 2 * _ROW, words, 11, color=_GREYED, linespacing=1.25)
    words = (
        "An arrow compares the shares that two views give to concepts of one index n: distribution "
        "of one,\nassignment of the other. The vectors of the two rows differ; only n is shared."
    )
    sheet.text(_WIDTH / 2, bottom + 32, words, 12, linespacing=1.35)


def _asking(sheet: Sheet, bottom: float, config: ObjectiveConfig) -> None:
    for stream, left in _COLUMNS.items():
        colour, letter = STREAM_COLOURS[stream], stream[0]
        halves = (0, 1) if stream == "video" else (_HALVES.index(stream),)
        top, foot = _top_of(halves[0]) - 4, _top_of(halves[-1]) + 4 * _ROW + 4
        look: dict[str, Any] = {"face": "none", "edge": colour, "linewidth": 2.6}
        sheet.box((left - 5, top), (_BREADTH + 10, foot - top), **look)
        middle, count = left + _BREADTH / 2, "2K" if stream == "video" else "K"
        if foot < bottom:  # the way down passes the half that does not ask
            edge, down = left + _BREADTH + 5, bottom + 14
            corner = [(edge, foot - 14), (edge + 14, foot - 14), (edge + 14, down)]
            sheet.arrow([*corner, (middle, down), (middle, down + 12)], colour)
        else:
            sheet.arrow([(middle, foot), (middle, bottom + 26)], colour)
        asked = f"{count} queries look at\nF of {letter}₁ and F of {letter}₂"
        sheet.box((left - 16, bottom + 26), (_BREADTH + 32, 66), edge=colour)
        sheet.text(middle, bottom + 46, asked, 12, linespacing=1.3)
        sheet.text(middle, bottom + 78, _filter_words(count, config), 11.5, color=colour)


def _filter_words(count: str, config: ObjectiveConfig) -> str:
    if not config.filter_top_k:
        return f"all {count} are kept"
    kept = config.filter_top_k - (not config.filter_inclusive)
    return f"of {count}, at most {kept} are kept"
