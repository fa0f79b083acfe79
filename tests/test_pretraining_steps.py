"""What the optimiser gets in a step: learning rates, weight decay, and whole gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.testing import assert_close

from sdc_lib.training.batches import Batch
from sdc_lib.training.schedule import learning_rate
from tests.helpers.small_runs import CONFIG, Train, changed, weights


class Seen(NamedTuple):
    """The optimiser just before a step."""

    rates: list[float]
    gradients: list[Tensor | None]


@pytest.fixture
def steps() -> Iterator[list[Seen]]:
    """Grows by one entry a step, of every optimiser."""
    seen: list[Seen] = []

    def look(optimizer: Optimizer, *_: Any) -> None:
        groups = optimizer.param_groups
        grads = [p.grad for group in groups for p in group["params"]]
        copies = [None if grad is None else grad.clone() for grad in grads]
        seen.append(Seen([group["lr"] for group in groups], copies))

    handle = register_optimizer_step_pre_hook(look)
    yield seen
    handle.remove()


def test_each_step_has_the_learning_rate_of_the_schedule(train: Train, steps: list[Seen]) -> None:
    train(max_steps=5)
    expected = [learning_rate(CONFIG.optim, step, 3) for step in range(5)]
    assert len(set(expected)) > 3
    assert [seen.rates for seen in steps] == [[rate] for rate in expected]


def test_weight_decay_reaches_the_optimiser(train: Train) -> None:
    free, decayed = (
        weights(train(changed(optim={"weight_decay": value}), str(value), max_steps=1))
        for value in (0.0, 0.5)
    )
    name = "heads.projections.video.0.weight"
    assert not torch.allclose(free[name], decayed[name], rtol=0, atol=1e-6)


def test_two_equal_batches_accumulated_give_the_gradients_of_one(
    train: Train, steps: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Batch] = []

    def always_the_first(batch: Batch, device: torch.device) -> Batch:
        batches.append(batch)
        return batches[0]

    monkeypatch.setattr("sdc_lib.pretraining.to_device", always_the_first)
    train(changed(optim={"batch_size": 4}), "one", max_steps=1)
    train(changed(optim={"batch_size": 4, "accumulate": 2}), "two", max_steps=1)
    assert len(batches) == 3
    one, two = (seen.gradients for seen in steps)
    assert any(grad is not None and grad.abs().max() > 0.01 for grad in one)
    assert_close(two, one, rtol=1e-5, atol=1e-7)
