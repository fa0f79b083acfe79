"""A ghost shows what moves and where to; galleries of them say what they show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib import plots
from sdc_lib.datasets.motion_factors.world import MOTIONS, shape_path
from sdc_lib.plots import ghosts
from sdc_lib.plots.style import DENSITY, STREAM_COLOURS


def moving_square(step: int = 4, frames: int = 9) -> NDArray[np.uint8]:
    clip = np.full((frames, 48, 48, 3), 200, np.uint8)
    for t in range(frames):
        clip[t, 20:28, 4 + step * t : 12 + step * t] = 20
    return clip


def test_a_ghost_shows_start_middle_and_end_fading_backwards() -> None:
    picture = plots.ghost(moving_square(), 48 // DENSITY)
    assert picture.shape == (48, 48, 3)
    start, middle, end = (int(picture[24, x, 0]) for x in (8, 24, 40))
    assert end == 20
    assert end < middle < start < 200
    assert (picture[:16] == 200).all()


def arrow(path: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels that change when a way is given."""
    clip = moving_square(step=0, frames=len(path))
    change = np.abs(plots.ghost(clip, 48, path).astype(int) - plots.ghost(clip, 48))
    changed: NDArray[np.bool_] = change.max(axis=-1) > 0
    return changed


def test_the_arrow_follows_the_way_and_is_left_out_where_there_is_none() -> None:
    x = np.linspace(0.2, 0.8, 9)
    drawn = arrow(np.stack([x, np.full(9, 0.5)], axis=1))
    rows, columns = np.nonzero(drawn)
    assert columns.max() > 0.75 * drawn.shape[1]
    assert columns.min() < 0.25 * drawn.shape[1]
    assert np.abs(rows - drawn.shape[0] / 2).max() < 0.2 * drawn.shape[0]
    heights = drawn.sum(axis=0)
    assert heights.argmax() > 0.6 * drawn.shape[1]  # the head is where the way ends
    assert not arrow(np.full((9, 2), 0.5)).any()


def test_a_leap_round_the_edge_is_not_drawn() -> None:
    leaving = np.array([[0.06, 0.1], [0.02, 0.1], [0.98, 0.1], [0.7, 0.1], [0.5, 0.1], [0.3, 0.1]])
    columns = np.flatnonzero(arrow(leaving).any(axis=0)) / 96
    assert columns.min() > 0.2
    assert columns.max() > 0.8
    falling = arrow(leaving[:, ::-1])
    assert np.flatnonzero(falling.any(axis=1)).min() > 0.2 * 96


@pytest.mark.parametrize(("motion", "axis"), [("left", 0), ("up", 1)])
def test_the_arrow_of_a_shape_that_wraps_round_keeps_its_direction(
    motion: str, axis: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[NDArray[np.float64]] = []
    monkeypatch.setattr(ghosts, "_arrow", lambda draw, way, colour, width: ways.append(way))
    for seed in range(20):
        arrow(shape_path(MOTIONS.index(motion), seed, 16))
    assert len(ways) > 20
    assert all((np.diff(way[:, axis]) < 0).all() for way in ways)


def test_the_atlas_names_all_factors_with_their_purity() -> None:
    row = plots.AtlasRow(
        "dynamic 7", [moving_square()] * 3, {"scene": ("hills", 0.31), "motion": ("left", 0.8)}
    )
    figure = plots.concept_atlas([row], columns=2, title="faithful")
    label = next(text for text in figure.axes[0].texts if "dynamic" in text.get_text())
    assert label.get_text() == "dynamic 7\nhills 31%\nleft 80%"
    assert label.get_color() == STREAM_COLOURS["dynamic"]
    assert {"1", "2", "faithful"} <= {text.get_text() for text in figure.axes[0].texts}


def test_a_row_of_the_atlas_can_begin_with_the_clip_that_asked() -> None:
    plain = plots.AtlasRow("static 1", [moving_square()] * 3, {})
    asked = plain._replace(query=moving_square())
    texts = [text.get_text() for text in plots.concept_atlas([asked], columns=2).axes[0].texts]
    assert texts == ["static 1", "query", "1", "2"]
    with pytest.raises(ValueError, match="all rows"):
        plots.concept_atlas([plain, asked])


def test_classes_stand_below_the_videos_of_the_atlas() -> None:
    classes = [[("star", True), ("left", True)], [("star", True), ("up", False)]]
    row = plots.AtlasRow("static 1", [moving_square()] * 2, {}, moving_square(), classes)
    texts = [text.get_text() for text in plots.concept_atlas([row]).axes[0].texts]
    assert [text for text in texts if text[0] in "✓✗"] == ["✓ star", "✓ left", "✓ star", "✗ up"]


def test_retrieval_has_a_badge_for_each_factor_that_does_not_depend_on_colour() -> None:
    hits = [plots.Hit(moving_square(), (True, False)), plots.Hit(moving_square(), (True, True))]
    figure = plots.retrieval_by_halves(moving_square(), {"static half": hits, "dynamic half": hits})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("✓ scene") == 4
    assert texts.count("✗ motion") == texts.count("✓ motion") == 2
    with pytest.raises(ValueError, match="1 marks for 2 factors"):
        plots.retrieval_by_halves(moving_square(), {"a": [plots.Hit(moving_square(), (True,))]})
