"""What a run shows while it runs: a bar, and a line an epoch."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from tqdm import tqdm

from sdc_lib.terms import FAMILIES
from sdc_lib.training.log import COLUMNS

WARM_UP = 3
"""Steps of an epoch that say little about the time left."""


def progress_bar(done: int, last_step: int, show: bool) -> "tqdm[NoReturn]":
    """A bar over the steps of a run; written to a file, at most one line in ten seconds."""
    return tqdm(
        total=last_step,
        initial=done,
        unit="step",
        disable=not show,
        mininterval=0.5 if os.isatty(2) else 10.0,
    )


class EpochSummary:
    """Means over an epoch, and the time left.

    Args:
        last_step: Where this call ends.
        steps_per_epoch: Steps in an epoch.
        epochs: Epochs of the whole run.
        videos_per_step: Videos a step.
    """

    def __init__(
        self, last_step: int, steps_per_epoch: int, epochs: int, videos_per_step: int
    ) -> None:
        self.videos_per_step = videos_per_step
        self.last_step = last_step
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self._rows: list[Mapping[str, float]] = []
        self._seconds: list[float] = []

    def add(self, row: Mapping[str, float]) -> str | None:
        """Take in one step; at the end of an epoch return its one-line summary."""
        self._rows.append(row)
        self._seconds.append(self.videos_per_step / row["samples_per_s"])
        step = int(row["step"])
        if step % self.steps_per_epoch and step != self.last_step:
            return None
        spent = sum(self._seconds)
        # the first steps also start workers, fill caches and compile
        usual = self._seconds[WARM_UP:] if len(self._seconds) > 2 * WARM_UP else self._seconds
        left = sum(usual) / len(usual) * (self.last_step - step)
        line = self._line(row, spent, left)
        self._rows.clear()
        self._seconds.clear()
        return line

    def _line(self, row: Mapping[str, float], spent: float, left: float) -> str:
        mean = {n: sum(row[n] for row in self._rows) / len(self._rows) for n in COLUMNS}
        sums = {f: sum(mean[f"{f}_{s}"] for s in streams) for f, streams in FAMILIES.items()}
        terms = ", ".join(f"{family} {value:.2f}" for family, value in sums.items())
        return (
            f"epoch {int(row['epoch']) + 1}/{self.epochs}, step {int(row['step'])}: "
            f"loss {mean['total']:.2f} ({terms}); {mean['samples_per_s']:.0f} samples/s, "
            f"{mean['data_wait']:.0%} waiting for data; "
            f"{duration(spent)} spent, about {duration(left)} left"
        )


def duration(seconds: float) -> str:
    """Write a time as ``h:mm:ss`` or ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def report(line: str) -> None:
    """Print a line past a progress bar."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()
