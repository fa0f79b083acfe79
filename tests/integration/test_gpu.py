"""On a CUDA device a run has the losses that it has on the CPU, and resumes as exactly."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sdc_lib.training.step import LOGGED
from tests.helpers.small_runs import Train, changed, read_log, weights

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

DEVICE = "cuda"
CONFIG = changed(optim={"precision": "64-true"}, data={"augment_on": "worker"})
"""In float64, which no device multiplies in TF32; of pixels that do not depend on the device."""


def test_losses_are_those_of_the_cpu_before_and_after_a_step(train: Train) -> None:
    cpu, gpu = (
        read_log(train(CONFIG, name, accelerator=name, max_steps=2).folder / "log.csv")
        for name in ("cpu", DEVICE)
    )
    for name in LOGGED:
        assert gpu[name][0] == pytest.approx(cpu[name][0], rel=1e-5, abs=1e-7), name
        assert gpu[name][1] == pytest.approx(cpu[name][1], rel=1e-3, abs=1e-5), name


def test_a_run_that_was_interrupted_ends_with_the_weights_of_a_whole_one(train: Train) -> None:
    whole = train(CONFIG, "whole", accelerator=DEVICE, max_steps=8)
    train(CONFIG, "broken", accelerator=DEVICE, max_steps=5)
    broken = train(CONFIG, "broken", accelerator=DEVICE, max_steps=8)
    # sums on a GPU may be taken in another order each time
    assert_close(weights(broken), weights(whole), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_other_precisions_learn_on_the_gpu(train: Train, precision: str) -> None:
    result = train(changed(optim={"precision": precision}), accelerator=DEVICE, max_steps=7)
    exact = train(CONFIG, "exact", accelerator=DEVICE, max_steps=7)
    found, expected = (read_log(r.folder / "log.csv")["total"] for r in (result, exact))
    assert found == pytest.approx(expected, rel=0.05)
