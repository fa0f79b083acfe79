"""Processes of this machine: how many are worth starting, how one ended, whether one lives."""

import contextlib
import os
import signal
import time
from pathlib import Path

_SLACK = 1.0  # seconds by which the clocks of processes and of files may differ


def available_cores() -> int:
    """Cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def local_processes() -> int:
    """Training processes that share this machine, as torchrun or `share_machine` says; else 1."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def share_machine(processes: int) -> None:
    """Note how many training processes share this machine, under torchrun's name for it."""
    os.environ["LOCAL_WORLD_SIZE"] = str(processes)


def loader_workers(wanted: int) -> int:
    """Processes that read data for one training process.

    Args:
        wanted: How many; -1 for the cores that are left.

    Returns:
        At most the cores of this machine, divided among its training processes.
    """
    cores = available_cores() // local_processes()
    return min(cores, max(1, cores - 1) if wanted < 0 else wanted)


def describe_exit(code: int) -> str:
    """How a process ended, from what Python says of it."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name} (signal {-code})"
    return f"exit status {code}"


def lives_since(pid: int, moment: float) -> bool:
    """Whether a process lives that has lived at a moment, as far as this system tells.

    Numbers of processes are given out again, so one that started later is another one. Processes
    of other machines and containers are not seen.

    Args:
        pid: Its number.
        moment: In seconds since 1970.
    """
    if os.name != "posix":  # where the call below would end it
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # it lives, and is somebody else's
    except (OSError, OverflowError):
        return False
    try:
        facts = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # not Linux, which alone says more
        return True
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started = booted + int(facts[19]) / os.sysconf("SC_CLK_TCK")
    return facts[0] not in "ZX" and started <= moment + _SLACK
