"""Kill a run wherever it hurts; the same call again ends with the same bytes."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import sdc_lib.snapshots
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.monitor import COLUMNS, TIMINGS, Record, read_log
from sdc_lib.pretraining import PretrainResult, pretrain
from sdc_lib.snapshots import CheckpointWarning, list_snapshots
from tests.training import CONFIG, changed, in_child, make_videos

STEPS = 8
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_videos(tmp_path_factory.mktemp("videos"))


def run(
    folder: Path,
    videos: VideoDataset,
    on_step: Callable[[Record], None] | None = None,
    workers: int = 0,
) -> PretrainResult:
    config = changed(CONFIG, data={"workers": workers})
    return pretrain(
        config,
        folder,
        videos=videos,
        max_steps=STEPS,
        save_every=2,
        progress=False,
        on_step=on_step,
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, videos: VideoDataset) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert in_child(lambda: run(folder, videos)) == 0
    return folder


def die_at(step: int, number: int = signal.SIGKILL) -> Callable[[Record], None]:
    def hook(record: Record) -> None:
        if record["step"] == step:
            os.kill(os.getpid(), number)

    return hook


def assert_same(folder: Path, unbroken: Path) -> None:
    ours, theirs = (f / "model.safetensors" for f in (folder, unbroken))
    assert ours.read_bytes() == theirs.read_bytes()
    logs = [read_log(f / "log.csv") for f in (folder, unbroken)]
    assert logs[0]["step"] == list(range(1, STEPS + 1))
    for name in (n for n in COLUMNS if n not in TIMINGS):
        assert logs[0][name] == logs[1][name]


@pytest.mark.parametrize("steps", [(5,), pytest.param((1, 4, 7), marks=pytest.mark.slow)])
def test_killed_between_steps(
    steps: tuple[int, ...], tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    for step in steps:
        assert in_child(lambda at=step: run(tmp_path, videos, die_at(at))) == KILLED  # type: ignore[misc]
    assert in_child(lambda: run(tmp_path, videos)) == 0
    assert_same(tmp_path, unbroken)


@pytest.mark.slow
def test_killed_with_workers_reading_ahead(
    tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(lambda: run(tmp_path, videos, die_at(3), workers=1)) == KILLED
    assert in_child(lambda: run(tmp_path, videos, workers=1)) == 0
    ours, theirs = (read_log(f / "log.csv")["total"] for f in (tmp_path, unbroken))
    assert ours == theirs


@pytest.mark.parametrize("call", [5, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_killed_while_saving(
    place: str, call: int, tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    def die_while_saving() -> None:
        calls = 0
        owner = sdc_lib.snapshots.os if place == "fsync" else Path  # type: ignore[attr-defined]
        real = getattr(owner, place)

        def patched(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        setattr(owner, place, patched)
        run(tmp_path, videos)

    assert in_child(die_while_saving) == KILLED
    assert in_child(lambda: run(tmp_path, videos)) == 0
    assert_same(tmp_path, unbroken)
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_a_damaged_newest_snapshot_costs_steps_but_not_the_result(
    tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(lambda: run(tmp_path, videos, die_at(7))) == KILLED
    newest = list_snapshots(tmp_path / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:-50])

    def resume() -> None:
        with pytest.warns(CheckpointWarning, match="is damaged"):
            run(tmp_path, videos)

    assert in_child(resume) == 0
    assert_same(tmp_path, unbroken)


def test_sigterm_saves_and_says_how_to_go_on(
    tmp_path: Path,
    videos: VideoDataset,
    unbroken: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted() -> None:  # the step that is under way is finished first
        result = run(tmp_path, videos, die_at(3, signal.SIGTERM))
        assert (result.finished, result.step, result.weights) == (False, 4, None)

    assert in_child(interrupted) == 0
    assert "stopped after step 4; start the same command again" in capfd.readouterr().out
    assert list_snapshots(tmp_path / "checkpoints")[0].name.startswith("step_00000004")
    assert in_child(lambda: run(tmp_path, videos)) == 0
    assert_same(tmp_path, unbroken)


def test_a_run_continues_only_with_as_many_processes(tmp_path: Path, videos: VideoDataset) -> None:
    assert in_child(lambda: run(tmp_path, videos, die_at(3))) == KILLED
    path = list_snapshots(tmp_path / "checkpoints")[0]
    state = torch.load(path, weights_only=True)
    sdc_lib.snapshots.save_snapshot(tmp_path / "checkpoints", 3, {**state, "processes": 2})
    with pytest.raises(ValueError, match="started with 2 processes, now there are 1"):
        run(tmp_path, videos)
