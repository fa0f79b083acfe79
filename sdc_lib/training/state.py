"""All that changes while a run goes on: it is built from the seed, saved, and restored exactly."""

import inspect
import os
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.double import DoublePrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.strategy import Strategy
from lightning_fabric.wrappers import _FabricModule
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam, Optimizer

from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig, to_json
from sdc_lib.model import SDC, build_model
from sdc_lib.training.batchnorm import synchronize_batchnorm
from sdc_lib.training.checkpoints import State, random_states, restore_random_states
from sdc_lib.training.run_folder import environment
from sdc_lib.training.step import network_of, recompute_activations
from sdc_lib.weights import load

FORMAT = 1

_PARAMETERS = inspect.signature(DistributedDataParallel).parameters
_SYNC = "forward_sync_buffers" if "forward_sync_buffers" in _PARAMETERS else "broadcast_buffers"
_NO_BUFFER_SYNC: dict[str, Any] = {_SYNC: False}  # the name depends on torch's version


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
    """Samples of this epoch that were replaced because their file could not be read."""


class KeepDouble(DoublePrecision):
    """Double precision that also leaves what the network returns in double."""

    def convert_output(self, data: Any) -> Any:
        """Return it as it is; the base class would round to torch's default type."""
        return data


def make_fabric(
    config: PretrainConfig,
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Choose device, precision and processes.

    Args:
        config: Of the run; precision, and whether parts of the model rest at first.
        accelerator: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        devices: Processes on this machine, or ``"auto"`` for one a GPU.
        num_nodes: Machines.

    Returns:
        A fabric that has not been launched.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun has decided
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        num_nodes = int(os.environ["GROUP_WORLD_SIZE"])
    double = config.optim.precision == "64-true"
    strategy: str | Strategy = "auto"
    if num_nodes > 1 or devices not in (1, "1"):
        # attention rests until the local terms count; synchronised statistics need no broadcast
        strategy = DDPStrategy(
            find_unused_parameters=config.curriculum.local_from_epoch > 0,
            start_method=_start_method(),
            **_NO_BUFFER_SYNC,
        )
    return Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        precision=None if double else config.optim.precision,
        plugins=[KeepDouble()] if double else None,
    )


def build_state(config: PretrainConfig, fabric: Fabric) -> RunState:
    """Make everything anew; the weights depend only on the seed and where the backbone is from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build_model(config.model)
    if config.init_backbone:
        model.backbone.load_state_dict(load(config.init_backbone).backbone.state_dict())
    model.backbone.requires_grad_(not config.optim.freeze_backbone)
    if fabric.world_size > 1 and config.objective.global_batch:
        model = synchronize_batchnorm(model, fabric.device)
    if config.optim.channels_last:
        model.backbone.to(memory_format=torch.channels_last_3d)
    if config.optim.checkpoint_activations:
        recompute_activations(model.backbone)
    if config.optim.compile:
        model.backbone.compile()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = Adam(trained, lr=config.optim.lr, weight_decay=config.optim.weight_decay)
    network, optimizer = fabric.setup(network_of(model, config), optimizer)
    queue = None
    if config.curriculum.queue_size > 0:
        queue = ScoreQueue(config.curriculum.queue_size, config.model.num_concepts)
        queue = queue.to(fabric.device, next(model.parameters()).dtype)
    return RunState(model, network, optimizer, queue)


def state_dict(state: RunState, config: PretrainConfig, fabric: Fabric) -> State:
    """Everything that a snapshot holds; called on all ranks, for each has its random states."""
    return {
        "format": FORMAT,
        "step": state.step,
        "replaced": state.replaced,
        "processes": fabric.world_size,
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "precision": fabric.strategy.precision.state_dict(),
        "queue": state.queue.state_dict() if state.queue is not None else None,
        "random": _gather(random_states(), fabric),
        "config": to_json(config),
        "environment": environment(fabric.device),
    }


def restore(state: RunState, saved: State, fabric: Fabric) -> None:
    """Continue where a snapshot was taken.

    Raises:
        ValueError: If the snapshot has another format or is of another number of processes.
    """
    if saved.get("format") != FORMAT:
        raise ValueError(f"snapshot format {saved.get('format')!r} is not {FORMAT}")
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
    state.replaced = saved["replaced"]
    restore_random_states(saved["random"][fabric.global_rank])


def _gather(value: Any, fabric: Fabric) -> list[Any]:
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return values


def _start_method() -> Any:
    """Start further processes by running the script again, or by forking in a notebook."""
    from lightning_fabric.utilities.imports import _IS_INTERACTIVE

    return "fork" if _IS_INTERACTIVE else "popen"
