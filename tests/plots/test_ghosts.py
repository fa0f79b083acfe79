"""A ghost shows what moves and where to; galleries of them say what they show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib import plots
from sdc_lib.plots.ghosts import centres
from sdc_lib.plots.style import DENSITY, STREAM_COLOURS


def moving_square(step: int = 4, frames: int = 9) -> NDArray[np.uint8]:
    clip = np.full((frames, 48, 48, 3), 200, np.uint8)
    for t in range(frames):
        clip[t, 20:28, 4 + step * t : 12 + step * t] = 20
    return clip


def test_a_ghost_shows_start_middle_and_end_fading_backwards() -> None:
    picture = plots.ghost(moving_square(), 48 // DENSITY, arrow=False)
    assert picture.shape == (48, 48, 3)
    start, middle, end = (int(picture[24, x, 0]) for x in (8, 24, 40))
    assert end == 20
    assert end < middle < start < 200
    assert (picture[:16] == 200).all()


def test_the_arrow_follows_what_moves_and_is_left_out_where_nothing_does() -> None:
    plain = plots.ghost(moving_square(), 48, arrow=False)
    drawn = plots.ghost(moving_square(), 48)
    changed = np.argwhere((drawn != plain).any(axis=-1))
    assert changed[:, 1].max() > 0.75 * drawn.shape[1]
    assert np.abs(changed[:, 0] - drawn.shape[0] / 2).max() < 0.2 * drawn.shape[0]
    still = moving_square(step=0)
    np.testing.assert_array_equal(plots.ghost(still, 48), plots.ghost(still, 48, arrow=False))


def test_a_given_way_is_taken_and_a_leap_in_it_is_not_drawn() -> None:
    way = np.array([[0.9, 0.1], [0.95, 0.1], [0.05, 0.1], [0.3, 0.1], [0.5, 0.1]])
    clip = moving_square(step=0, frames=5)
    changed = plots.ghost(clip, 48, way) != plots.ghost(clip, 48, arrow=False)
    columns = np.flatnonzero(changed.any(axis=(0, 2))) / changed.shape[1]
    assert columns.size
    assert columns.max() < 0.7


def test_centres_are_shares_of_the_sides() -> None:
    seen = np.zeros((2, 10, 20))
    seen[0, 2:4, 10:12] = 1
    found = centres(seen)
    np.testing.assert_allclose(found[0], [0.55, 0.3])
    assert np.isnan(found[1]).all()


def test_the_atlas_names_all_factors_with_their_purity() -> None:
    row = plots.AtlasRow(
        "dynamic 7", [moving_square()] * 3, {"scene": ("hills", 0.31), "motion": ("left", 0.8)}
    )
    figure = plots.concept_atlas([row], columns=2, title="faithful")
    label = next(text for text in figure.axes[0].texts if "dynamic" in text.get_text())
    assert label.get_text() == "dynamic 7\nhills 31%\nleft 80%"
    assert label.get_color() == STREAM_COLOURS["dynamic"]
    assert {"1", "2", "faithful"} <= {text.get_text() for text in figure.axes[0].texts}


def test_retrieval_has_a_badge_for_each_factor_that_does_not_depend_on_colour() -> None:
    hits = [plots.Hit(moving_square(), (True, False)), plots.Hit(moving_square(), (True, True))]
    figure = plots.retrieval_by_halves(moving_square(), {"static half": hits, "dynamic half": hits})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("✓ scene") == 4
    assert texts.count("✗ motion") == texts.count("✓ motion") == 2
    with pytest.raises(ValueError, match="1 marks for 2 factors"):
        plots.retrieval_by_halves(moving_square(), {"a": [plots.Hit(moving_square(), (True,))]})
