"""Evaluation mode for a while."""

from __future__ import annotations

import pytest
from torch import nn

from sdc_lib.support.modes import evaluating


def test_each_part_gets_its_own_mode_back_even_after_an_error() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    module[0].eval()  # such as a frozen backbone
    modes = [part.training for part in module.modules()]
    assert modes == [True, False, True]
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == modes
    with pytest.raises(KeyError), evaluating(module):
        raise KeyError
    assert [part.training for part in module.modules()] == modes
