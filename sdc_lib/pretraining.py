"""Pretrain a model, or continue an interrupted run: one call, one folder.

The loop itself is in `sdc_lib.training.loop`.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795).
"""

import os
from functools import partial
from pathlib import Path

from lightning_fabric import Fabric

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import open_dataset
from sdc_lib.training.batches import make_pairs
from sdc_lib.training.checkpoints import clean
from sdc_lib.training.log import StepHook, say
from sdc_lib.training.loop import PretrainOptions, PretrainResult, Run
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.training.state import make_fabric
from sdc_lib.training.stopping import StopRequest

__all__ = ["PretrainResult", "pretrain"]


def pretrain(
    config: PretrainConfig,
    out_dir: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] = "data",
    max_steps: int | None = None,
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

    Args:
        config: Everything that determines the result.
        out_dir: Folder of the run.
        data_dir: Where data sets are; MotionFactors is made there if missing.
        max_steps: Stop after so many steps; the schedule stays that of the whole run.
        save_every: Steps between snapshots; None for one an epoch.
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
        ValueError: If the folder holds a run with other settings, or a setting makes no sense.
        CheckpointError: If a snapshot cannot be written, or none can be read.
        TrainingError: If the loss is not finite, or too many videos cannot be read.
    """
    _check(config, max_steps, save_every)
    options = PretrainOptions(max_steps, save_every, tensorboard, progress)
    folder = RunFolder(Path(out_dir))
    folder.recorded(config)  # a wrong folder is an error before anything is started
    fabric = make_fabric(config, accelerator, devices, num_nodes)
    work = partial(
        _run,
        config=config,
        folder=folder,
        data_dir=Path(data_dir),
        options=options,
        videos=videos,
        on_step=on_step,
    )
    result: PretrainResult = fabric.launch(work)
    return result


def _check(config: PretrainConfig, max_steps: int | None, save_every: int | None) -> None:
    if (max_steps is not None and max_steps < 1) or (save_every is not None and save_every < 1):
        raise ValueError(
            f"max_steps and save_every must be at least 1, got {max_steps}, {save_every}"
        )
    if config.optim.stored_passes and not config.optim.freeze_backbone:
        raise ValueError(
            "stored features go stale when the backbone learns: set optim.freeze_backbone, or "
            "optim.stored_passes to 0"
        )


def _run(
    fabric: Fabric,
    config: PretrainConfig,
    folder: RunFolder,
    data_dir: Path,
    options: PretrainOptions,
    videos: VideoDataset | None,
    on_step: StepHook | None,
) -> PretrainResult:
    recorded = folder.recorded(config)
    fabric.barrier()
    with fabric.rank_zero_first():
        if fabric.is_global_zero:
            folder.claim(recorded)
            clean(folder.snapshots)
        videos = videos if videos is not None else open_dataset(config.data, data_dir)
    pairs = make_pairs(recorded, videos)
    if fabric.is_global_zero and options.progress:
        say(pairs.summary())
    with StopRequest() as stop:
        run = Run(fabric, recorded, folder, options, pairs, on_step)
        finished = run.train(config.data.workers, stop)
        return run.finish(finished)
