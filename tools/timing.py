"""Compare how long notebooks took with what their headers promise, on a machine of any speed.

The promise holds for the machine on which it was written. A small piece of work, timed in the
same run, shows how much slower this one is. The comparison is only reported: a slow machine is no
failure.
"""

from __future__ import annotations

import re
import statistics
import time

import torch
from nbformat import NotebookNode
from torch import nn

HEADER_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*min(?:ute)?s?\s+on\s+(?:2|two)\s+CPU\s+cores")
# What `measure_work` took where the headers were written: two cores with nothing else to do.
REFERENCE_SECONDS = 0.45
# A notebook may take this many times what its header says, and always this many seconds.
SLACK, FLOOR_SECONDS = 1.5, 20.0


def stated_minutes(notebook: NotebookNode) -> float | None:
    """The minutes on 2 CPU cores that the first Markdown cell promises, or None."""
    first = next((cell for cell in notebook.cells if cell.cell_type == "markdown"), None)
    found = HEADER_TIME.search(first.source.replace("*", "")) if first else None
    return float(found.group(1)) if found else None


def measure_work(repeats: int = 3) -> float:
    """Seconds for a few training steps of a small network on video: the median of some tries."""
    network = nn.Sequential(nn.Conv3d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv3d(16, 16, 3))
    clips = torch.zeros(4, 3, 8, 32, 32)
    network(clips).square().mean().backward()  # the first step of a process is slower
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(4):
            network(clips).square().mean().backward()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def slowness(seconds: float) -> float:
    """How many times slower than the headers' machine; one that is faster counts as 1.

    Args:
        seconds: What :func:`measure_work` took here.
    """
    return max(1.0, seconds / REFERENCE_SECONDS)


def too_slow(seconds: float, minutes: float | None, factor: float = 1.0) -> str:
    """What to report of a notebook that took longer than its header says; empty if it did not.

    Args:
        seconds: Wall time.
        minutes: What the header says.
        factor: From :func:`slowness`.
    """
    if minutes is None:
        return "its header does not say 'N min on 2 CPU cores'"
    allowed = max(FLOOR_SECONDS, SLACK * 60 * minutes) * factor
    if seconds <= allowed:
        return ""
    return (
        f"took {seconds:.0f} s; its header says {minutes:g} min, "
        f"and this machine is {factor:.1f} times slower than the one it was written on"
    )
