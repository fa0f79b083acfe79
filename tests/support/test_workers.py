"""Worker processes end with what started them, and their death is told once, where it counts."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from sdc_lib.support.workers import Reading, WorkerDied, start_worker

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds for what takes less than one, on a loaded machine."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of Unix")


def nothing(index: int) -> None:
    """What usually happens."""


class Numbers(Dataset[torch.Tensor]):
    """Numbers as tensors; what is to happen before one of them is given."""

    def __init__(self, before: Callable[[int], None] = nothing) -> None:
        self.before = before

    def __len__(self) -> int:
        return 50

    def __getitem__(self, index: int) -> torch.Tensor:
        self.before(index)
        return torch.full((1000,), index)


def loader(
    before: Callable[[int], None] = nothing, method: str | None = None
) -> DataLoader[torch.Tensor]:
    return DataLoader(
        Numbers(before),
        batch_size=None,
        num_workers=2,
        worker_init_fn=start_worker,
        multiprocessing_context=method,
    )


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def die(index: int) -> None:
    if index == 9:
        os.kill(os.getpid(), signal.SIGKILL)


def fail(index: int) -> None:
    if index == 9:
        raise LookupError("a bug")


def hang(index: int) -> None:
    if index == 9:
        time.sleep(10 * PATIENCE)


def test_all_items_come_and_no_process_stays() -> None:
    with Reading(loader()) as items:
        assert [int(item[0]) for item in items] == [*range(50)]
    assert multiprocessing.active_children() == []


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_work_however_they_are_started(method: str) -> None:
    with Reading(loader(method=method)) as items:
        assert [int(item[0]) for item in items] == [*range(50)]


@pytest.mark.slow
def test_a_death_is_told_where_the_item_is_asked_for() -> None:
    for _ in range(5):
        with Reading(loader(die)) as items:
            given = [int(next(items)[0]) for _ in range(6)]  # the tenth is asked for now
            wait_until(lambda: len(multiprocessing.active_children()) < 2)
            with pytest.raises(WorkerDied) as error:
                given.extend(int(item[0]) for item in items)
        assert str(error.value) == "SIGKILL (signal 9)"
        assert given == [*range(error.value.done)]
        assert error.value.done in (6, 7, 8, 9)  # what was on its way is lost, too
        assert multiprocessing.active_children() == []


def test_a_death_while_processes_are_started_is_told_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = DataLoader.__iter__

    def start(self: DataLoader[torch.Tensor]) -> object:
        real(self)
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    monkeypatch.setattr(DataLoader, "__iter__", start)
    with pytest.raises(WorkerDied, match="as soon as it was started") as error:
        Reading(loader())
    assert error.value.done == 0
    assert not multiprocessing.active_children()


def test_other_errors_while_processes_are_started_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(self: DataLoader[torch.Tensor]) -> object:
        raise RuntimeError("no room in /dev/shm")

    monkeypatch.setattr(DataLoader, "__iter__", start)
    with pytest.raises(RuntimeError, match="no room") as error:
        Reading(loader())
    assert not isinstance(error.value, WorkerDied)


def test_an_error_in_a_worker_stays_what_it_is() -> None:
    with Reading(loader(fail)) as items, pytest.raises(LookupError, match="a bug"):
        list(items)
    assert multiprocessing.active_children() == []


def test_an_ended_reading_is_silent_where_a_later_process_frees_it() -> None:
    with Reading(loader()) as items:
        next(items)
    child = multiprocessing.get_context("fork").Process(target=items._items.__del__)
    child.start()
    child.join()
    assert child.exitcode == 0


def test_processes_that_hang_are_ended_at_once() -> None:
    with Reading(loader(hang)) as items:
        assert int(next(items)[0]) == 0
        children = multiprocessing.active_children()
    assert len(children) == 2
    assert multiprocessing.active_children() == []
    lost = Reading(loader(hang))
    next(lost)
    del lost
    assert multiprocessing.active_children() == []


def test_a_parent_that_died_while_a_process_started_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def started(index: int) -> None:
        if index == 0:
            monkeypatch.setattr(os, "getppid", lambda: 1)
            start_worker(0)

    with Reading(loader(started)) as items, pytest.raises(WorkerDied, match="exit status 1"):
        next(items)


UNCLOSED = """
import os, signal, sys
from tests.support.test_workers import Reading, hang, loader
items = Reading(loader(hang, "{method}"))
next(items)
print(*(worker.pid for worker in items._workers), flush=True)
{end}
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize(
    ("end", "status"),
    [("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", -9)],
)
def test_no_process_outlives_its_parent(end: str, status: int, method: str) -> None:
    if status < 0 and sys.platform != "linux":
        pytest.skip("only Linux tells children at once")
    done = subprocess.run(
        [sys.executable, "-c", UNCLOSED.format(end=end, method=method)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == status
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    wait_until(lambda: not any(_is_alive(pid) for pid in pids))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
