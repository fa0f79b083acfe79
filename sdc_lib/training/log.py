"""What a run says while it runs: a row a step, a line an epoch, and alarms.

Numbers stay on the device until they are wanted, so that a GPU is not held up by its log.
"""

import csv
import io
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sdc_lib.support.files import write_atomically
from sdc_lib.training.step import LOGGED

COLUMNS = (
    "step",
    "epoch",
    "lr",
    *LOGGED,
    "samples_per_s",
    "data_wait",
    "memory_mb",
    "replaced",
)
"""Columns of log.csv. ``data_wait``: share of a step's time spent waiting for data."""

TIMINGS = ("samples_per_s", "data_wait", "memory_mb")
"""Columns that differ from run to run."""

WARM_UP = 3
"""Steps of an epoch that say little about the time left."""

Record = dict[str, float]
StepHook = Callable[[Record], None]


class CollapseWarning(UserWarning):
    """Training seems to have collapsed; the message says what to try."""


class TrainingLog:
    """``log.csv``, one row a step, and TensorBoard on request.

    Args:
        folder: The run's folder.
        step: Steps that the run has behind it; later rows of an interrupted run are removed.
        tensorboard: Also write event files to ``folder/tensorboard``.

    Raises:
        ValueError: If TensorBoard is wanted but not installed.
    """

    def __init__(self, folder: Path, step: int = 0, tensorboard: bool = False) -> None:
        self.path = folder / "log.csv"
        _truncate(self.path, step)
        self._file = self.path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS, lineterminator="\n")
        self._board = _summary_writer(folder / "tensorboard", step) if tensorboard else None

    def write(self, record: Mapping[str, float]) -> None:
        """Append one row."""
        self._writer.writerow({name: _text(record[name]) for name in COLUMNS})
        if self._board is not None:
            for name in COLUMNS[2:]:
                self._board.add_scalar(_board_name(name), record[name], int(record["step"]))

    def flush(self) -> None:
        """Hand all rows to the operating system."""
        self._file.flush()
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
        if self._board is not None:
            self._board.close()


class CollapseAlarm:
    """Warn once when a sign of collapse lasts.

    Args:
        num_concepts: K, for the scale of perplexity and alignment.
        patience: Steps in a row that a sign must last; alignment, which rests at log K before it
            breaks away, gets ten times as many.
    """

    def __init__(self, num_concepts: int, patience: int = 50) -> None:
        self.num_concepts = num_concepts
        self.patience = patience
        self.since: dict[str, int] = {}

    def check(self, record: Mapping[str, float]) -> list[str]:
        """Look at one step, warn with a `CollapseWarning`, and return the warnings given."""
        said = []
        for name, (sign, advice, patience) in self._signs(record).items():
            self.since[name] = self.since.get(name, 0) + 1 if sign else 0
            if self.since[name] == patience:
                text = f"step {int(record['step'])}: {advice}"
                warnings.warn(text, CollapseWarning, stacklevel=3)
                said.append(text)
        return said

    def _signs(self, record: Mapping[str, float]) -> dict[str, tuple[bool, str, int]]:
        k, patience = self.num_concepts, self.patience
        align = max(record["align_static"], record["align_dynamic"])
        low = min(record["perplexity_static"], record["perplexity_dynamic"])
        top, std = record["top_share"], record["feature_std"]
        return {
            "alignment": (
                align > 0.99 * math.log(k),
                f"alignment has stayed at log K ({align:.3f} of {math.log(k):.3f}) for "
                f"{10 * patience} steps: concepts do not differ between videos. Try a larger batch "
                "or queue, a lower sinkhorn_epsilon, or a lower learning rate",
                10 * patience,
            ),
            "perplexity": (
                low < max(1.5, 0.05 * k),
                f"only about {low:.1f} of {k} concepts are in use. Try a larger batch or queue, "
                "fewer concepts, or a larger sinkhorn_epsilon",
                patience,
            ),
            "one concept": (
                top > 0.95,
                f"one concept is on top in {top:.0%} of the videos. Try a larger batch or queue, "
                "a larger diversity weight, or a lower learning rate",
                patience,
            ),
            "features": (
                std < 0.02,
                f"features hardly differ between videos (normalised deviation {std:.4f}). Try a "
                "lower learning rate, a warm-up, or look whether all videos look the same",
                patience,
            ),
        }


class EpochSummary:
    """Means over an epoch, and the time left.

    Args:
        last_step: Where this call ends.
        steps_per_epoch: Steps in an epoch.
        epochs: Epochs of the whole run.
        batch: Videos a step.
    """

    def __init__(self, last_step: int, steps_per_epoch: int, epochs: int, batch: int) -> None:
        self.batch = batch
        self.last_step = last_step
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self._rows: list[Mapping[str, float]] = []
        self._seconds: list[float] = []

    def add(self, record: Mapping[str, float]) -> str | None:
        """Take in one step; at the end of an epoch return its one-line summary."""
        self._rows.append(record)
        self._seconds.append(self.batch / record["samples_per_s"])
        step = int(record["step"])
        if step % self.steps_per_epoch and step != self.last_step:
            return None
        spent = sum(self._seconds)
        # the first steps also start workers, fill caches and compile
        usual = self._seconds[WARM_UP:] if len(self._seconds) > 2 * WARM_UP else self._seconds
        left = sum(usual) / len(usual) * (self.last_step - step)
        line = self._line(record, spent, left)
        self._rows.clear()
        self._seconds.clear()
        return line

    def _line(self, record: Mapping[str, float], spent: float, left: float) -> str:
        mean = {n: sum(row[n] for row in self._rows) / len(self._rows) for n in COLUMNS}
        families: dict[str, float] = {}
        for name in LOGGED[1:14]:
            family = name.split("_")[0]
            families[family] = families.get(family, 0.0) + mean[name]
        terms = ", ".join(f"{family} {value:.2f}" for family, value in families.items())
        return (
            f"epoch {int(record['epoch']) + 1}/{self.epochs}, step {int(record['step'])}: "
            f"loss {mean['total']:.2f} ({terms}); {mean['samples_per_s']:.0f} samples/s, "
            f"{mean['data_wait']:.0%} waiting for data; "
            f"{duration(spent)} spent, about {duration(left)} left"
        )


def duration(seconds: float) -> str:
    """Write a time as ``h:mm:ss`` or ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def read_log(path: str | Path) -> dict[str, list[float]]:
    """Read a log.csv as columns of numbers."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in COLUMNS}


def say(line: str) -> None:
    """Print a line past a progress bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def _board_name(column: str) -> str:
    if column in LOGGED[1:15]:
        return f"loss/{column}"
    return f"{'speed' if column in TIMINGS else 'run'}/{column}"


def _truncate(path: Path, step: int) -> None:
    """Keep the header and the whole rows up to a step."""
    rows: list[list[str]] = []
    if path.exists() and step > 0:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
        rows = [row for row in rows if row[0].isdigit() and int(row[0]) <= step]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write_atomically(path, text.getvalue().encode())


def _summary_writer(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "TensorBoard is not installed: pip install -e '.[tracking]' in the clone"
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)
