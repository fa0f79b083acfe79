"""From a step's numbers to rows of the log and alarms.

Numbers stay on the device until they are wanted, so that a GPU is not held up by its log.
"""

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.support.distributed import gather_rows, rank, sum_over_ranks, world_size
from sdc_lib.support.files import write_atomically
from sdc_lib.training.alarms import CollapseAlarm, check_finite, check_replaced
from sdc_lib.training.batches import BatchPlan
from sdc_lib.training.log import Row, TrainingLog
from sdc_lib.training.options import PretrainOptions
from sdc_lib.training.progress import EpochSummary
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.training.step import LOGGED


class Part(NamedTuple):
    """What is logged of one batch; a step has several when gradients are accumulated."""

    logged: Tensor
    """The entries of `LOGGED`, on the device."""
    indices: Tensor
    """Videos of this process's share."""
    replaced: Tensor
    """Which of them stand in for one that could not be read."""
    waited: float
    """Seconds spent waiting for data."""


class RunLog:
    """Keeps the rows of steps, and on `fetch` writes, checks and shows them.

    Args:
        folder: Of the run.
        config: Of the run.
        plan: Batches of this process; the log begins at its first step.
        videos: What is trained on; messages name them.
        options: Whether to write TensorBoard files, too, and what to call with every row.
        alarm: How long signs of collapse have lasted, see `CollapseAlarm`; kept up to date.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: PretrainConfig,
        plan: BatchPlan,
        videos: VideoDataset,
        options: PretrainOptions,
        alarm: dict[str, int],
    ) -> None:
        self._folder, self._videos, self._on_step = folder, videos, options.on_step
        self._per_epoch = plan.steps_per_epoch
        self._samples = plan.global_batch * plan.accumulate
        self._shown = self._samples * plan.steps_per_epoch  # an epoch leaves incomplete steps out
        self._max_replaced = config.data.max_replaced
        self._alarm = CollapseAlarm(config.model.num_concepts, since=alarm)
        self._summary = EpochSummary(
            plan.last_step, plan.steps_per_epoch, config.optim.epochs, self._samples
        )
        self._log = (
            None if rank() else TrainingLog(folder.path, plan.first_step, options.tensorboard)
        )
        self._pending: list[tuple[Row, Tensor, Tensor]] = []
        self._waited = 0.0
        self._mark = time.perf_counter()

    def add(self, step: int, replaced: int, rate: float, parts: Sequence[Part]) -> None:
        """Keep one step.

        Args:
            step: Its number, from 1.
            replaced: This process's samples of the epoch so far that stand in for unreadable ones.
            rate: The learning rate.
            parts: Its batches.
        """
        row = {
            "step": step,
            "epoch": (step - 1) // self._per_epoch,
            "lr": rate,
            "replaced": replaced,
        }
        logged = torch.stack([part.logged for part in parts]).mean(dim=0)
        self._pending.append((row, logged, torch.cat([part.indices for part in parts])))
        self._waited += sum(part.waited for part in parts)

    def fetch(self) -> list[str]:
        """Take all numbers from the device: write them, raise alarms, call the hook.

        Returns:
            Summaries of the epochs that ended.

        Raises:
            TrainingError: If a loss is not finite, or too many samples were replaced; on all
                processes alike.
        """
        values = torch.stack([logged for _, logged, _ in self._pending])  # (steps, entries)
        means = (sum_over_ranks(values) / world_size()).tolist()
        self._add_up_replaced(values.device)
        now = time.perf_counter()
        spent, self._mark = now - self._mark, now
        shared = {  # averages since the last call
            "samples_per_s": self._samples * len(means) / spent,
            "data_wait": self._waited / spent,
            "memory_mb": peak_memory_mb(values.device),
        }
        pending, self._pending, self._waited = self._pending, [], 0.0
        lines = []
        for (row, logged, indices), numbers in zip(pending, means, strict=True):
            whole = {**row, **shared, **dict(zip(LOGGED, numbers, strict=True))}
            check_finite(whole, partial(self._name_batch, indices.to(logged.device)))
            check_replaced(row, self._shown, self._max_replaced)
            lines += self._write(whole)
        return lines

    def flush(self) -> None:
        """Make sure that the log holds all rows that were fetched."""
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        """End the log."""
        if self._log is not None:
            self._log.close()

    def _add_up_replaced(self, device: torch.device) -> None:
        """Make the counts of pending rows those of all processes."""
        if world_size() == 1:
            return
        own = torch.tensor([row["replaced"] for row, _, _ in self._pending], device=device)
        for (row, _, _), count in zip(self._pending, sum_over_ranks(own).tolist(), strict=True):
            row["replaced"] = count

    def _write(self, row: Row) -> list[str]:
        if self._log is None:
            return []
        self._log.write(row)
        self._alarm.check(row)
        if self._on_step is not None:
            self._on_step(row)
        line = self._summary.add(row)
        return [line] if line else []

    def _name_batch(self, indices: Tensor) -> str:
        """Write the names of a bad batch to a file; what a message says of it."""
        names = [self._videos[index].name for index in gather_rows(indices).tolist()]
        if rank() == 0:
            write_atomically(self._folder.failed_batch, os.fsencode("\n".join(names) + "\n"))
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        return (
            f"Videos of the batch: {', '.join(names[:8])}{more}, all in "
            f"{self._folder.failed_batch}. Last good checkpoint: {self._folder.newest()}."
        )


def peak_memory_mb(device: torch.device) -> float:
    """Peak memory of this process in MB: of the GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
