"""Kill a run wherever it hurts; the same call again ends with the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.training.checkpoints import list_checkpoints, save_checkpoint
from sdc_lib.training.log import COLUMNS, TIMINGS
from tests.helpers.small_runs import make_videos, read_log
from tests.integration.interrupted import (
    KILLED,
    STEPS,
    die_while_replacing,
    die_while_saving,
    fall_back,
    in_child,
    run,
    terminated,
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, videos: VideoDataset) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert in_child(run, folder, videos) == 0
    return folder


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
        assert in_child(run, tmp_path, videos, step) == KILLED
    assert in_child(run, tmp_path, videos) == 0
    assert_same(tmp_path, unbroken)


@pytest.mark.slow
def test_killed_with_workers_reading_ahead(
    tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(run, tmp_path, videos, 3, -KILLED, 1) == KILLED
    assert in_child(run, tmp_path, videos, 0, 0, 1) == 0
    ours, theirs = (read_log(f / "log.csv")["total"] for f in (tmp_path, unbroken))
    assert ours == theirs


@pytest.mark.parametrize("call", [5, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_killed_while_saving(
    place: str, call: int, tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(die_while_saving, place, call, tmp_path, videos) == KILLED
    assert in_child(run, tmp_path, videos) == 0
    assert_same(tmp_path, unbroken)
    assert not list((tmp_path / "checkpoints").glob(".*"))


@pytest.mark.parametrize("moment", ["half", "before", "after"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("config.json", marks=pytest.mark.slow),
        "run.json",
        pytest.param("log.csv", marks=pytest.mark.slow),
        pytest.param("model.safetensors", marks=pytest.mark.slow),
    ],
)
def test_killed_while_a_file_is_replaced(
    name: str, moment: str, tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    path = tmp_path / name
    assert in_child(terminated, tmp_path, videos) == 0
    old = path.read_bytes() if path.exists() else None
    if name == "config.json":  # written once, at the start
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        old = None
    assert in_child(die_while_replacing, name, moment, tmp_path, videos) == KILLED
    now = path.read_bytes() if path.exists() else None
    if moment != "after":
        assert now == old
    elif name == "run.json":
        assert json.loads(now or b"")["steps"] == STEPS
    else:
        assert now
    assert in_child(run, tmp_path, videos) == 0
    assert_same(tmp_path, unbroken)
    assert json.loads((tmp_path / "run.json").read_text())["steps"] == STEPS
    assert not list(tmp_path.glob(".*.part*"))


def test_a_damaged_newest_snapshot_costs_steps_but_not_the_result(
    tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(run, tmp_path, videos, 7) == KILLED
    newest = list_checkpoints(tmp_path / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:-50])
    assert in_child(fall_back, tmp_path, videos) == 0
    assert_same(tmp_path, unbroken)


def test_sigterm_saves_and_says_how_to_go_on(
    tmp_path: Path, videos: VideoDataset, unbroken: Path
) -> None:
    assert in_child(terminated, tmp_path, videos) == 0
    assert list_checkpoints(tmp_path / "checkpoints")[0].name.startswith("step_00000003")
    assert not (tmp_path / "model.safetensors").exists()
    assert in_child(run, tmp_path, videos) == 0
    assert_same(tmp_path, unbroken)


def test_a_run_continues_only_with_as_many_processes(tmp_path: Path, videos: VideoDataset) -> None:
    assert in_child(run, tmp_path, videos, 3) == KILLED
    path = list_checkpoints(tmp_path / "checkpoints")[0]
    state = torch.load(path, weights_only=True)
    save_checkpoint(tmp_path / "checkpoints", 3, {**state, "processes": 2})
    with pytest.raises(ValueError, match="started with 2 processes, now there are 1"):
        run(tmp_path, videos)
