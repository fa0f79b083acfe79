"""What a run would cost is counted without running it."""

import pytest

from sdc_lib.model import build_model
from sdc_lib.presets import PRESETS
from sdc_lib.training.estimate import count, estimate
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


@pytest.mark.parametrize("devices", [100_000, "all"])
def test_more_processes_than_the_machine_can_run_cost_nothing(devices: int | str) -> None:
    with pytest.raises(ValueError, match=r"^devices is .*; it must be auto or from 1 to \d+ \("):
        estimate(CONFIG, accelerator="cpu", devices=devices)


def test_estimate_prints_all_facts_without_the_data(tmp_path: object) -> None:
    config = changed(data={"dataset": "ucf101"})
    result = estimate(config, data_dir=str(tmp_path), accelerator="cpu", devices=2, num_nodes=3)
    assert (result.videos, result.processes) == (9537, 6)
    assert result.steps == 9537 // 24 * 4
    assert result.hours == pytest.approx(9537 * 4 / 6 * result.seconds_per_video / 3600)
    for word in ("parameters", "FLOPs", "memory", "whole run", "2 process", "steps"):
        assert word.replace("2 process", "6 process") in str(result)
