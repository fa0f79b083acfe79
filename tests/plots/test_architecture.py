"""The drawing of the method shows every term, cuts every stop-gradient and lights one part."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from sdc_lib import plots
from sdc_lib.config import CurriculumConfig, ObjectiveConfig, PretrainConfig
from sdc_lib.plots.blocks import WIDTH
from sdc_lib.plots.style import VERMILLION
from sdc_lib.terms import TERMS, LossWeights
from tools.pictures import with_terms

ROOT = Path(__file__).resolve().parents[2]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def scissors(figure: Figure) -> int:
    lines = figure.axes[0].lines
    return sum(line.get_color() == VERMILLION for line in lines if line.get_marker() != "None")


def test_every_term_is_there_once_with_what_it_compares() -> None:
    texts = words(plots.architecture())
    for term in TERMS:
        place = texts.index(term.name)
        assert texts[place + 1] == term.symbols
        assert texts.count(term.name) == 1


def test_scissors_mark_every_stop_gradient() -> None:
    cut = sum(term.detached != "none" for term in TERMS)
    assert cut == 11
    assert scissors(plots.architecture()) == cut + 1  # one explains the sign


def inputs(figure: Figure, name: str, reach: float) -> list[str]:
    """Letters on discs in the column of a term, from so many pixels above its name to its end."""
    texts = figure.axes[0].texts
    x, y = next(text.get_position() for text in texts if text.get_text() == name)
    discs = [text for text in texts if text.get_text() in "zFCp" and text.get_color() == "white"]
    places = [(disc.get_position(), disc.get_text()) for disc in discs]
    return sorted(letter for (u, v), letter in places if -20 < u - x < 270 and -reach < v - y < 25)


@pytest.mark.parametrize("stream", ["static", "video", "dynamic"])
def test_terms_show_all_that_they_take_in(stream: str) -> None:
    figure = plots.architecture()
    assert inputs(figure, f"fidelity_{stream}", 50) == ["p", "z"]
    assert inputs(figure, f"local_{stream}", 110) == ["C", "F", "p"]
    none = plots.architecture(config=PretrainConfig(objective=ObjectiveConfig(filter_top_k=0)))
    assert inputs(none, f"local_{stream}", 110) == ["C", "F"]


@pytest.mark.parametrize("part", [None, "objective"])
def test_no_box_covers_the_scores_that_diversity_takes_in(part: str | None) -> None:
    axes = plots.architecture(part).axes[0]
    boxes = [patch for patch in axes.patches if patch.get_alpha() is None]
    for half in ("static", "dynamic"):
        x, y = [t for t in axes.texts if t.get_text() == f"diversity_{half}"][-1].get_position()
        discs = [t for t in axes.texts if t.get_text() == "p" and abs(t.get_position()[1] - y) < 25]
        disc = min(discs, key=lambda t: (abs(t.get_position()[0] - x), -t.get_zorder()))
        here = [box for box in boxes if box.get_path().contains_point(disc.get_position())]
        assert disc.get_zorder() > max(box.get_zorder() for box in here)


def test_halves_that_no_alignment_touches_are_said_to_be_so() -> None:
    assert words(plots.architecture()).count("never aligned") == 2


def test_beside_the_regularizers_the_halves_that_diversity_asks_do_not_fade() -> None:
    axes = plots.architecture("regularizers").axes[0]
    veil = max(patch.get_zorder() for patch in axes.patches if patch.get_alpha() is not None)
    lit = [text for text in axes.texts if text.get_zorder() > veil]
    assert [text.get_text() for text in lit].count("never aligned") == 2


def test_no_word_leaves_the_drawing() -> None:
    figure = plots.architecture()
    figure.draw_without_rendering()
    scale = figure.dpi / 96
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= WIDTH * scale, text.get_text()


@pytest.mark.parametrize("part", plots.PARTS)
def test_one_part_is_lit_and_the_rest_fades(part: str) -> None:
    def drawn(figure: Figure) -> list[float | None]:
        return [patch.get_alpha() for patch in figure.axes[0].patches]

    veils = [alpha for alpha in drawn(plots.architecture(part)) if alpha is not None]
    assert len(veils) == 2
    assert set(drawn(plots.architecture())) == {None}
    expected = 2 if part == "objective" else 1  # its terms stay lit
    assert words(plots.architecture(part)).count("local_video") == expected


@pytest.mark.parametrize("part", plots.PARTS)
def test_the_drawing_can_end_with_the_part_that_is_lit(part: str) -> None:
    whole, short = plots.architecture(part), plots.architecture(part, so_far=True)
    bottom = sum(plots.PARTS[part])
    height = short.axes[0].get_ylim()[0]
    assert bottom < height <= whole.axes[0].get_ylim()[0]
    assert short.get_figheight() / height == pytest.approx(whole.get_figheight() / 1064)
    inside = [t.get_text() for t in whole.axes[0].texts if t.get_position()[1] < bottom]
    legend = [] if part in ("views", "backbone") else words(plots.architecture())[-6:]
    legend = legend[:2] if part == "contrast" else legend  # no concept exists yet
    assert sorted(words(short)) == sorted(inside + legend)


@pytest.mark.parametrize("part", [None, *plots.PARTS])
def test_every_variant_reaches_the_page_as_lines_and_text(part: str | None) -> None:
    kind, _ = plots.figure_image(plots.architecture(part))
    assert kind == "image/svg+xml"


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"one of views, backbone, .* got 'sinkhorn'"):
        plots.architecture("sinkhorn")


def test_weights_filter_and_schedule_are_those_of_the_run() -> None:
    config = PretrainConfig(
        weights=LossWeights(diversity=0.7),
        objective=ObjectiveConfig(filter_top_k=0),
        curriculum=CurriculumConfig(queue_size=0, codebooks_from_epoch=0, local_from_epoch=3),
    )
    texts = " ".join(words(plots.architecture(config=config)))
    assert "0.7 diversity" in texts
    assert "all concepts" in texts
    assert "from epoch 4 local" in texts
    assert "queue" not in texts
    assert "frozen" not in texts


def test_every_family_begins_at_some_epoch() -> None:
    texts = words(plots.architecture())
    begins = {word: texts[texts.index(word) + 1] for word in texts if word.startswith("from ")}
    assert begins == {
        "from the first epoch": "contrast, align, diversity, fidelity\ncodebooks frozen",
        "from epoch 2": "codebooks learn\nqueue of scores joins align",
        "from epoch 11": "local",
    }


def test_the_picture_and_the_table_of_the_page_are_the_library_s() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert plots.term_table().markdown() in page
    assert with_terms(page) == page
    drawing = (ROOT / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    for term in TERMS:
        assert f">{term.name}</text>" in drawing
        assert f">{term.symbols}</text>" in drawing
