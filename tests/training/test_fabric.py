"""Setting up a run says what its device does badly."""

import warnings
from dataclasses import replace
from typing import Literal

import pytest

from sdc_lib.training.fabric import make_fabric
from tests.helpers.small_runs import CONFIG


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("in_hardware", [True, False])
def test_emulated_bfloat16_is_warned_of(
    precision: Literal["32-true", "bf16-mixed"], in_hardware: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.training.fabric.multiplies_bf16", lambda _: in_hardware)
    config = replace(CONFIG, optim=replace(CONFIG.optim, precision=precision))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_fabric(config, "cpu")
    said = [str(w.message) for w in caught if "no bfloat16 in hardware" in str(w.message)]
    assert bool(said) is (precision == "bf16-mixed" and not in_hardware)
    assert all("--optim.precision 32-true" in text for text in said)
