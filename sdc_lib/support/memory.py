"""Shared memory: what worker processes hand over their samples in."""

import shutil
import warnings
from pathlib import Path

from sdc_lib.support.processes import loader_workers, local_processes

PREFETCH = 2
"""Items, samples or batches, that a worker reads ahead."""


def free_shared_memory() -> int:
    """Bytes that processes can still share; more than anyone needs where there is no limit."""
    folder = Path("/dev/shm")
    return shutil.disk_usage(folder).free if folder.is_dir() else 2**60


def fitting_workers(wanted: int, item_bytes: int) -> tuple[int, int]:
    """Processes for which there are cores and shared memory, and items that each reads ahead.

    A worker that finds no room is killed, and with it the run; so fewer are taken, with a warning.

    Args:
        wanted: Processes; -1 for one a core that is left.
        item_bytes: Of the largest sample or batch that a worker hands over.
    """
    workers = loader_workers(wanted)
    if workers == 0:
        return 0, PREFETCH
    room = free_shared_memory() // local_processes()  # each counts on its part only
    room //= max(1, 2 * item_bytes)  # half of it is for others
    if room >= workers * PREFETCH:
        return workers, PREFETCH
    fitting = (min(workers, room // PREFETCH), PREFETCH) if room >= PREFETCH else (min(1, room), 1)
    warnings.warn(
        f"shared memory is small: {workers} workers that read {PREFETCH} times "
        f"{item_bytes / 1e6:.0f} MB ahead do not fit, {fitting[0]} are started. "
        "Start a container with --shm-size",
        stacklevel=3,
    )
    return fitting
