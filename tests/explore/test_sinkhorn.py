"""The Sinkhorn explorer: half-steps that end at the assignment."""

from __future__ import annotations

import numpy as np
import torch

from sdc_lib import explore
from sdc_lib.codebook import sinkhorn
from sdc_lib.explore.sinkhorn import BAR, _bars
from sdc_lib.plots.style import DENSITY
from tests.explore.examples import (
    sinkhorn_explorer,
)


def test_the_sinkhorn_explorer_ends_at_the_assignment() -> None:
    explorer = sinkhorn_explorer()
    explorer.epsilon.value = 0.2
    explorer.step.value = explorer.step.max
    scores = torch.linspace(-1, 1, 24).cos().view(6, 4)
    epsilon = explorer.epsilon.value
    expected = sinkhorn(scores.double(), epsilon, 3).numpy()
    np.testing.assert_allclose(explorer.current.mass, expected)
    assert "(rows) sum to 1.00 to 1.00" in explorer.describe()


def test_the_sinkhorn_explorer_has_the_epsilon_that_was_asked_for() -> None:
    explorer = explore.SinkhornExplorer(torch.eye(4), epsilon=0.037)
    assert explorer.epsilon.value == 0.037
    np.testing.assert_allclose(
        explorer.steps[-1].mass, sinkhorn(torch.eye(4).double(), 0.037, 5).numpy()
    )


def test_the_bars_of_a_greedy_concept_keep_their_ratio_to_the_others() -> None:
    scores = torch.zeros(6, 4)
    scores[:, 0] = 1.0
    explorer = explore.SinkhornExplorer(scores, epsilon=0.3)
    sums, longest = explorer.current.mass.sum(axis=0), explorer._longest(0)
    drawn = _bars(sums, 0.0, longest, cell=8)  # no line among the bars
    heights = (drawn[:, ::8] != 255).any(axis=2)[DENSITY:].sum(axis=0) + DENSITY
    np.testing.assert_allclose(heights / BAR, sums / longest, atol=1 / BAR)
    assert heights[0] == BAR
