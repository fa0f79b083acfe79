"""The attention explorer: concepts by name, and the library's filter."""

from __future__ import annotations

import pytest
import torch

from sdc_lib import explore
from sdc_lib.attention import select_concepts
from sdc_lib.plots.pixels import font
from sdc_lib.plots.style import DENSITY
from tests.explore.examples import (
    attention_explorer,
    noise_clip,
    picture,
)


def test_the_filter_leaves_the_concepts_that_the_library_selects() -> None:
    explorer = attention_explorer()
    generator = torch.Generator().manual_seed(3)
    torch.rand(12, 2, 3, 3, generator=generator)
    scores, other = torch.rand(2, 12, generator=generator)
    mask = select_concepts(scores[None], other[None])[0]
    assert explorer.listed() == scores.argsort(descending=True).tolist()
    explorer.first.value = 3
    explorer.filter.value = True
    assert explorer.first.value == 0
    assert sorted(explorer.listed()) == mask.nonzero().flatten().tolist()
    assert f"keeps {int(mask.sum())} of 12" in explorer.describe()


def test_the_attention_explorer_names_concepts_by_half_and_place() -> None:
    scores = torch.tensor([0.1, 0.9, 0.3, 0.2, 0.8, 0.4])
    maps = torch.rand(6, 2, 3, 3)
    explorer = explore.AttentionExplorer(noise_clip(), maps, scores, scores, top_k=4, shown=4)
    assert [explorer.name(c) for c in (1, 4)] == ["static 1", "dynamic 1"]
    labels = [text.get_text() for text in explorer.static().axes[0].texts]
    assert {"static 1: 0.90", "dynamic 1: 0.80", "dynamic 2: 0.40"} <= set(labels)
    assert font(11).getlength("dynamic 49: -0.99 ✓") < 118 * DENSITY, "a caption fits its map"
    listed = "static 1: 0.90, dynamic 1: 0.80, dynamic 2: 0.40, static 2: "
    assert f"Concepts with their scores: {listed}" in explorer.describe()
    with pytest.raises(ValueError, match="two halves"):
        explore.AttentionExplorer(noise_clip(), maps[:5], scores[:5], scores[:5], top_k=4)


def test_the_attention_explorer_survives_a_filter_that_keeps_nothing() -> None:
    rising = torch.arange(12.0)
    explorer = explore.AttentionExplorer(
        noise_clip(), torch.rand(12, 2, 3, 3), rising, -rising, top_k=3, shown=4, size=16
    )
    before = picture(explorer).size
    explorer.filter.value = True
    assert explorer.visible() == []
    assert picture(explorer).size == before
    assert "scores: none" in explorer.describe()
    assert explorer.static().axes
    with pytest.raises(ValueError, match=r"scores \(N,\)"):
        explore.AttentionExplorer(noise_clip(), torch.rand(4, 2, 3, 3), rising, rising)
