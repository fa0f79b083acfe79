"""All that changes while a run goes on: it is built from the seed, saved, and restored exactly."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch.optim import Adam, Optimizer

from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig, to_json
from sdc_lib.model import SDC, build_model
from sdc_lib.support.devices import has_compiler
from sdc_lib.support.generators import seeded
from sdc_lib.training.batchnorm import synchronize_batchnorm
from sdc_lib.training.checkpoints import (
    CheckpointError,
    State,
    load_newest,
    random_states,
    restore_random_states,
    save_checkpoint,
)
from sdc_lib.training.initial import load_initial_backbone
from sdc_lib.training.networks import network_of, prepare_backbone
from sdc_lib.training.run_folder import RunFolder, environment

FORMAT = 1


@dataclass
class RunState:
    """Model, optimiser, queue and counters of one process."""

    model: SDC
    network: _FabricModule
    """`SixViews` or `SixFeatures` around the model, set up for device, precision and processes."""
    optimizer: Optimizer
    queue: ScoreQueue | None
    step: int = 0
    """Steps done."""
    replaced: int = 0
    """Samples of this epoch that were replaced because their file could not be read; the sum over
    all processes counts."""
    alarm: dict[str, int] = field(default_factory=dict)
    """How long each sign of collapse has lasted, see `CollapseAlarm`."""

    def advance(self, replaced: int, steps_per_epoch: int) -> None:
        """Count a step that was made, and its replaced samples."""
        if self.step % steps_per_epoch == 0:
            self.replaced = 0
        self.replaced += replaced
        self.step += 1


def build_state(config: PretrainConfig, fabric: Fabric) -> RunState:
    """Make everything anew; the weights depend only on the seed and where the backbone is from.

    Raises:
        ValueError: If the backbone is unknown or not that of the weights to begin from, or is to be
            compiled without a compiler.
    """
    with seeded(config.seed):
        model = build_model(config.model)
    if config.init_backbone:
        load_initial_backbone(model, config)
    prepare_backbone(model, config.optim)
    if fabric.world_size > 1 and config.objective.global_batch:
        model = synchronize_batchnorm(model)
    if config.optim.channels_last:
        model.backbone.to(memory_format=torch.channels_last_3d)
    if config.optim.compile:
        if not has_compiler():
            raise ValueError(
                "optim.compile is True, but there is no C compiler here; install gcc or clang, or "
                "give --optim.no-compile"
            )
        model.backbone.compile()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = Adam(
        trained,
        lr=config.optim.lr,
        weight_decay=config.optim.weight_decay,
        fused=True if fabric.device.type == "cuda" else None,  # one launch instead of hundreds
    )
    network, optimizer = fabric.setup(network_of(model, config), optimizer)
    queue = None
    if config.curriculum.queue_size > 0:
        queue = ScoreQueue(config.curriculum.queue_size, config.model.num_concepts)
        queue = queue.to(fabric.device, next(model.parameters()).dtype)
    return RunState(model, network, optimizer, queue)


def set_modes(model: SDC, freeze_backbone: bool) -> None:
    """Train everything, or keep a frozen backbone's BatchNorm statistics as they are."""
    model.train()
    model.backbone.train(not freeze_backbone)


def state_dict(state: RunState, config: PretrainConfig, fabric: Fabric) -> State:
    """Everything that a checkpoint holds; called on all ranks, for each has its random states."""
    return {
        "format": FORMAT,
        "step": state.step,
        "replaced": sum(_gather(state.replaced, fabric)),
        "alarm": dict(state.alarm),
        "processes": fabric.world_size,
        "model": state.model.state_dict(),
        "provenance": dict(state.model.provenance),
        "optimizer": state.optimizer.state_dict(),
        "precision": fabric.strategy.precision.state_dict(),
        "queue": state.queue.state_dict() if state.queue is not None else None,
        "random": _gather(random_states(), fabric),
        "config": to_json(config),
        "environment": environment(fabric.device),
    }


def restore(state: RunState, saved: State, fabric: Fabric) -> None:
    """Continue where a checkpoint was taken.

    Raises:
        ValueError: If the checkpoint has another format or is of another number of processes.
    """
    if saved.get("format") != FORMAT:
        raise ValueError(f"checkpoint format {saved.get('format')!r} is not {FORMAT}")
    if saved["processes"] != fabric.world_size:
        raise ValueError(
            f"this run was started with {saved['processes']} processes, now there are "
            f"{fabric.world_size}; continue it with as many, or start another one"
        )
    state.model.load_state_dict(saved["model"])
    state.optimizer.load_state_dict(saved["optimizer"])
    fabric.strategy.precision.load_state_dict(saved["precision"])
    if state.queue is not None:
        state.queue.load_state_dict(saved["queue"])
    state.step = saved["step"]
    state.replaced = saved["replaced"] if fabric.is_global_zero else 0  # the sum is kept
    state.alarm.update(saved.get("alarm", {}))  # neither is in checkpoints of earlier versions
    state.model.provenance.update(saved.get("provenance", {}))
    restore_random_states(saved["random"][fabric.global_rank])


def save(
    state: RunState, config: PretrainConfig, fabric: Fabric, folder: RunFolder, fingerprint: str
) -> None:
    """Write a checkpoint; an error of the first process is raised on all.

    Args:
        state: To be saved.
        config: Of the run.
        fabric: Launched.
        folder: Of the run.
        fingerprint: Of the data set.

    Raises:
        CheckpointError: If it cannot be written.
    """
    saved = {**state_dict(state, config, fabric), "dataset": fingerprint}
    problem = None
    if fabric.is_global_zero:
        try:
            save_checkpoint(folder.checkpoints, state.step, saved)
        except CheckpointError as error:
            problem = str(error)
    problem = fabric.broadcast(problem)
    if problem:
        raise CheckpointError(problem)


def resume(state: RunState, fabric: Fabric, folder: RunFolder, fingerprint: str) -> bool:
    """Continue from the newest checkpoint of a folder, if there is one.

    Args:
        state: Gets what was saved.
        fabric: Launched.
        folder: Of the run.
        fingerprint: Of the data set; a warning is given if it was another one before.

    Returns:
        Whether there was a checkpoint.

    Raises:
        CheckpointError: If none can be read, or the processes do not find the same one.
        ValueError: See `restore`.
    """
    with fabric.rank_zero_first():
        newest = load_newest(folder.checkpoints)
    names = _gather(newest.path.name if newest else "none", fabric)
    for process, name in enumerate(names):
        if name != names[0]:
            raise CheckpointError(
                f"process 0 finds checkpoint {names[0]} in {folder.checkpoints}, process {process} "
                f"finds {name}; all machines must share the folder of a run"
            )
    if newest is None:
        return False
    restore(state, newest.state, fabric)
    if newest.state["dataset"] != fingerprint:
        warnings.warn(
            "the data set has changed since this run was started: the result will differ from "
            "that of an unbroken run",
            stacklevel=2,
        )
    return True


def _gather(value: Any, fabric: Fabric) -> list[Any]:
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return values
