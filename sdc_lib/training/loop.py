"""The training loop: read, step, record, save, and in the end export.

A plan says which videos come when, one function computes losses, and everything that changes is
saved, so that an interrupted run ends with the same bits as one that was not. Notebook 06 explains
this module.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), implementation details.
"""

import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.clips import PairClips
from sdc_lib.objective import SDCObjective
from sdc_lib.training.batches import BatchPlan, PairBatch, make_loader
from sdc_lib.training.checkpoints import CheckpointError, load_newest, save_snapshot
from sdc_lib.training.log import StepHook, say
from sdc_lib.training.recorder import Recorder
from sdc_lib.training.run_folder import RunFolder, environment
from sdc_lib.training.schedule import learning_rate, phase_of
from sdc_lib.training.state import RunState, build_state, restore, state_dict
from sdc_lib.training.step import StepFunction, freeze_codebooks
from sdc_lib.training.stopping import StopRequest
from sdc_lib.training.stored import StoredPairs, store_pairs
from sdc_lib.weights import export_model, read_about


@dataclass(frozen=True)
class PretrainOptions:
    """What does not change the result of a run."""

    max_steps: int | None = None
    """Stop after so many steps; the schedule stays that of the whole run."""
    save_every: int | None = None
    """Steps between snapshots; None for one an epoch."""
    tensorboard: bool = False
    """Also write TensorBoard event files."""
    progress: bool = True
    """Show a bar and a line an epoch."""


class PretrainResult(NamedTuple):
    """What `pretrain` leaves behind."""

    folder: Path
    """Holds config.json, log.csv, checkpoints and, once finished, model.safetensors."""
    step: int
    """Steps done."""
    steps_per_epoch: int
    finished: bool
    """False when a signal ended the run early; the same call again continues it."""
    weights: Path | None
    """The exported model, for `sdc_lib.load`."""


class Run:
    """One process's part of a run.

    Args:
        fabric: Launched.
        config: As recorded in the folder.
        folder: Of the run.
        options: What does not change the result.
        pairs: The samples.
        on_step: Called with every row of the log.
    """

    def __init__(
        self,
        fabric: Fabric,
        config: PretrainConfig,
        folder: RunFolder,
        options: PretrainOptions,
        pairs: PairClips,
        on_step: StepHook | None = None,
    ) -> None:
        self.fabric, self.config, self.folder, self.options = fabric, config, folder, options
        self.pairs = pairs
        optim = config.optim
        self.plan = BatchPlan(
            len(pairs),
            optim.batch_size,
            seed=config.seed,
            epochs=optim.epochs,
            accumulate=optim.accumulate,
            rank=fabric.global_rank,
            world_size=fabric.world_size,
        )
        self.last_step = min(self.plan.last_step, options.max_steps or self.plan.last_step)
        self.state: RunState = build_state(config, fabric)
        self._resume()
        self.plan.first_step, self.plan.last_step = self.state.step, self.last_step
        self.step_function = StepFunction(config, SDCObjective(config.objective), self.state.queue)
        self.recorder = Recorder(self.state, self.plan, config, fabric, pairs.videos, on_step)

    def _resume(self) -> None:
        with self.fabric.rank_zero_first():
            newest = load_newest(self.folder.snapshots)
        if newest is None:
            return
        restore(self.state, newest.state, self.fabric)
        self._say(f"continuing {self.folder.path} after step {self.state.step}")
        if newest.state["dataset"] != self.pairs.videos.fingerprint():
            warnings.warn(
                "the data set has changed since this run was started: the result will differ from "
                "that of an unbroken run",
                stacklevel=2,
            )

    def train(self, workers: int, stop: StopRequest) -> bool:
        """Go on to the last step; False if a signal came first."""
        if self.state.step >= self.last_step:
            self._say(f"{self.folder.path} has its {self.last_step} steps: nothing left to do")
            return True
        started = time.perf_counter()
        on_gpu = self.fabric.device.type == "cuda"
        loader = make_loader(self._samples(workers), self.plan, workers, pin_memory=on_gpu)
        batches = iter(loader)
        self.recorder.open(self.folder, self.options.tensorboard)
        with self._bar() as bar:
            while self.state.step < self.last_step:
                self._step(batches)
                bar.update()
                due = self._save_due()
                stopped = self.recorder.is_due(due) and stop.agreed(self.fabric)
                line = self.recorder.end_step(fetch=due or stopped)
                if line and self.options.progress:
                    self._say(line)
                if due or stopped:
                    self.save()
                if stopped:
                    break
        self.recorder.close()
        self._note(time.perf_counter() - started)
        return self.state.step >= self.last_step

    def _samples(self, workers: int) -> PairClips | StoredPairs:
        """What batches are made of: clips, or what the frozen backbone says of them."""
        if not self.config.optim.stored_passes:
            return self.pairs
        passes = self.config.optim.stored_passes
        self._say(f"encoding {len(self.pairs)} videos, {passes} times each")
        return store_pairs(self.state.model, self.pairs, self.config, workers, self._shows_bar())

    def _step(self, batches: Iterator[PairBatch]) -> None:
        state, optim = self.state, self.config.optim
        phase = phase_of(self.config.curriculum, state.step, self.plan.steps_per_epoch)
        rate = learning_rate(optim, state.step, self.plan.steps_per_epoch)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.model.train()
        state.model.backbone.train(not optim.freeze_backbone)
        state.model.heads.normalize_codebooks_()
        state.optimizer.zero_grad(set_to_none=True)
        self.recorder.begin_step(rate)
        for part in range(optim.accumulate):
            batch = self.recorder.wait_for(batches)
            clips, stills = self._to_device(batch.clips), self._to_device(batch.stills)
            last = part == optim.accumulate - 1
            with self.fabric.no_backward_sync(state.network, enabled=not last):
                total, logged = self.step_function(state.network, clips, stills, phase)
                self.fabric.backward(total / optim.accumulate)
            self.recorder.add(logged)
        if not phase.codebooks:
            freeze_codebooks(state.model.heads)
        state.optimizer.step()
        state.step += 1

    def save(self) -> None:
        """Write a snapshot; an error of the first process is raised on all."""
        saved = state_dict(self.state, self.config, self.fabric)
        saved["dataset"] = self.pairs.videos.fingerprint()
        self.recorder.flush()
        problem = None
        if self.fabric.is_global_zero:
            try:
                save_snapshot(self.folder.snapshots, self.state.step, saved)
            except CheckpointError as error:
                problem = str(error)
        problem = self.fabric.broadcast(problem)
        if problem:
            raise CheckpointError(problem)

    def finish(self, finished: bool) -> PretrainResult:
        """Export the weights of a finished run, or say how to continue."""
        steps, path = self.state.step, self.folder.path
        if not finished:
            self._say(f"stopped after step {steps}; start the same command again to continue")
            return PretrainResult(path, steps, self.plan.steps_per_epoch, False, None)
        if self.fabric.is_global_zero:
            self._export()
        self.fabric.barrier()
        return PretrainResult(path, steps, self.plan.steps_per_epoch, True, self.folder.weights)

    def _export(self) -> None:
        provenance = {
            "steps": str(self.state.step),
            "epochs": f"{self.state.step / self.plan.steps_per_epoch:.4g}",
            "global_batch": str(self.plan.global_batch * self.config.optim.accumulate),
            "dataset": f"{self.pairs.videos.name} ({self.pairs.videos.split})",
            "dataset_fingerprint": self.pairs.videos.fingerprint(),
            "videos": str(len(self.pairs)),
            "config_hash": self.config.hash(),
        }
        weights = self.folder.weights
        if weights.exists() and read_about(weights)[1] == provenance:
            return
        export_model(self.state.model, self.config, weights, provenance)
        self._say(f"wrote {weights}")

    def _save_due(self) -> bool:
        every = self.options.save_every or self.plan.steps_per_epoch
        return self.state.step % every == 0 or self.state.step == self.last_step

    def _to_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.fabric.device, non_blocking=True)

    def _bar(self) -> "tqdm[NoReturn]":
        return tqdm(
            total=self.last_step,
            initial=self.state.step,
            unit="step",
            disable=not self._shows_bar(),
            mininterval=0.5 if os.isatty(2) else 10.0,
        )

    def _shows_bar(self) -> bool:
        return self.fabric.is_global_zero and self.options.progress

    def _note(self, seconds: float) -> None:
        if self.fabric.is_global_zero:
            earlier = self.folder.facts().get("seconds", 0.0) if self.plan.first_step else 0.0
            self.folder.note(
                seconds=round(earlier + seconds, 1),  # of all calls that were not killed
                steps=self.state.step,
                processes=self.fabric.world_size,
                **environment(self.fabric.device),
            )

    def _say(self, line: str) -> None:
        if self.fabric.is_global_zero:
            say(line)
