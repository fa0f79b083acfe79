"""A run is made to fit its device, and what that costs is said."""

from dataclasses import replace

import pytest

from sdc_lib.presets import MOTION_FACTORS_TINY, UCF101
from sdc_lib.training.counting import Count
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
    assert fit_to_device(UCF101, "cpu", bf16=True) == (UCF101, ())


@pytest.mark.parametrize("in_hardware", [True, False])
def test_a_processor_is_asked_for_bfloat16(
    in_hardware: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: in_hardware)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
    config, notes = fit_to_device(UCF101, "cpu")
    assert config.optim.precision == ("bf16-mixed" if in_hardware else "32-true")
    assert [note.split(":")[0] for note in notes] == (
        [] if in_hardware else ["cpu has no bfloat16 in hardware"]
    )


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


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [(7, (3, 3)), (7, (2, 4)), (5, (2, 3)), (3, (2, 2)), (6, (3, 2)), (12, (3, 4))],
)
def test_odd_batches_are_made_up_for(wanted: int, fits: tuple[int, int]) -> None:
    config = changed(UCF101, optim={"batch_size": wanted, "precision": "32-true"})
    found = fit_to_device(config, "cuda", free=(fits[0] * 2 + 0.5) / 0.85 * GB, bf16=True)
    optim = found.config.optim
    assert (optim.batch_size, optim.accumulate) == fits
    assert optim.batch_size * optim.accumulate >= wanted


@pytest.mark.parametrize("wanted", [3, 7, 15])
def test_a_batch_of_one_is_no_way_out(wanted: int) -> None:
    config = changed(UCF101, optim={"batch_size": wanted, "precision": "32-true"})
    with pytest.raises(ValueError, match="even 2 videos take about"):
        fit_to_device(config, "cuda", free=3 * GB, bf16=True)


def test_float32_is_not_blamed_on_the_card() -> None:
    config = replace(CONFIG, optim=MOTION_FACTORS_TINY.optim)
    assert fit_to_device(config, "cuda", free=300 * GB, bf16=False) == (config, ())
