"""Numbers of processes, for files that name their writer."""

from __future__ import annotations

import subprocess
import sys


def ended_process() -> int:
    """The number of a process that has just ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid
