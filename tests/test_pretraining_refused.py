"""What a run refuses before it claims a folder, and what stops it."""

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from sdc_lib.config import to_json
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips, PairSample
from sdc_lib.pretraining import pretrain
from sdc_lib.training.alarms import TrainingError
from sdc_lib.training.batches import BatchPlan, make_loader
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.video import VideoError
from tests.helpers.small_runs import CONFIG, Train, changed, make_videos, read_log


@pytest.mark.parametrize(
    "changes",
    [
        {"optim": {"batch_size": -1}},
        {"optim": {"batch_size": 1}},
        {"optim": {"batch_size": 500}},
        {"optim": {"epochs": 0}},
        {"model": {"backbone": "resnet"}},
        {"data": {"dataset": "imagenet"}},
    ],
)
def test_a_rejected_setting_claims_no_folder(
    train: Train, tmp_path: Path, changes: dict[str, dict[str, Any]]
) -> None:
    options = {"videos": None} if "data" in changes else {}
    with pytest.raises(
        ValueError,
        match=r"batch_size is -1|is 1; a single video|batch size|epochs is 0|unknown",
    ) as error:
        train(changed(CONFIG, **changes), data_dir=tmp_path, **options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_rejected_setting_claims_nothing(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fill one step"):
        train(changed(optim={"batch_size": 400}))
    assert not (tmp_path / "run").exists()
    assert train(max_steps=1).finished


@pytest.mark.parametrize("options", [{"max_steps": 0}, {"save_every": 0}, {"max_minutes": 0.0}])
def test_impossible_options_are_refused(train: Train, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="it must be"):
        train(**options)


def test_tensorboard_that_is_not_installed_is_refused_before_anything_is_written(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"^TensorBoard is not installed: pip install"):
        train(tensorboard=True, max_steps=1)
    assert not (tmp_path / "run").exists()
    assert train(max_steps=1).finished


def test_an_accelerator_that_is_not_here_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"^the device is cuda, .*; use auto or cpu$"):
        pretrain(CONFIG, tmp_path / "run", data_dir=tmp_path, accelerator="cuda")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("devices", [100_000, "100000", "all", 0])
def test_more_processes_than_the_machine_can_run_are_refused_before_one_starts(
    train: Train, tmp_path: Path, devices: int | str
) -> None:
    with pytest.raises(ValueError, match=r"^devices is .*; it must be auto or from 1 to \d+ \(.*$"):
        train(accelerator="cpu", devices=devices)
    assert not (tmp_path / "run").exists()


def test_compiling_without_a_compiler_is_refused_at_once(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ValueError, match=r"no C compiler.*--optim\.no-compile"):
        train(changed(optim={"compile": True}))
    assert not (tmp_path / "run").exists()


def test_other_settings_in_the_same_folder_are_refused(train: Train) -> None:
    train(max_steps=1)
    with pytest.raises(ValueError, match=r"optim.lr was 0.001 and is now 0.5.*another folder"):
        train(changed(optim={"lr": 0.5}))
    assert train(changed(data={"workers": 1}), max_steps=2).step == 2


def test_a_run_folder_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    values = json.loads(to_json(CONFIG))
    values["data"]["split"] = values["data"].pop("fold")
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert RunFolder(tmp_path).recorded(CONFIG) == CONFIG


def test_a_changed_data_set_is_noticed(train: Train, noise: VideoDataset) -> None:
    train(max_steps=1)
    with pytest.warns(UserWarning, match="data set has changed"):
        train(max_steps=2, videos=noise.subset(range(11, -1, -1)))


def test_a_folder_belongs_to_one_run_at_a_time(train: Train, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(ValueError, match="another process is working in"),
    ):
        train(max_steps=1)
    assert train(max_steps=1).finished


def test_weights_that_are_not_finite_end_a_run_in_one_line(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.weights.files.not_finite", lambda tensors: list(tensors)[:1])
    with pytest.raises(ValueError, match=r"weights are not finite.*is not written"):
        train(max_steps=1)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_loss_that_is_not_finite_stops_the_run(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.training.options.check_config", lambda _: None)  # lets 1e30 pass
    config = changed(optim={"lr": 1e30, "warmup_epochs": 0.0})
    with pytest.raises(TrainingError, match=r"step \d+: total.*not finite.*\.mp4.*checkpoint") as e:
        train(config, save_every=1)
    folder = Path(str(e.value).split("all in ")[1].split("failed_batch")[0])
    assert len((folder / "failed_batch.txt").read_text().split()) == 4
    good = torch.load(next((folder / "checkpoints").iterdir()), weights_only=True)
    assert all(tensor.isfinite().all() for tensor in good["model"].values())


def test_too_many_broken_videos_stop_the_run(train: Train, tmp_path: Path) -> None:
    broken = make_videos(tmp_path / "broken")
    broken[3].path.write_bytes(b"not a video")
    with pytest.raises(TrainingError, match=r"1 videos of this epoch.*8.3%.*max_replaced"):
        train(videos=broken)
    forgiving = train(changed(data={"max_replaced": 0.1}), "forgiving", videos=broken, max_steps=3)
    assert read_log(forgiving.folder / "log.csv")["replaced"][-1] == 1


def test_broken_videos_are_a_share_of_those_that_are_shown(train: Train, tmp_path: Path) -> None:
    broken = make_videos(tmp_path / "broken")
    first = BatchPlan(len(broken), 8, seed=CONFIG.seed, epochs=1).keys(0)[0].index
    broken[first].path.write_bytes(b"not a video")
    config = changed(optim={"batch_size": 8}, data={"max_replaced": 0.1})  # 8 of 12 an epoch
    with pytest.raises(TrainingError, match=r"1 videos of this epoch.*12\.5%"):
        train(config, videos=broken)


def test_what_does_not_change_the_result_may_change_and_counts_at_once(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[int] = []

    def noted(samples: Any, plan: Any, number: int, **options: Any) -> Any:
        workers.append(number)
        return make_loader(samples, plan, number, **options)

    monkeypatch.setattr("sdc_lib.pretraining.make_loader", noted)
    broken = make_videos(tmp_path / "broken")
    broken[3].path.write_bytes(b"not a video")
    with pytest.raises(TrainingError, match="max_replaced"):
        train(videos=broken, save_every=1)
    config = (tmp_path / "run" / "config.json").read_bytes()
    forgiving = changed(data={"max_replaced": 0.2, "workers": 1})
    assert train(forgiving, videos=broken, max_steps=3).finished
    assert workers == [0, 1]
    assert (tmp_path / "run" / "config.json").read_bytes() == config  # as it was started


def test_an_error_in_a_worker_ends_with_no_process_left(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug in a worker")

    monkeypatch.setattr(PairClips, "__getitem__", fail)
    with pytest.raises(RuntimeError, match="a bug in a worker"):
        train(changed(data={"workers": 2}), max_steps=2)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_worker_that_dies_names_what_it_was_to_read(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PairClips.__getitem__

    def killed(pairs: PairClips, key: Any) -> PairSample:
        if key.index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(pairs, key)

    monkeypatch.setattr(PairClips, "__getitem__", killed)
    with pytest.raises(VideoError, match=r"\.mp4: a process .* ended here, at .*SIGKILL"):
        train(changed(data={"workers": 1}))
    assert multiprocessing.active_children() == []
