"""The neighbour explorer: the most similar, marked by class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdc_lib import explore
from tests.explore.examples import (
    neighbour_explorer,
    noise_clip,
)


def test_neighbours_are_the_most_similar_and_marked_by_class() -> None:
    explorer = neighbour_explorer()
    explorer.query.value = 2
    order = explorer.similarity[2].argsort()[::-1][:4].tolist()
    assert explorer.neighbours() == order
    assert explorer.right() == [[0, 1, 0, 0, 1, 0][index] == 0 for index in order]
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        explore.NeighbourExplorer([noise_clip()], [noise_clip()] * 2, torch.rand(2, 2))
    plain = explore.NeighbourExplorer([noise_clip()], [noise_clip()] * 2, torch.rand(1, 2), size=16)
    assert plain.right() is None
    assert plain.static().axes


def test_the_still_figure_shows_that_a_clip_moves() -> None:
    moving = torch.zeros(9, 16, 16, 3, dtype=torch.uint8)
    for t in range(9):
        moving[t, 4:12, t : t + 4] = 255
    resting = moving[4:5].repeat(9, 1, 1, 1)  # the middle frame of the other one
    pictures = []
    for clip in (moving, resting):
        explorer = explore.NeighbourExplorer([clip], [clip], torch.ones(1, 1), size=16)
        pictures.append(np.asarray(explorer.static().axes[0].images[0].get_array()))
    assert (pictures[0] != pictures[1]).any()
