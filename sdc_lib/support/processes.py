"""Whether another process of this machine still lives."""

import os
import time
from pathlib import Path

_SLACK = 1.0  # seconds by which the clocks of processes and of files may differ


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
