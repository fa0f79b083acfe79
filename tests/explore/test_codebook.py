"""The codebook explorer: the highest scores of either half."""

from __future__ import annotations

import pytest
import torch

from sdc_lib import explore
from tests.explore.examples import (
    codebook_explorer,
    noise_clip,
)


def test_the_codebook_explorer_lists_the_highest_scores_of_either_half() -> None:
    explorer = codebook_explorer()
    explorer.static_concept.value, explorer.dynamic_concept.value = 1, 2
    left = explorer.scores[:, 1].argsort()[::-1][:3]
    assert explorer.strongest(1) == left.tolist()
    assert f"dynamic 2: clips {', '.join(map(str, explorer.strongest(5)))}" in explorer.describe()


def test_the_codebook_explorer_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2K\)"):
        explore.CodebookExplorer([noise_clip()] * 2, torch.rand(3, 4))
    with pytest.raises(ValueError, match="attention"):
        explore.CodebookExplorer([noise_clip()] * 2, torch.rand(2, 4), torch.rand(2, 3, 1, 2, 2))
    plain = explore.CodebookExplorer([noise_clip()] * 2, torch.rand(2, 4))
    assert plain.paint.disabled
