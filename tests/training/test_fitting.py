"""A run is made to fit its device, and what that costs is said."""

from dataclasses import replace

import pytest

from sdc_lib.presets import MOTION_FACTORS_TINY, UCF101
from sdc_lib.training.estimate import Count
from sdc_lib.training.fitting import fit_to_device
from tests.helpers.small_runs import CONFIG, changed

GB = 1e9


@pytest.fixture(autouse=True)
def known_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of 20 M parameters that keeps 2 GB a video in float32."""
    monkeypatch.setattr("sdc_lib.training.fitting.count", lambda _: Count(20_000_000, 1e12, 2 * GB))


def test_what_fits_is_left_alone() -> None:
    fitted = fit_to_device(UCF101, "cuda", free=80 * GB, bf16=True)
    assert fitted == (UCF101, ())


def test_without_a_card_nothing_is_limited() -> None:
    assert fit_to_device(UCF101, "cpu") == (UCF101, ())


def test_a_smaller_card_gets_smaller_batches_and_as_many_videos_a_step() -> None:
    config, notes = fit_to_device(UCF101, "cuda", free=45 * GB, bf16=True)
    assert (config.optim.batch_size, config.optim.accumulate) == (32, 2)
    assert notes == ("64 videos do not fit the 45.0 GB that are free: 2 batches of 32 a step",)


def test_a_free_notebooks_card_fits_and_is_warned_about() -> None:
    config, notes = fit_to_device(UCF101, "cuda", free=15 * GB, bf16=False)
    assert config.optim.precision == "32-true"
    assert (config.optim.batch_size, config.optim.accumulate) == (4, 16)
    assert "no bfloat16" in notes[0]
    assert "from 3 others only" in notes[2]


def test_nothing_fits_a_full_card() -> None:
    with pytest.raises(ValueError, match=r"even 2 videos take about 2\.3 GB of the 1\.0 GB"):
        fit_to_device(UCF101, "cuda", free=GB, bf16=True)


def test_accumulation_that_was_chosen_is_multiplied() -> None:
    config = changed(UCF101, optim={"accumulate": 3})
    assert fit_to_device(config, "cuda", free=45 * GB, bf16=True).config.optim.accumulate == 6


def test_float32_is_not_blamed_on_the_card() -> None:
    config = replace(CONFIG, optim=MOTION_FACTORS_TINY.optim)
    assert fit_to_device(config, "cuda", free=300 * GB, bf16=False) == (config, ())
