"""The method in one drawing: three streams, from two clips down to the thirteen terms."""

from matplotlib.figure import Figure

from sdc_lib.config import PretrainConfig
from sdc_lib.plots.blocks import (
    COLUMNS,
    HEIGHT,
    LEFT,
    PARTS,
    RIGHT,
    WIDTH,
    draw_codebook,
    draw_step,
    draw_term,
    light,
    middle_of,
)
from sdc_lib.plots.sketch import FRAME, INK, Sheet
from sdc_lib.plots.style import STREAM_COLOURS, styled
from sdc_lib.terms import FAMILIES, term_weights

_TITLES = {
    "views": ("01\nviews", "six a video"),
    "backbone": ("backbone", ""),
    "contrast": ("02\ncontrast", "five\nprojections"),
    "codebook": ("03\nconcepts", "three projections,\nthree codebooks"),
    "regularizers": ("04\nregularizers", "three decoders"),
    "attention": ("05\nattention", "one, and a filter"),
    "objective": ("06\nobjective", "thirteen terms"),
}
_HEADS = {"static": "static view  s", "video": "video  v", "dynamic": "frame difference  d"}


@styled
def architecture(
    highlight: str | None = None, config: PretrainConfig | None = None, *, so_far: bool = False
) -> Figure:
    """Draw the whole method: clips, views, backbone, heads, and the thirteen terms.

    Columns are streams, bands are notebooks 01 to 06. A letter on a disc is a signal that a box
    takes in: z pooled feature, F local map, p scores, C concepts. Scissors mark what is detached.

    Args:
        highlight: The part to light, one of `PARTS`; all others fade. None lights all.
        config: Whose weights, filter and first epochs are written; by default the released ones.
        so_far: Leave out what comes below the part that is lit.

    Returns:
        The drawing.

    Raises:
        ValueError: If there is no such part.
    """
    if highlight is not None and highlight not in PARTS:
        raise ValueError(f"highlight must be one of {', '.join(PARTS)} or None, got {highlight!r}")
    config = config or PretrainConfig()
    names = list(PARTS)
    last = highlight if highlight and so_far else names[-1]
    shown = {name: PARTS[name] for name in names[: names.index(last) + 1]}
    bottom, explained = sum(PARTS[last]), last not in ("views", "backbone")
    sheet = Sheet(WIDTH, bottom + (HEIGHT - sum(PARTS[names[-1]]) if explained else 4))
    for part, (top, height) in shown.items():
        sheet.box((4, top), (WIDTH - 8, height), face="#F5F5F2", edge="none", radius=8)
        title, note = _TITLES[part]
        middle = top + height / 2
        look = {"weight": "bold", "linespacing": 1.35}
        sheet.text(55, middle - 16 * bool(note), title, 13, **look)
        sheet.text(55, middle + 10, note, 11, linespacing=1.3, va="top")
        _DRAWN[part](sheet, top, config)
    _clips(sheet)
    if explained:
        _legend(sheet, bottom, concepts="codebook" in shown)
    if highlight is not None:
        light(sheet, highlight, bottom)
    return sheet.figure


def _clips(sheet: Sheet) -> None:
    middle = middle_of("video")
    sheet.text(middle - 120, 18, "two consecutive clips", 12, ha="right")
    sheet.text(middle + 120, 18, "of one video", 12, ha="left")
    for i in range(6):
        sheet.frame(middle - 105 + i * 34 + 8 * (i > 2), 2, i / 5, "#FBF9F4")
    for stream, (left, width) in COLUMNS.items():
        sheet.box((left, 42), (width, 24), face=STREAM_COLOURS[stream], edge="none")
        sheet.text(left + width / 2, 54, _HEADS[stream], 13, color="white", weight="bold")


def _views(sheet: Sheet, top: float, _: PretrainConfig) -> None:
    words = {
        "static": "one frame of each clip, augmented, repeated",
        "video": "each clip, augmented",
        "dynamic": "v[t] − v[t−1]; first minus last",
    }
    tints = {"static": ("#F6DFDA", "#E3E9CC"), "video": ("#F8EFC6", "#D5E6F3")}
    for stream, text in words.items():
        for view in (0, 1):
            left = middle_of(stream) + (4 if view else -104)
            for t in range(3):
                x, place = left + t * 34, (3 * view + t) / 5
                if stream == "dynamic":
                    sheet.difference(x, top + 10, place, (3 * view + (t - 1) % 3) / 5)
                else:
                    shown = (3 * view + 1) / 5 if stream == "static" else place
                    sheet.frame(x, top + 10, shown, tints[stream][view])
            name = stream[0] + "₁₂"[view]
            sheet.text(left + 50, top + 22 + FRAME, name, 13, weight="bold")
        sheet.text(middle_of(stream), top + 83, text, 11.5)


def _backbone(sheet: Sheet, top: float, _: PretrainConfig) -> None:
    sheet.box((LEFT, top + 10), (RIGHT - LEFT, 26), face="#DFDFDF")
    sheet.text((LEFT + RIGHT) / 2, top + 23, "one backbone, shared by all six views", 12.5)
    for stream, colour in STREAM_COLOURS.items():
        x, y = middle_of(stream), top + 58
        sheet.arrow([(x, top - 12), (x, top + 10)])
        for offset, letter, name in ((-66, "z", "pooled"), (14, "F", "local map")):
            sheet.arrow([(x + offset, top + 36), (x + offset, y - 9)], colour)
            sheet.pill(x + offset, y, letter, colour)
            sheet.text(x + offset + 14, y, name, 11.5, ha="left")


def _contrast(sheet: Sheet, top: float, _: PretrainConfig) -> None:
    y, chips = top + 10, top + 62
    for stream, names in {"static": "s", "video": ("vˢ", "v", "vᵈ"), "dynamic": "d"}.items():
        for i, name in enumerate(names):
            x = middle_of(stream) + (i - (len(names) - 1) / 2) * 90
            own = {"vˢ": "static", "vᵈ": "dynamic"}.get(name, stream)
            sheet.box((x - 30, y), (60, 24), edge=STREAM_COLOURS[own])
            sheet.text(x + 4, y + 12, name, 13, color=STREAM_COLOURS[own], weight="bold")
            sheet.pill(x - 30, y + 12, "z", STREAM_COLOURS[stream])
        draw_term(sheet, f"contrast_{stream}")
        sheet.arrow(
            [(middle_of(stream), y + 24), (middle_of(stream), chips)], STREAM_COLOURS[stream]
        )
    for side, stream in ((-1, "static"), (1, "dynamic")):
        x, there = middle_of("video") + side * 90, middle_of(stream) - side * 60
        corner = [(x, y + 24), (x, y + 38), (there, y + 38), (there, chips)]
        sheet.arrow(corner, STREAM_COLOURS[stream])


def _concepts(sheet: Sheet, top: float, _: PretrainConfig) -> None:
    for stream in COLUMNS:
        draw_step(sheet, stream, "concept projection", "z", top + 10, 12)
        draw_codebook(sheet, stream)
    chips = top + 108
    for side, half in ((-1, "static"), (1, "dynamic")):
        draw_term(sheet, f"align_{half}")
        for stream in ("video", half):
            x = middle_of(stream) + side * COLUMNS[stream][1] / 4
            sheet.arrow([(x, top + 82), (x, chips)], STREAM_COLOURS[half])
            sheet.pill(x, top + 91, "p", STREAM_COLOURS[stream])


def _regularizers(sheet: Sheet, top: float, _: PretrainConfig) -> None:
    for half in ("static", "dynamic"):
        draw_term(sheet, f"diversity_{half}")
    sheet.text(
        middle_of("video"), top + 33, "none for the video: its halves\nmay know the same", 11.5
    )
    for stream in COLUMNS:
        draw_step(sheet, stream, "decoder", "p", top + 66, 20)
        draw_term(sheet, f"fidelity_{stream}")
        x = sum(COLUMNS[stream]) - 16  # above the scissors
        sheet.arrow([(x, top + 78), (x, top + 110)], STREAM_COLOURS[stream])
        sheet.pill(x, top + 78, "z", STREAM_COLOURS[stream])


def _attention(sheet: Sheet, top: float, config: PretrainConfig) -> None:
    objective = config.objective
    kept = objective.filter_top_k - (not objective.filter_inclusive)
    sheet.box((LEFT, top + 32), (RIGHT - LEFT, 26), face="#DFDFDF")
    text = "one cross-attention, shared: concepts ask, places answer: a descriptor a concept"
    sheet.text((LEFT + RIGHT) / 2, top + 45, text, 12.5)
    for stream, colour in STREAM_COLOURS.items():
        x = middle_of(stream)
        for offset, letter in ((-14, "C"), (14, "F")):
            sheet.arrow([(x + offset, top + 12), (x + offset, top + 32)], colour)
            sheet.pill(x + offset, top + 13, letter, colour)
        if objective.filter_top_k:
            sheet.arrow([(x, top + 58), (x, top + 70)], colour)
            draw_step(sheet, stream, f"filter: {kept} at most", "p", top + 70, 12)
        else:
            sheet.arrow([(x, top + 58), (x, top + 106)], colour)
            sheet.text(x + 8, top + 82, "all concepts", 11.5, ha="left")
        draw_term(sheet, f"local_{stream}")


def _objective(sheet: Sheet, top: float, config: PretrainConfig) -> None:
    weights = term_weights(config.weights)
    parts = [f"{weights[f'{f}_{s[0]}']:g} {f}" for f, s in FAMILIES.items()]
    middle = (LEFT + RIGHT) / 2
    sheet.text(middle, top + 22, "total  =  " + "  +  ".join(parts), 13, weight="bold")
    sheet.text(
        middle, top + 42, "each word sums its terms of all streams: 3 + 2 + 2 + 3 + 3 = 13", 11.5
    )
    begins = _schedule(config)
    width = (RIGHT - LEFT) / len(begins)
    for i, (epoch, words) in enumerate(begins.items()):
        left = LEFT + i * width
        sheet.box((left + 2, top + 58), (width - 4, 58), face="#DFDFDF", edge="none")
        when = f"from epoch {epoch + 1}" if epoch else "from the first epoch"
        sheet.text(left + width / 2, top + 70, when, 11.5, weight="bold")
        sheet.text(left + width / 2, top + 80, words, 11.5, va="top", linespacing=1.35)


def _schedule(config: PretrainConfig) -> dict[int, str]:
    """What begins, a line each, by epochs counted from 0."""
    c = config.curriculum
    first = ", ".join(family for family in FAMILIES if family != "local")
    begins: dict[int, list[str]] = {0: [first]}
    if c.codebooks_from_epoch:
        begins[0].append("codebooks frozen")
        begins.setdefault(c.codebooks_from_epoch, []).append("codebooks learn")
    if c.queue_size:
        queue = "queue of scores joins align"
        begins.setdefault(c.queue_from_epoch, []).append(queue)
    begins.setdefault(c.local_from_epoch, []).append("local")
    return {epoch: "\n".join(begins[epoch]) for epoch in sorted(begins)}


def _legend(sheet: Sheet, top: float, *, concepts: bool) -> None:
    sheet.scissors(120, top + 18)
    sheet.text(134, top + 18, "stop-gradient: a constant", 11.5, ha="left")
    sheet.text(318, top + 18, "⇄ each side once query, once key", 11.5, ha="left")
    letters = ((556, "C", "concepts"), (648, "p", "scores: cosines with C")) if concepts else ()
    for x, letter, words in letters:
        sheet.pill(x, top + 18, letter, INK)
        sheet.text(x + 14, top + 18, words, 11.5, ha="left")


_DRAWN = {
    "views": _views,
    "backbone": _backbone,
    "contrast": _contrast,
    "codebook": _concepts,
    "regularizers": _regularizers,
    "attention": _attention,
    "objective": _objective,
}
