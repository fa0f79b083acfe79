"""Worker processes that read ahead: how they end, and how it is told that one of them died."""

import ctypes
import multiprocessing
import multiprocessing.process
import multiprocessing.util
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from torch._C import _remove_worker_pids
from torch.utils.data import DataLoader

from sdc_lib.support.processes import describe_exit

T = TypeVar("T")
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux
_AT_EXIT = 100  # before multiprocessing waits for processes that ignore its signal
_DYING_SECONDS = 1.0
_NOTICE = "DataLoader worker (pid"  # how torch begins to tell of a death


class WorkerDied(RuntimeError):
    """A process that reads ahead ended before it gave what was asked for.

    Attributes:
        done: Items that were given before.
    """

    def __init__(self, done: int, reason: str) -> None:
        """Keep how many items came, and how the process ended."""
        super().__init__(reason)
        self.done = done


class Reading(Iterator[T], Generic[T]):
    """The items of a loader, and an orderly end of its processes.

    The death of a process is told once, where the item is asked for that it can no longer give.
    torch tells it from a signal handler, at whatever line the program is then, and again while the
    processes are being ended.

    Args:
        loader: With ``worker_init_fn=start_worker`` where it has workers.

    Raises:
        WorkerDied: A process ended while they were being started.
    """

    def __init__(self, loader: DataLoader[T]) -> None:
        before = set(multiprocessing.active_children())
        self._done = 0
        try:
            self._items = cast("Any", iter(loader))
            self._workers = tuple(getattr(self._items, "_workers", ()))
            if getattr(self._items, "_worker_pids_set", False):
                _remove_worker_pids(id(self._items))
                self._items._worker_pids_set = False
        except BaseException as error:
            _kill(set(multiprocessing.active_children()) - before)
            if isinstance(error, RuntimeError) and str(error).startswith(_NOTICE):
                raise WorkerDied(0, "it died as soon as it was started") from error
            raise
        self._end = multiprocessing.util.Finalize(
            self, _kill, args=(self._workers,), exitpriority=_AT_EXIT
        )

    def __next__(self) -> T:
        """The next item.

        Raises:
            WorkerDied: A process ended that should have given it.
        """
        try:
            item: T = next(self._items)
        except StopIteration:
            raise
        except Exception as error:  # whatever a pipe gives whose other end is gone
            codes = self._exit_codes()
            if not any(codes):
                raise
            self.close()
            raise WorkerDied(self._done, ", ".join(describe_exit(c) for c in codes if c)) from error
        self._done += 1
        return item

    def close(self) -> None:
        """End all processes at once, also those that hang in a decoder."""
        self._end()
        if self._workers:  # one of them may have taken the lock of the old one to its end
            self._items._workers_done_event = threading.Event()
            # later it would be done by whoever frees it, perhaps a process that was forked since
            self._items._shutdown_workers()

    def __enter__(self) -> "Reading[T]":
        """Start with the first item."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`close`."""
        self.close()

    def _exit_codes(self) -> list[int | None]:
        for worker in self._workers:
            worker.join(_DYING_SECONDS / len(self._workers))
        return [worker.exitcode for worker in self._workers]


def start_worker(_: int) -> None:
    """What every process does first: leave signals to its parent, and never outlive it."""
    # a signal to the whole process group is the parent's to answer: it still wants its items
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere torch looks for the parent every few seconds
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    own = getattr(multiprocessing.current_process(), "_start_method", None)
    if (own or multiprocessing.get_start_method()) == "forkserver":
        # the server that started this process lives on, and is not who wants its items
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    elif os.getppid() != parent.pid:  # it died before the lines above
        os._exit(1)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Wait for the end of another process, and end this one."""
    parent.join()
    os._exit(1)


def _kill(workers: Iterable[Any]) -> None:
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
