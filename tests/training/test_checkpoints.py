"""Checkpoints survive crashes, damage and full disks."""

import errno
import hashlib
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sdc_lib.support.files import remove_leftovers
from sdc_lib.training.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    list_checkpoints,
    load_newest,
    random_states,
    read_checkpoint,
    restore_random_states,
    save_checkpoint,
)
from tests.helpers.processes import ended_process


def test_the_newest_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (2, 4, 10):
        save_checkpoint(tmp_path, step, {"step": step, "w": torch.full((3,), float(step))})
    assert [path.name[:13] for path in list_checkpoints(tmp_path)] == [
        "step_00000010",
        "step_00000004",
    ]
    newest = load_newest(tmp_path)
    assert newest is not None
    assert newest.state["step"] == 10
    assert_close(newest.state["w"], torch.full((3,), 10.0))


def test_no_checkpoints_is_not_an_error(tmp_path: Path) -> None:
    assert load_newest(tmp_path) is None
    assert load_newest(tmp_path / "missing") is None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_checkpoint_falls_back_with_a_warning(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2})
    path = save_checkpoint(tmp_path, 4, {"step": 4, "w": torch.zeros(100)})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"cut": bytes(data[:-100]), "flip": bytes(data), "empty": b""}[damage])
    with pytest.warns(CheckpointWarning, match=r"step_00000004.* is damaged"):
        found = load_newest(tmp_path)
    assert found is not None
    assert found.state["step"] == 2
    assert list_checkpoints(tmp_path) == [found.path]  # the damaged one no longer counts


def test_only_damaged_checkpoints_are_an_error_every_time(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2}).write_bytes(b"x")
    for _ in range(2):
        with (
            pytest.warns(CheckpointWarning),
            pytest.raises(CheckpointError, match="all 1 checkpoints"),
        ):
            load_newest(tmp_path)


def test_a_full_disk_leaves_the_old_checkpoint_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = save_checkpoint(tmp_path, 2, {"step": 2})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sdc_lib.support.files.os.fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left.*MB are free.*step_00000002") as info:
        save_checkpoint(tmp_path, 4, {"step": 4})
    assert "Free space" in str(info.value)
    assert list(tmp_path.iterdir()) == [old]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*there is no older one"):
        save_checkpoint(tmp_path / "file" / "checkpoints", 4, {"step": 4})


def test_what_an_interrupted_save_left_is_removed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2})
    half = f".step_00000004.0123456789abcdef.{ended_process()}.part.pt"
    (tmp_path / half).write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".pt"]
    remove_leftovers(tmp_path / "missing")


def test_random_states_go_through_a_checkpoint(tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002

    save_checkpoint(tmp_path, 1, random_states())
    expected = draw()
    assert draw() != expected
    found = load_newest(tmp_path)
    assert found is not None
    restore_random_states(found.state)
    assert draw() == expected


def test_a_file_with_code_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    data = pickle.dumps(Path("anything"), protocol=2)
    path = tmp_path / f"step_00000004.{hashlib.sha256(data).hexdigest()[:16]}.pt"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="is none that `sdc pretrain` wrote") as error:
        read_checkpoint(path)
    assert "weights_only" not in str(error.value)
    assert "\n" not in str(error.value)
