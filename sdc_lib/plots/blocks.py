"""Blocks of the drawing of the method: its layout, codebooks, modules and terms."""

from typing import Any

from sdc_lib.plots.sketch import Sheet
from sdc_lib.plots.style import GREY, STREAM_COLOURS, STREAM_TINTS, VERMILLION
from sdc_lib.terms import TERM_OF, TERMS, Term

PARTS = {
    "views": (72, 102),
    "backbone": (182, 76),
    "contrast": (266, 118),
    "codebook": (392, 164),
    "regularizers": (564, 166),
    "attention": (738, 162),
    "objective": (908, 124),
}
"""What can be lit: top and height of each band, pixels."""
WIDTH, HEIGHT = 840, 1064
COLUMNS = {"static": (112, 218), "video": (338, 264), "dynamic": (610, 218)}  # left and width
LEFT, RIGHT = 112, 828
CODEBOOK = PARTS["codebook"][0] + 46
"""Top of the codebooks, pixels."""
_CHIPS = {
    "contrast": ("contrast", 62),
    "align": ("codebook", 108),
    "diversity": ("regularizers", 10),
    "fidelity": ("regularizers", 110),
    "local": ("attention", 106),
}  # the band of a family's terms, and how far below its top they stand


def draw_codebook(sheet: Sheet, stream: str) -> None:
    """2K concepts in two halves; the half that no alignment touches is grey."""
    for half in ("static", "dynamic"):
        _draw_half(sheet, stream, half)
    sheet.pill(middle_of(stream), CODEBOOK + 18, "C", STREAM_COLOURS[stream])


def _draw_half(sheet: Sheet, stream: str, half: str) -> None:
    (left, width), second = COLUMNS[stream], half == "dynamic"
    x = left + second * width / 2
    idle = stream not in ("video", half)
    colour = GREY if idle else STREAM_COLOURS[half]
    face = "#E2E2E2" if idle else STREAM_TINTS[half]
    sheet.box((x + 1, CODEBOOK), (width / 2 - 2, 36), face=face, edge=colour, radius=3)
    look = {"color": "#5F5F5F" if idle else colour}
    centre, words = x + width / 4 + (4 if second else -4), "never aligned" if idle else "K concepts"
    sheet.text(centre, CODEBOOK + 12, f"{half} half", 11.5, weight="bold", **look)
    sheet.text(centre, CODEBOOK + 26, words, 11, **look)


def draw_step(sheet: Sheet, stream: str, name: str, takes: str, top: float, down: float) -> None:
    """A module of one stream with what it takes in, and an arrow down."""
    x, colour = middle_of(stream), STREAM_COLOURS[stream]
    sheet.box((x - 76, top), (152, 24), edge=colour)
    sheet.text(x + 4, top + 12, name, 12)
    sheet.pill(x - 76, top + 12, takes, colour)
    sheet.arrow([(x, top + 24), (x, top + 24 + down)], colour)


def draw_term(sheet: Sheet, name: str) -> None:
    """A term: its name, what is cut off, what it compares; diversity takes in the very scores."""
    term = TERM_OF[name]
    (left, width), top = _place(term)
    colour = STREAM_COLOURS[term.stream]
    tint = STREAM_TINTS[term.stream]
    sheet.box((left, top), (width, 46), face=tint, edge=colour, linewidth=1.6)
    sheet.text(left + 12, top + 14, name, 12.5, ha="left", color=colour, weight="bold")
    sheet.text(left + width / 2 + 4, top + 33, term.symbols, 12)
    if term.family == "diversity":
        sheet.pill(left, top + 33, "p", STREAM_COLOURS[_asked(term)])
    if term.detached != "none":
        sheet.scissors(left + width - 16, top + 14)
        look = {"ha": "right", "color": VERMILLION}
        sheet.text(left + width - 27, top + 14, term.detached, 11, **look)


def _asked(term: Term) -> str:
    """The stream that must not single out concepts of a diversity term's half: the other one."""
    return "static" if term.stream == "dynamic" else "dynamic"


def _place(term: Term) -> tuple[tuple[float, float], float]:
    """Left and width, and top of a term."""
    part, down = _CHIPS[term.family]
    top = PARTS[part][0] + down
    if term.family == "diversity":  # it stands with the views that must not single out its half
        return COLUMNS[_asked(term)], top
    if term.family == "align":
        half = (RIGHT - LEFT) / 2
        return (LEFT + (half + 4) * (term.stream == "dynamic"), half - 4), top
    return COLUMNS[term.stream], top


def light(sheet: Sheet, part: str, bottom: float) -> None:
    """Let all but one band fade, down to the bottom.

    The objective keeps its terms, the regularizers the halves that only diversity asks.
    """
    top, height = PARTS[part]
    first = PARTS["views"][0]
    veil: dict[str, Any] = {"face": "white", "edge": "none", "radius": 0, "alpha": 0.6, "zorder": 6}
    sheet.box((0, first), (WIDTH, top - first), **veil)
    sheet.box((0, top + height), (WIDTH, bottom - top - height), **veil)
    sheet.lift = 10
    sheet.box((4, top), (WIDTH - 8, height), face="none", linewidth=2.2, radius=8)
    for term in TERMS if part == "objective" else ():
        draw_term(sheet, term.name)
    if part == "regularizers":
        for stream, idle in (("static", "dynamic"), ("dynamic", "static")):
            _draw_half(sheet, stream, idle)
            sheet.pill(middle_of(stream), CODEBOOK + 18, "C", STREAM_COLOURS[stream])


def middle_of(stream: str) -> float:
    """Where the column of a stream has its middle, pixels."""
    left, width = COLUMNS[stream]
    return left + width / 2
