"""What a run would cost is counted without running it."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

import sdc_lib.training.estimate as module
from sdc_lib.datasets import motion_factors
from sdc_lib.datasets.clips import PairClips
from sdc_lib.training.batches import make_pairs
from sdc_lib.training.estimate import estimate
from sdc_lib.training.fabric import make_fabric
from sdc_lib.training.step import Losses, compute_losses
from tests.helpers.small_runs import CONFIG, changed, make_videos


def test_heads_are_timed_with_local_terms_for_their_share_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step with them takes 10 s here, one without 1 s."""
    config = changed(
        optim={"freeze_backbone": True, "stored_passes": 1, "epochs": 4, "batch_size": 4},
        curriculum={"local_from_epoch": 3},
    )
    clock = 0.0

    def compute(*args: Any, **options: Any) -> Losses:
        nonlocal clock
        clock += 10.0 if args[4].local else 1.0
        return compute_losses(*args, **options)

    monkeypatch.setattr(module, "compute_losses", compute)
    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    found = module._time_steps(config, make_fabric(config, "cpu"))
    assert found == pytest.approx((3 * 1.0 + 1 * 10.0) / 4 / 4)


@pytest.mark.parametrize("stored", [0, 1])
def test_steps_are_timed_as_they_are_trained(stored: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With decorrelation where it counts, and with statistics at rest."""
    config = changed(
        optim={"freeze_backbone": True, "stored_passes": stored, "epochs": 4, "batch_size": 4},
        curriculum={
            "local_from_epoch": 3,
            "decorrelation": 2.0,
            "decorrelation_from_epoch": 1,
            "decorrelation_ramp_epochs": 3.0,
            "decorrelation_detach_backbone": True,
        },
    )
    seen = []

    def compute(*args: Any, **options: Any) -> Losses:
        model, phase = args[0].model, args[4]
        assert options == {"detach_backbone": True}
        assert model.heads.training
        assert not model.backbone.training
        seen.append((phase.local, phase.decorrelation))
        return compute_losses(*args, **options)

    monkeypatch.setattr(module, "compute_losses", compute)
    module._time_steps(config, make_fabric(config, "cpu"))
    whole = (True, 2.0)
    assert list(dict.fromkeys(seen)) == ([(False, 0.0), (False, 2.0), whole] if stored else [whole])
    shares = [1, 2, 1] if stored else [4]
    assert list(module._phases(config).values()) == shares


@pytest.mark.parametrize(("type_", "crops_only"), [("cpu", False), ("cuda", True)])
def test_reading_is_timed_as_the_device_is_fed(
    type_: str, crops_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = make_videos(tmp_path)
    made: list[PairClips] = []

    def make(*args: Any) -> PairClips:
        made.append(make_pairs(*args))
        return made[-1]

    monkeypatch.setattr(module, "open_dataset", lambda *_: videos)
    monkeypatch.setattr(module, "make_pairs", make)
    number, seconds = module._data(CONFIG, tmp_path, torch.device(type_))
    assert number == len(videos)
    assert seconds is not None
    assert bool(made[0][0].draws.numel()) is crops_only  # the device finishes what was drawn


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


def test_damaged_lists_are_no_missing_data(tmp_path: Path) -> None:
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (tmp_path / "UCF-101").mkdir()
    (lists / "classInd.txt").write_text("no number\n")
    config = changed(data={"dataset": "ucf101"})
    with pytest.raises(ValueError, match=r"classInd\.txt, line 1: 'no number' is not"):
        module._data(config, tmp_path, torch.device("cpu"))


def test_videos_that_are_too_short_are_no_missing_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = make_videos(tmp_path)
    monkeypatch.setattr(module, "open_dataset", lambda *_: videos)
    config = changed(data={"dataset": "ucf101", "num_frames": 16})
    with pytest.raises(ValueError, match="frames"):
        module._data(config, tmp_path, torch.device("cpu"))


def test_estimate_prints_all_facts_without_the_data(tmp_path: object) -> None:
    config = changed(data={"dataset": "ucf101"})
    result = estimate(config, data_dir=str(tmp_path), accelerator="cpu", devices=2, num_nodes=3)
    assert (result.videos, result.processes) == (9537, 6)
    assert result.steps == 9537 // 24 * 4
    assert result.hours == pytest.approx(9537 * 4 / 6 * result.seconds_per_video / 3600)
    for word in ("parameters", "FLOPs", "memory", "whole run", "2 process", "steps"):
        assert word.replace("2 process", "6 process") in str(result)
