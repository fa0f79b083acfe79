"""The drawing of the three codebooks: what is joined, what asks, what is grey."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from sdc_lib import plots
from sdc_lib.config import ObjectiveConfig
from sdc_lib.plots import STREAM_COLOURS
from sdc_lib.plots.style import GREY


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def edges(figure: Figure, colour: str, wide: bool = False) -> int:
    """How many boxes have an edge of a colour."""
    boxes = [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]
    return sum(
        to_hex(box.get_edgecolor()) == colour.lower() and (box.get_linewidth() > 2) == wide
        for box in boxes
    )


def test_rows_of_an_index_are_joined_in_the_halves_that_alignment_compares() -> None:
    figure = plots.codebooks()
    assert {"align_static", "align_dynamic"} <= set(texts(figure))
    for half in ("static", "dynamic"):
        lines = [line for line in figure.axes[0].lines if line.get_color() == STREAM_COLOURS[half]]
        assert len(lines) == 2 * 3  # an arrow each way for every row that has a number
    assert edges(figure, GREY) == 2 * 4  # one half of the static and one of the dynamic codebook


def test_the_rows_that_ask_are_framed_with_the_filter_that_follows() -> None:
    figure = plots.codebooks("attention")
    for stream in ("video", "static", "dynamic"):
        assert edges(figure, STREAM_COLOURS[stream], wide=True) == 1
    assert texts(figure).count("of K, at most 9 are kept") == 2
    assert "of 2K, at most 9 are kept" in texts(figure)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ObjectiveConfig(filter_top_k=0), "all 2K are kept"),
        (ObjectiveConfig(filter_top_k=5, filter_inclusive=True), "of 2K, at most 5 are kept"),
    ],
)
def test_the_filter_is_that_of_the_run(config: ObjectiveConfig, words: str) -> None:
    assert words in texts(plots.codebooks("attention", config))


def test_another_part_is_refused() -> None:
    with pytest.raises(ValueError, match="'codebook' or 'attention', got 'views'"):
        plots.codebooks("views")
