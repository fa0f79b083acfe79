"""Dots: seeds of ablations, ranks of the filter, strongest concepts of factor pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdc_lib import plots
from sdc_lib.attention import select_concepts


def test_every_seed_is_a_dot_and_a_line_marks_the_reference() -> None:
    results = {"everything": {"gap": [20.0, 24.0]}, "no queue": {"gap": [10.0], "other": [1.0]}}
    figure = plots.ablation_dots(results, ["gap"], reference="everything")
    (axes,) = figure.axes
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    assert [np.asarray(x).tolist() for x in dots] == [[20, 24], [10]]
    assert 22 in np.asarray(axes.lines[0].get_xdata())
    assert [label.get_text() for label in axes.get_yticklabels()] == ["everything", "no queue"]


def test_each_panel_has_its_own_line_of_chance() -> None:
    results = {"everything": {"own": [50.0], "crossed": [10.0]}}
    figure = plots.ablation_dots(results, chance={"own": 7.0, "crossed": 9.0})
    lines = [line for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata()).tolist() for line in lines] == [[7, 7], [9, 9]]


def test_ranks_are_joined_and_kept_ones_differ_by_line_style() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(2, 20, generator=generator)
    kept = select_concepts(scores[:1], scores[1:], 5)[0]
    figure = plots.filter_ranks(scores[0], scores[1], kept, top_k=5, shown=8)
    solid = [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    assert len(solid) == int(kept.sum()) > 0
    for line in solid:
        assert max(np.asarray(line.get_ydata())) < 5
    assert f"{int(kept.sum())} of 20" in figure.axes[0].get_title()


@pytest.mark.parametrize("inclusive", [False, True])
def test_the_limit_of_the_filter_lies_below_all_ranks_that_it_may_keep(inclusive: bool) -> None:
    scores = torch.linspace(1, 0, 12)
    kept = select_concepts(scores[None], scores[None], 5, inclusive)[0]
    figure = plots.filter_ranks(scores, scores, kept, top_k=5, inclusive=inclusive)
    limit = figure.axes[0].lines[-1]
    lowest = int(kept.sum())
    assert lowest < np.asarray(limit.get_ydata())[0] < lowest + 1


def test_scores_that_know_their_own_factor_have_blocks_and_others_stripes() -> None:
    knows_rows = torch.eye(2)[:, None].expand(2, 3, 2)
    knows_columns = torch.eye(3)[None].expand(2, 3, 3)
    rows, columns = ["disc", "star"], ["a", "b", "c"]
    figure = plots.factorial_cosines(knows_rows, knows_columns, rows, columns)
    left, right = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[:2])
    np.testing.assert_array_equal(left, np.kron(np.eye(2), np.ones((3, 3))))
    np.testing.assert_array_equal(right, np.kron(np.eye(3), np.ones((2, 2))))
    named = [[label.get_text() for label in a.get_yticklabels()] for a in figure.axes[:2]]
    assert named == [rows, columns]
    stripes = plots.factorial_cosines(knows_rows, 5 * knows_rows, rows, columns).axes[1].images[0]
    np.testing.assert_allclose(np.asarray(stripes.get_array()), np.kron(np.ones((3, 3)), np.eye(2)))


def test_scores_of_pairs_have_one_row_for_each_class() -> None:
    scores = torch.ones(2, 2, 4), torch.ones(2, 3, 4)
    with pytest.raises(ValueError, match=r"dynamic scores must be \(2, 2, K\).*got \(2, 3, 4\)"):
        plots.factorial_cosines(*scores, ["x", "y"], ["a", "b"])
