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


def test_the_grid_has_a_colour_for_each_concept_of_several_cells() -> None:
    figure = plots.factorial_grid([[3, 3], [7, 7]], [[1, 2], [1, 9]], ["disc", "star"], ["a", "b"])
    left, right = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert (left[:, 0] == left[:, 1]).all()
    assert (left[0] != left[1]).any()
    assert (right[0, 0] == right[1, 0]).all()
    assert (right[:, 1] == 1).all()  # concepts of a single cell are white
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "3", "7", "7"]
    with pytest.raises(ValueError, match=r"static concepts must be \(2, 2\)"):
        plots.factorial_grid([[1, 2, 3]] * 2, [[1, 2]] * 2, ["x", "y"], ["a", "b"])


def test_no_two_concepts_of_the_grid_share_a_colour() -> None:
    static = np.arange(8).repeat(2).reshape(4, 4)  # eight concepts a half, two cells each
    figure = plots.factorial_grid(static, static, list("abcd"), list("efgh"))
    shades = [np.asarray(axes.images[0].get_array()).reshape(16, 3)[::2] for axes in figure.axes]
    assert len(np.unique(np.concatenate(shades), axis=0)) == 16
    assert not (np.concatenate(shades) == 1).all(axis=1).any()
