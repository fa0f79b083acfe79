"""Figures of Sinkhorn, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from sdc_lib import plots
from sdc_lib.codebook import sinkhorn
from sdc_lib.plots.style import STREAM_COLOURS


def test_the_last_step_of_the_trace_is_sinkhorn_and_each_step_scales_what_it_says() -> None:
    scores = torch.randn(7, 5, dtype=torch.float64)
    steps = plots.sinkhorn_trace(scores, epsilon=0.2, iterations=3)
    assert len(steps) == 7
    assert steps[0].mass.sum() == pytest.approx(7)
    for step in steps[1:]:
        axis, target = (0, 7 / 5) if "columns" in step.name else (1, 1.0)
        np.testing.assert_allclose(step.mass.sum(axis=axis), target)
    np.testing.assert_allclose(steps[-1].mass, sinkhorn(scores, 0.2, 3).numpy())


def test_bars_of_a_greedy_concept_are_as_long_as_its_sum_and_share_one_scale() -> None:
    scores = torch.zeros(6, 4)
    scores[:, 0] = 1.0
    figure = plots.sinkhorn_steps(scores, epsilon=0.3)
    tops, sides = figure.axes[1:15:3], figure.axes[2:15:3]
    heights = [bar.get_height() for bar in tops[0].patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(heights, plots.sinkhorn_trace(scores, 0.3)[0].mass.sum(axis=0))
    assert tops[0].get_ylim()[1] > max(heights) > 3 * 6 / 4
    assert len({axes.get_ylim() for axes in tops}) == len({axes.get_xlim() for axes in sides}) == 1


def test_no_bar_and_no_line_crosses_the_number_of_a_sum() -> None:
    figure = plots.sinkhorn_steps(torch.randn(6, 4), epsilon=0.3)
    for top, side in zip(figure.axes[1:15:3], figure.axes[2:15:3], strict=True):
        assert (len(top.texts), len(side.texts)) == (4, 6)
        for text in top.texts:
            assert text.get_position()[1] >= top.get_ylim()[1]
            assert text.get_verticalalignment() == "bottom"
        for text in side.texts:
            assert text.get_position()[0] >= side.get_xlim()[1]
            assert text.get_horizontalalignment() == "left"


@pytest.mark.parametrize("rounds", [1, 2])
def test_shades_have_a_scale_that_touches_no_panel(rounds: int) -> None:
    figure = plots.sinkhorn_steps(torch.randn(6, 4), iterations=rounds)
    *panels, scale = figure.axes
    assert len(panels) == 3 * (1 + 2 * rounds)
    assert scale.get_xlabel() == "share of a sample"
    assert not any(scale.get_position().overlaps(panel.get_position()) for panel in panels)


def test_usage_has_the_colour_of_the_half_in_its_name() -> None:
    names = ["still, static", "still, dynamic", "Sinkhorn"]
    figure = plots.codebook_usage({name: torch.ones(3) for name in names})
    wanted = [STREAM_COLOURS[stream].lower() for stream in ("static", "dynamic", "video")]
    assert [to_hex(axes.patches[0].get_facecolor()) for axes in figure.axes] == wanted


@pytest.mark.parametrize(("scores", "epsilon"), [(torch.ones(3), 0.1), (torch.ones(3, 2), 0.0)])
def test_a_trace_needs_a_matrix_and_a_positive_epsilon(
    scores: torch.Tensor, epsilon: float
) -> None:
    with pytest.raises(ValueError, match="positive"):
        plots.sinkhorn_trace(scores, epsilon)
