"""The neighbour explorer: the most similar, marked by class."""

from __future__ import annotations

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
