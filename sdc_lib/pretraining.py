"""Pretrain a model, or continue an interrupted run: one call, one folder.

A plan says which videos come when, one function computes losses, and everything that changes is
saved, so that an interrupted run ends with the same bits. Notebook 06 explains this module.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), implementation details.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lightning_fabric import Fabric

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.names import open_dataset
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.features.stored import StoredPairs, store_pairs
from sdc_lib.objective import SDCObjective
from sdc_lib.support.processes import share_machine
from sdc_lib.support.tuning import tune
from sdc_lib.training.batches import Batch, make_loader, make_pairs, make_plan, to_device
from sdc_lib.training.fabric import local_count, make_fabric
from sdc_lib.training.log import StepHook
from sdc_lib.training.options import PretrainOptions, check_run
from sdc_lib.training.progress import progress_bar, report
from sdc_lib.training.run_folder import RunFolder, provenance
from sdc_lib.training.run_log import Part, RunLog
from sdc_lib.training.schedule import Phase, learning_rate, phase_of
from sdc_lib.training.state import build_state, resume, save, set_modes
from sdc_lib.training.step import Losses, compute_losses, leave_untrained
from sdc_lib.training.stopping import StopRequest

__all__ = ["PretrainResult", "pretrain"]

FETCH_INTERVAL = {"cuda": 10}
"""Numbers are fetched from a device once in so many steps, so that it is not held up."""


class PretrainResult(NamedTuple):
    """What `pretrain` leaves behind."""

    folder: Path
    """Holds config.json, log.csv, checkpoints and, once finished, model.safetensors."""
    step: int
    """Steps done."""
    steps_per_epoch: int
    finished: bool
    """False when a signal or the time limit ended the run early; the same call continues it."""
    weights: Path | None
    """The exported model, for `sdc_lib.load`."""


def pretrain(
    config: PretrainConfig,
    out_dir: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] = "data",
    max_steps: int | None = None,
    max_minutes: float | None = None,
    save_every: int | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
    tensorboard: bool = False,
    progress: bool = True,
    videos: VideoDataset | None = None,
    on_step: StepHook | None = None,
) -> PretrainResult:
    """Pretrain a model, or continue where an earlier call in the same folder stopped.

    SIGTERM and SIGINT (Ctrl-C, a notebook's Stop button) end the call after the current step (on
    several GPUs within ten steps), with a checkpoint.

    Args:
        config: Everything that determines the result.
        out_dir: Folder of the run.
        data_dir: Where data sets are; MotionFactors is made there if missing.
        max_steps: Stop after so many steps; the schedule stays that of the whole run.
        max_minutes: Stop in an orderly way after so many minutes; the same call goes on later.
        save_every: Steps between checkpoints; None for one an epoch.
        accelerator: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        devices: Processes on this machine, or ``"auto"`` for one a GPU.
        num_nodes: Machines.
        tensorboard: Also write TensorBoard event files.
        progress: Show a bar and a line an epoch.
        videos: Train on these instead of opening ``config.data.dataset``.
        on_step: Called with every row of the log, on the first process.

    Returns:
        See `PretrainResult`.

    Raises:
        ValueError: If the folder holds a run with other settings, another process works in it, or
            a setting makes no sense.
        CheckpointError: If a checkpoint cannot be written, or none can be read.
        TrainingError: If the loss is not finite, or too many videos cannot be read.
        VideoError: If a process that reads videos died.
        OSError: If the folder cannot be written.
    """
    options = PretrainOptions(max_steps, max_minutes, save_every, tensorboard, progress, on_step)
    check_run(config, options)
    folder = RunFolder(Path(out_dir))
    folder.recorded(config)  # a wrong folder is an error before anything is started
    fabric = make_fabric(config, accelerator, devices, num_nodes)
    tune(fabric.device)
    work = partial(_work, given=config, folder=folder, data_dir=Path(data_dir), options=options)
    result: PretrainResult = fabric.launch(partial(work, videos=videos))
    return result


def _work(
    fabric: Fabric,
    given: PretrainConfig,
    folder: RunFolder,
    data_dir: Path,
    options: PretrainOptions,
    videos: VideoDataset | None,
) -> PretrainResult:
    """One process's part of a run."""
    config = folder.recorded(given)
    share_machine(local_count(fabric))
    fabric.barrier()
    with fabric.rank_zero_first():
        videos = videos if videos is not None else open_dataset(config.data, data_dir)
    run = _Run(fabric, config, given, folder, options, make_pairs(given, videos, fabric.device))
    with folder.claimed(config, fabric), StopRequest(options.max_minutes) as stop:
        run.resume()
        run.train(stop)
        return run.finish()


class _Run:
    """One process's part of a run; making it claims nothing and writes nothing.

    Args:
        fabric: Launched.
        config: As recorded in the folder.
        given: As given now; may differ in what does not change the result.
        folder: Of the run.
        options: What does not change the result.
        pairs: Pairs of clips of the training videos.
    """

    def __init__(
        self,
        fabric: Fabric,
        config: PretrainConfig,
        given: PretrainConfig,
        folder: RunFolder,
        options: PretrainOptions,
        pairs: PairClips,
    ) -> None:
        self.fabric, self.config, self.folder, self.options = fabric, config, folder, options
        self.given, self.pairs = given, pairs
        self.plan = make_plan(config, len(pairs), fabric.global_rank, fabric.world_size)
        self.plan.last_step = min(self.plan.last_step, options.max_steps or self.plan.last_step)
        self.objective = SDCObjective(config.objective)
        self.state = build_state(config, fabric)

    def resume(self) -> None:
        """Continue from the newest checkpoint, if there is one."""
        self._report(self.pairs.summary())
        if resume(self.state, self.fabric, self.folder, self.pairs.videos.fingerprint()):
            self.plan.first_step = self.state.step
            self._report(f"continuing {self.folder.path} after step {self.state.step}")

    def train(self, stop: StopRequest) -> None:
        """Go on to the last step, or until a stop is requested."""
        state, plan = self.state, self.plan
        if state.step >= plan.last_step:
            self._report(f"{self.folder.path} has {state.step} steps: nothing left to do")
            self._note(0.0)  # what an earlier call was killed before it could say
            return
        started = time.perf_counter()
        if (samples := self._samples(stop)) is not None:
            self._steps(samples, stop)
        self._note(time.perf_counter() - started)

    def _steps(self, samples: PairClips | StoredPairs, stop: StopRequest) -> None:
        """Step after step, until the last one or a stop."""
        state, plan = self.state, self.plan
        on_gpu = self.fabric.device.type == "cuda"
        loader = make_loader(samples, plan, self.given.data.workers, pin_memory=on_gpu)
        bar = progress_bar(state.step, plan.last_step, self._shows_bar())
        log = RunLog(self.folder, self.given, plan, self.pairs.videos, self.options, state.alarm)
        reading = closing(read_ahead(loader, self.pairs.videos, plan.shown))
        with reading as batches, closing(log), bar:
            while state.step < plan.last_step:
                self._step(batches, log)
                bar.update()
                if self._end_step(log, stop):
                    break

    def _step(self, batches: Iterator[Batch], log: RunLog) -> None:
        """One step of the optimiser: everything that decides the weights."""
        state, config, per_epoch = self.state, self.config, self.plan.steps_per_epoch
        phase = phase_of(config.curriculum, state.step, per_epoch, config.weights)
        rate = learning_rate(config.optim, state.step, per_epoch)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        set_modes(state.model, config.optim.freeze_backbone)
        state.model.heads.normalize_codebooks_()
        state.optimizer.zero_grad(set_to_none=True)
        parts = []
        for part in range(config.optim.accumulate):
            before = time.perf_counter()
            batch = next(batches)
            waited = time.perf_counter() - before
            not_last = part < config.optim.accumulate - 1
            with self.fabric.no_backward_sync(state.network, enabled=not_last):
                losses = self._losses(batch, phase)
                if losses.total.requires_grad:  # not before the terms that have a weight count
                    self.fabric.backward(losses.total / config.optim.accumulate)
            parts.append(Part(losses.logged, batch.indices, batch.replaced, waited))
        leave_untrained(state.model.heads, phase, config.weights, config.objective)
        state.optimizer.step()
        state.advance(sum(int(part.replaced.sum()) for part in parts), per_epoch)
        log.add(state.step, state.replaced, rate, parts)

    def _losses(self, batch: Batch, phase: Phase) -> Losses:
        return compute_losses(
            self.state.network,
            to_device(batch, self.fabric.device),
            self.objective,
            self.state.queue,
            phase,
            self.config.weights,
            detach_backbone=self.config.curriculum.decorrelation_detach_backbone,
        )

    def _end_step(self, log: RunLog, stop: StopRequest) -> bool:
        """Log and save what is due; whether to stop here."""
        step, per_epoch = self.state.step, self.plan.steps_per_epoch
        save_due = step == self.plan.last_step or step % (self.options.save_every or per_epoch) == 0
        interval = FETCH_INTERVAL.get(self.fabric.device.type, 1)
        due = save_due or step % per_epoch == 0 or step % interval == 0
        if not due and (self.fabric.world_size > 1 or not stop.requested):
            return False
        for line in log.fetch():
            if self.options.progress:
                self._report(line)
        stopped = stop.agreed(self.fabric)
        if save_due or stopped:
            log.flush()
            fingerprint = self.pairs.videos.fingerprint()
            save(self.state, self.config, self.fabric, self.folder, fingerprint)
        return stopped

    def finish(self) -> PretrainResult:
        """Export the weights of a finished run, or report how to continue."""
        step, path, per_epoch = self.state.step, self.folder.path, self.plan.steps_per_epoch
        if step < self.plan.last_step:
            self._report(f"stopped after step {step}; start the same command again to continue")
            return PretrainResult(path, step, per_epoch, False, None)
        if self.fabric.is_global_zero:
            facts = provenance(self.config, self.plan, self.pairs.videos, step)
            stepped = step > self.plan.first_step
            if self.folder.export(self.state.model, self.config, facts, stepped=stepped):
                self._report(f"wrote {self.folder.weights}")
            if step == self.config.optim.epochs * per_epoch:
                self.folder.remove_encoded()
        self.fabric.barrier()
        return PretrainResult(path, step, per_epoch, True, self.folder.weights)

    def _samples(self, stop: StopRequest) -> PairClips | StoredPairs | None:
        """What batches are made of: clips, or their features; None if encoding was stopped."""
        if not self.config.optim.stored_passes:
            return self.pairs
        return store_pairs(
            self.state.model,
            self.pairs,
            self.given,
            kept=self.folder.encoded,
            stop=partial(stop.agreed, self.fabric),
            writes=self.fabric.is_global_zero,
            progress=self._shows_bar(),
        )

    def _shows_bar(self) -> bool:
        return self.fabric.is_global_zero and self.options.progress

    def _note(self, seconds: float) -> None:
        if self.fabric.is_global_zero:
            self.folder.note_call(seconds, self.plan.first_step, self.state.step, self.fabric)

    def _report(self, line: str) -> None:
        if self.fabric.is_global_zero:
            report(line)
