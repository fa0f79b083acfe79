"""What a run would cost is counted without running it."""

import time
from pathlib import Path
from typing import Any

import pytest

import sdc_lib.training.estimate as module
from sdc_lib.datasets import motion_factors
from sdc_lib.model import build_model
from sdc_lib.presets import PRESETS
from sdc_lib.training.estimate import count, estimate, memory
from sdc_lib.training.state import make_fabric
from sdc_lib.training.step import Losses, compute_losses
from tests.helpers.small_runs import CONFIG, changed


def test_released_setting_costs_what_its_shapes_say() -> None:
    counted = count(PRESETS["released_ucf101"])
    assert counted.flops == pytest.approx(0.775e12, rel=0.01)  # 0.925e12 with all stills in full


def test_parameters_are_the_model_s() -> None:
    parameters = sum(p.numel() for p in build_model(CONFIG.model).parameters())
    assert count(CONFIG).parameters == parameters


def test_twice_the_frames_cost_about_twice() -> None:
    short, long = count(CONFIG), count(changed(data={"num_frames": 8}))
    assert long.flops / short.flops == pytest.approx(2, rel=0.2)
    assert long.saved / short.saved == pytest.approx(2, rel=0.2)


def test_memory_of_heads_alone_is_what_was_measured() -> None:
    """With 500 videos and 128 concepts a half; tables of all pairs would take 9 GB more."""
    config = PRESETS["motion_factors_small_decorrelated"]
    assert memory(count(config), "32-true", 500) == pytest.approx(1.94e9, rel=0.2)


def test_heads_are_timed_with_local_terms_for_their_share_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step with them takes 10 s here, one without 1 s."""
    config = changed(
        optim={"freeze_backbone": True, "stored_passes": 1, "epochs": 4, "batch_size": 4},
        curriculum={"local_from_epoch": 3},
    )
    clock = 0.0

    def compute(*args: Any) -> Losses:
        nonlocal clock
        clock += 10.0 if args[4].local else 1.0
        return compute_losses(*args)

    monkeypatch.setattr(module, "compute_losses", compute)
    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    found = module._time_steps(config, make_fabric(config, "cpu"))
    assert found == pytest.approx((3 * 1.0 + 1 * 10.0) / 4 / 4)


@pytest.mark.parametrize("devices", [100_000, "all"])
def test_more_processes_than_the_machine_can_run_cost_nothing(devices: int | str) -> None:
    with pytest.raises(ValueError, match=r"^devices is .*; it must be auto or from 1 to \d+ \("):
        estimate(CONFIG, accelerator="cpu", devices=devices)


@pytest.mark.parametrize(("size", "train"), [("toy", 100), ("small", 9000)])
def test_no_videos_are_made_to_say_what_a_run_would_cost(
    size: str, train: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motion_factors, "make_motion_factors", None)
    (tmp_path / "motion_factors").mkdir()
    config = changed(data={"dataset": "motion-factors", "size": size})
    result = estimate(config, data_dir=tmp_path, accelerator="cpu")
    assert (result.videos, result.data_seconds_per_video) == (train, None)
    assert list((tmp_path / "motion_factors").iterdir()) == []
    assert list(tmp_path.iterdir()) == [tmp_path / "motion_factors"]


def test_estimate_prints_all_facts_without_the_data(tmp_path: object) -> None:
    config = changed(data={"dataset": "ucf101"})
    result = estimate(config, data_dir=str(tmp_path), accelerator="cpu", devices=2, num_nodes=3)
    assert (result.videos, result.processes) == (9537, 6)
    assert result.steps == 9537 // 24 * 4
    assert result.hours == pytest.approx(9537 * 4 / 6 * result.seconds_per_video / 3600)
    for word in ("parameters", "FLOPs", "memory", "whole run", "2 process", "steps"):
        assert word.replace("2 process", "6 process") in str(result)
