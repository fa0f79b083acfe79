"""``log.csv``: one row a step, each step once, however often a run was interrupted."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sdc_lib.support.files import write_atomically
from sdc_lib.terms import LossTerms
from sdc_lib.training.step import LOGGED

VALUES = ("lr", *LOGGED, "samples_per_s", "data_wait", "memory_mb", "replaced")
"""What is logged of a step. ``data_wait``: share of its time spent waiting for data."""

COLUMNS = ("step", "epoch", *VALUES)
"""Columns of log.csv."""

TIMINGS = ("samples_per_s", "data_wait", "memory_mb")
"""Columns that differ from run to run."""

Row = dict[str, float]
StepHook = Callable[[Row], None]
"""Called with every row of the log, on the first process."""


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
        self._board = _summary_writer(folder / "tensorboard", step) if tensorboard else None
        _truncate(self.path, step)
        self._file = self.path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS, lineterminator="\n")

    def write(self, row: Mapping[str, float]) -> None:
        """Append one row."""
        self._writer.writerow({name: _text(row[name]) for name in COLUMNS})
        if self._board is not None:
            for name in VALUES:
                self._board.add_scalar(_board_name(name), row[name], int(row["step"]))

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


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def _board_name(column: str) -> str:
    if column in (*LossTerms._fields, "decorrelation"):
        return f"loss/{column}"
    return f"{'speed' if column in TIMINGS else 'run'}/{column}"


def _truncate(path: Path, step: int) -> None:
    """Keep the header and the whole rows up to a step."""
    rows: list[list[str]] = []
    if path.exists() and step > 0:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
        rows = [row for row in rows if row[0].isdigit() and int(row[0]) <= step]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write_atomically(path, text.getvalue().encode())


def check_tensorboard() -> None:
    """Look whether event files can be written.

    Raises:
        ValueError: If TensorBoard is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "TensorBoard is not installed: pip install -e '.[tracking]' in the clone"
        ) from error


def _summary_writer(folder: Path, step: int) -> Any:
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)
