"""From the numbers of a step to rows, summaries and alarms; and when to give up."""

import time
from collections.abc import Iterator, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.support.distributed import gather_rows
from sdc_lib.training.batches import BatchPlan, PairBatch
from sdc_lib.training.checkpoints import list_snapshots
from sdc_lib.training.log import (
    CollapseAlarm,
    EpochSummary,
    Record,
    StepHook,
    TrainingLog,
)
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.training.state import RunState
from sdc_lib.training.step import LOGGED

GPU_INTERVAL = 10
"""On a GPU, numbers are fetched once in so many steps, so that it is not held up."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and where to continue."""


class Recorder:
    """Collects what steps report and hands it on.

    Args:
        state: Of the run.
        plan: Batches of this process.
        config: Of the run.
        fabric: Launched.
        videos: What the indices of a batch mean.
        on_step: Called with every row, on the first process.
    """

    def __init__(
        self,
        state: RunState,
        plan: BatchPlan,
        config: PretrainConfig,
        fabric: Fabric,
        videos: VideoDataset,
        on_step: StepHook | None = None,
    ) -> None:
        self.state, self.plan, self.config, self.fabric = state, plan, config, fabric
        self.videos, self.on_step = videos, on_step
        self.interval = GPU_INTERVAL if fabric.device.type == "cuda" else 1
        self.alarm = CollapseAlarm(config.model.num_concepts)
        self.batch = plan.global_batch * plan.accumulate
        self.summary = EpochSummary(
            plan.last_step, plan.steps_per_epoch, config.optim.epochs, self.batch
        )
        self._pending: list[tuple[Record, Tensor, Tensor]] = []
        self._log: TrainingLog | None = None
        self._folder: RunFolder | None = None

    def open(self, folder: RunFolder, tensorboard: bool) -> None:
        """Begin to write the log of a folder, on the first process."""
        self._folder = folder
        if self.fabric.is_global_zero:
            self._log = TrainingLog(folder.path, self.state.step, tensorboard)
        self._mark = time.perf_counter()

    def close(self) -> None:
        """End the log."""
        if self._log is not None:
            self._log.close()

    def flush(self) -> None:
        """Make sure that the log holds all rows so far."""
        if self._log is not None:
            self._log.flush()

    def begin_step(self, rate: float) -> None:
        """Start a row."""
        if self.state.step % self.plan.steps_per_epoch == 0:
            self.state.replaced = 0
        self._rate = rate
        self._waited = 0.0
        self._logged: list[Tensor] = []
        self._indices: list[Tensor] = []

    def wait_for(self, batches: Iterator[PairBatch]) -> PairBatch:
        """Take the next batch, and the time."""
        before = time.perf_counter()
        batch = next(batches)
        self._waited += time.perf_counter() - before
        self._indices.append(batch.indices)
        self.state.replaced += int(batch.replaced.sum())
        return batch

    def add(self, logged: Tensor) -> None:
        """Take in the vector of one batch."""
        self._logged.append(logged)

    def is_due(self, save: bool) -> bool:
        """Whether this step's numbers are fetched, so that talking to other processes is cheap."""
        return save or self.state.step % self.interval == 0

    def end_step(self, fetch: bool) -> str | None:
        """Finish the row; return the epoch's summary at its end.

        Args:
            fetch: Fetch numbers now, because a snapshot is about to be written.

        Raises:
            TrainingError: If a loss is not finite or too many videos cannot be read.
        """
        self._check_replaced()
        now = time.perf_counter()
        spent, self._mark = now - self._mark, now
        record: Record = {
            "step": self.state.step,
            "epoch": (self.state.step - 1) // self.plan.steps_per_epoch,
            "lr": self._rate,
            "samples_per_s": self.batch / spent,
            "data_wait": self._waited / spent,
            "memory_mb": _memory_mb(self.fabric.device),
            "replaced": self.state.replaced,
        }
        logged = torch.stack(self._logged).mean(dim=0)
        self._pending.append((record, logged, torch.cat(self._indices)))
        epoch_ends = self.state.step % self.plan.steps_per_epoch == 0
        if epoch_ends or self.is_due(fetch):
            return self._fetch()
        return None

    def _fetch(self) -> str | None:
        values = torch.stack([logged for _, logged, _ in self._pending])  # (steps, entries)
        if self.fabric.world_size > 1:
            torch.distributed.all_reduce(values)
            values /= self.fabric.world_size
        line = None
        for (record, _, indices), row in zip(self._pending, values.tolist(), strict=True):
            record.update(zip(LOGGED, row, strict=True))
            if not all(map(_finite, row)):
                self._stop_not_finite(record, indices)
            if self._log is not None:
                self._log.write(record)
                self.alarm.check(record)
                line = self.summary.add(record)
                if self.on_step is not None:
                    self.on_step(record)
        self._pending.clear()
        return line

    def _check_replaced(self) -> None:
        share = self.state.replaced / (len(self.videos) / self.fabric.world_size)
        if share > self.config.data.max_replaced:
            raise TrainingError(
                f"step {self.state.step}: {self.state.replaced} videos of this epoch could not be "
                f"read and were replaced, {share:.1%} of all; at most "
                f"{self.config.data.max_replaced:.1%} are allowed (data.max_replaced). "
                "Find them with `sdc data check`"
            )

    def _stop_not_finite(self, record: Record, indices: Tensor) -> None:
        assert self._folder is not None
        names = self._names(gather_rows(indices.to(self.fabric.device)).tolist())
        bad = [name for name in LOGGED if not _finite(record[name])]
        good = list_snapshots(self._folder.snapshots)
        if self.fabric.is_global_zero:
            self._folder.failed_batch.write_text("\n".join(names) + "\n", encoding="utf-8")
        self.close()
        raise TrainingError(
            f"step {int(record['step'])}: {', '.join(bad)} not finite. "
            f"Videos of the batch: {', '.join(names[:8])}"
            f"{f' and {len(names) - 8} more' if len(names) > 8 else ''}, "
            f"all in {self._folder.failed_batch}. "
            f"Last good checkpoint: {good[0] if good else 'none yet'}. "
            "Try a lower learning rate, a longer warm-up or precision 32-true"
        )

    def _names(self, indices: Sequence[int]) -> list[str]:
        return [self.videos[index].name for index in indices]


def _finite(value: float) -> bool:
    return value - value == 0


def _memory_mb(device: torch.device) -> float:
    """Peak memory of this process in MB: of the GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
