"""What a run would cost, before it is started: parameters, FLOPs, memory and hours.

FLOPs and activations are counted from shapes; the time comes from a few steps on the real device.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.listed import MissingDataError
from sdc_lib.datasets.motion_factors import SIZES
from sdc_lib.datasets.names import find_motion_factors, known, open_dataset
from sdc_lib.objective import SDCObjective
from sdc_lib.support.devices import count_processes
from sdc_lib.support.tuning import tune
from sdc_lib.training.batches import make_pairs
from sdc_lib.training.counting import count, memory, random_batch, stored_bytes
from sdc_lib.training.fabric import make_fabric
from sdc_lib.training.schedule import Phase, local_terms_count, phase_of
from sdc_lib.training.state import build_state, set_modes
from sdc_lib.training.step import compute_losses

TIMED_STEPS = 2
CPU_BATCH = 4
"""Videos in a timed step on a CPU; more take longer, but hardly longer each."""


@dataclass(frozen=True)
class RunCost:
    """What a run would cost; prints as a table."""

    parameters: int
    flops: float
    """Forward and backward, per video."""
    memory: float
    """Bytes on the device for the whole batch: weights, gradients, optimiser, activations."""
    videos: int
    steps: int
    device: str
    processes: int
    seconds_per_video: float
    """Of one process, network and objective."""
    data_seconds_per_video: float | None
    """To read and augment on one core; None where the data is not there."""
    config: PretrainConfig

    @property
    def hours(self) -> float:
        """Of the whole run, if reading keeps up."""
        per_process = self.videos * self.config.optim.epochs / self.processes
        return per_process * self.seconds_per_video / 3600

    def __str__(self) -> str:
        """One fact a line."""
        optim = self.config.optim
        rate = self.flops / self.seconds_per_video / 1e12
        lines = [
            f"parameters         {self.parameters / 1e6:.2f} M",
            f"FLOPs a video      {self.flops / 1e12:.4g} TFLOP (six views, forward and backward)",
            f"memory             about {self.memory / 1e9:.2f} GB for {optim.batch_size} videos, "
            f"{optim.precision}",
            f"device             {self.device}, {self.processes} process(es)",
            f"speed              {1 / self.seconds_per_video:.2f} videos/s a process, "
            f"{rate:.3g} TFLOP/s",
            f"whole run          {self.videos} videos x {optim.epochs} epochs = {self.steps} steps,"
            f" about {self.hours:.2f} hours",
        ]
        if optim.stored_passes:
            passes = optim.stored_passes
            size = self.videos * passes * stored_bytes(self.config) / 1e9
            lines.append(
                f"encoded before     {self.videos} videos x {passes}, not in the hours; "
                f"{size:.2g} GB on disk meanwhile"
            )
        elif self.data_seconds_per_video is not None:
            workers = self.data_seconds_per_video / self.seconds_per_video
            lines.append(
                f"reading            {self.data_seconds_per_video * 1e3:.0f} ms a video and core: "
                f"{workers:.1f} workers a process keep up ({self.config.data.workers} are set)"
            )
        return "\n".join(lines)


def estimate(
    config: PretrainConfig,
    *,
    data_dir: str | Path = "data",
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
) -> RunCost:
    """Say what a run would cost, from shapes and a short timing of one process.

    Args:
        config: Of the run.
        data_dir: As for `pretrain`, but nothing is made there; official sizes are assumed
            where the data is missing.
        accelerator: As for `pretrain`.
        devices: As for `pretrain`; only counted, one is used.
        num_nodes: As for `pretrain`; only counted.

    Returns:
        See `RunCost`.

    Raises:
        ValueError: If that accelerator is not here, or not as many devices, or no run can be made
            of the data that are there.
    """
    fabric = make_fabric(config, accelerator)
    tune(fabric.device)  # as `pretrain` does
    processes = count_processes(devices, fabric.device.type) * num_nodes
    videos, data_seconds = _data(config, Path(data_dir), fabric.device)
    counted = count(config)
    optim = config.optim
    step = optim.batch_size * processes * optim.accumulate
    return RunCost(
        parameters=counted.parameters,
        flops=counted.flops,
        memory=memory(counted, optim.precision, optim.batch_size, fabric.device.type),
        videos=videos,
        steps=videos // step * optim.epochs,
        device=str(fabric.device),
        processes=processes,
        seconds_per_video=_time_steps(config, fabric),
        data_seconds_per_video=data_seconds,
        config=config,
    )


def _time_steps(config: PretrainConfig, fabric: Fabric) -> float:
    """Seconds a video of one process, with random pixels or features.

    With pixels all terms count from the start; they cost little beside the backbone. Heads alone
    are timed with those terms that count in an epoch, each kind for its share of the epochs.
    """
    batch = config.optim.batch_size
    if fabric.device.type == "cpu" and not config.optim.stored_passes:
        batch = min(batch, CPU_BATCH)  # heads alone are quick, and slow a video in small batches
    fabric.launch()
    state = build_state(replace(config, init_backbone=""), fabric)
    set_modes(state.model, config.optim.freeze_backbone)
    videos = random_batch(config, batch, fabric.device)
    objective = SDCObjective(config.objective)

    def once(phase: Phase) -> None:
        losses = compute_losses(
            state.network,
            videos,
            objective,
            state.queue,
            phase,
            config.weights,
            detach_backbone=config.curriculum.decorrelation_detach_backbone,
        )
        if losses.total.requires_grad:
            fabric.backward(losses.total)
        state.optimizer.step()
        state.optimizer.zero_grad()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()

    seconds = 0.0
    for phase, epochs in _phases(config).items():
        once(phase)  # compiles and allocates
        seconds += epochs * _seconds(partial(once, phase), TIMED_STEPS)
    return seconds / config.optim.epochs / batch


def _phases(config: PretrainConfig) -> Counter[Phase]:
    """What counts in a step, and in how many epochs; queue and codebooks cost next to nothing."""
    curriculum, epochs = config.curriculum, config.optim.epochs
    last = Phase(True, True, local_terms_count(config.weights), curriculum.decorrelation)
    if not config.optim.stored_passes:
        return Counter({last: epochs})
    each = (phase_of(curriculum, epoch, 1, config.weights) for epoch in range(epochs))
    weights = {True: last.decorrelation, False: 0.0}
    return Counter(
        last._replace(local=phase.local, decorrelation=weights[phase.decorrelation > 0])
        for phase in each
    )


def _data(config: PretrainConfig, data_dir: Path, device: torch.device) -> tuple[int, float | None]:
    data = config.data
    if data.dataset == "motion-factors" and not find_motion_factors(data.size, data_dir):
        return SIZES[data.size].train, None  # opening them would make them
    try:
        videos = open_dataset(data, data_dir)
    except MissingDataError:
        official = known(data.dataset).official("train", data.fold)
        if official is None:
            raise
        return official, None
    pairs = make_pairs(config, videos, device)
    samples = iter(range(len(pairs)))
    few = min(8, len(pairs) - 1)
    pairs[next(samples)]  # starts the decoder
    return len(pairs), _seconds(lambda: pairs[next(samples)], few) if few else None


def _seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times
