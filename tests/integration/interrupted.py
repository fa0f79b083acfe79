"""Runs in processes of their own, which may kill themselves."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import sdc_lib.support.files
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.pretraining import PretrainResult, pretrain
from sdc_lib.training.checkpoints import CheckpointWarning
from sdc_lib.training.log import Row
from tests.helpers.small_runs import changed

STEPS = 8
KILLED = -signal.SIGKILL


def in_child(work: Callable[..., object], *arguments: object) -> int | None:
    """Call a function in a new process; return its exit code.

    A server that has imported everything and done nothing else forks the processes: they start at
    once, and nothing that earlier tests have started is half there.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    child = context.Process(target=_call, args=(work, *arguments))
    child.start()
    child.join()
    return child.exitcode


def _call(work: Callable[..., object], *arguments: object) -> None:
    torch.set_num_threads(1)
    work(*arguments)


def run(
    folder: Path,
    videos: VideoDataset,
    signal_at: int = 0,
    number: int = signal.SIGKILL,
    workers: int = 0,
) -> PretrainResult:
    """Train or continue; send this process a signal while a step is logged."""

    def hook(record: Row) -> None:
        if record["step"] == signal_at:
            os.kill(os.getpid(), number)

    return pretrain(
        changed(data={"workers": workers}),
        folder,
        videos=videos,
        max_steps=STEPS,
        save_every=2,
        progress=False,
        on_step=hook,
    )


def die_while_saving(place: str, call: int, folder: Path, videos: VideoDataset) -> None:
    """Train; kill this process instead of the given call of ``os.fsync`` or ``Path.replace``."""
    owner = vars(sdc_lib.support.files)["os"] if place == "fsync" else Path
    real, calls = getattr(owner, place), 0

    def patched(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(owner, place, patched)
    run(folder, videos)


def die_while_replacing(name: str, moment: str, folder: Path, videos: VideoDataset) -> None:
    """Train; kill this process while the file of that name is written for the first time.

    Args:
        name: Of the file.
        moment: ``"half"``: with half of its bytes written; ``"before"``: with all, but beside its
            place; ``"after"``: in its place.
        folder: Of the run.
        videos: To train on.
    """
    real = Path.replace

    def patched(beside: Path, target: Path) -> Path:
        if target.name != name:
            return real(beside, target)
        if moment == "half":
            os.truncate(beside, beside.stat().st_size // 2)
        if moment == "after":
            real(beside, target)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")

    Path.replace = patched  # type: ignore[method-assign, assignment]
    run(folder, videos)


def fall_back(folder: Path, videos: VideoDataset) -> None:
    """Continue, and see the warning of a damaged snapshot."""
    with pytest.warns(CheckpointWarning, match="is damaged"):
        run(folder, videos)


def terminated(folder: Path, videos: VideoDataset) -> None:
    """Get SIGTERM while step 3 is logged: a checkpoint is written, and nothing else is done."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        result = run(folder, videos, 3, signal.SIGTERM)
    assert "stopped after step 3; start the same command again to continue" in said.getvalue()
    assert (result.finished, result.step, result.weights) == (False, 3, None)
