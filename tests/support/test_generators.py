"""Seeds that last for a while and reach no further than they are meant to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import sdc_lib
from sdc_lib.support.generators import seeded


def test_the_state_is_put_back_even_after_an_error() -> None:
    state = torch.get_rng_state()
    with seeded(3):
        first = torch.rand(4)
    with pytest.raises(KeyError), seeded(3):
        raise KeyError(torch.rand(4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, torch.rand(4, generator=torch.Generator().manual_seed(3)))


def test_no_gpu_is_seeded_that_was_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reset: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reset.append)
    monkeypatch.setattr(torch.cuda, "manual_seed", reset.append)
    with seeded(3):
        torch.rand(1)
    assert reset == []
    torch.manual_seed(0)
    assert reset == [0]  # which is why nothing in the package calls it


def test_nothing_in_the_package_seeds_all_generators() -> None:
    files = sorted(Path(sdc_lib.__file__).parent.rglob("*.py"))
    assert len(files) > 100
    call = re.compile(
        r"^\s*(?:torch\.)?(?:random\.)?(?:manual_seed|seed_everything)\(", re.MULTILINE
    )
    assert [path.name for path in files if call.search(path.read_text(encoding="utf-8"))] == []
