"""Started by `test_distributed`: train on two processes, and keep what the test compares.

``python two_processes.py VIDEOS OUT`` starts its second process itself, as a user's script would.
"""

from __future__ import annotations

import copy
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.model import SDC, build_model
from sdc_lib.objective import SDCObjective
from sdc_lib.pretraining import pretrain
from sdc_lib.support.distributed import gather_rows, local_rows, rank, world_size
from sdc_lib.support.processes import loader_workers
from sdc_lib.training.alarms import TrainingError
from sdc_lib.training.batches import PixelBatch
from sdc_lib.training.batchnorm import synchronize_batchnorm
from sdc_lib.training.checkpoints import CheckpointError
from sdc_lib.training.log import Row
from sdc_lib.training.networks import SixViews
from sdc_lib.training.schedule import Phase
from sdc_lib.training.step import LOGGED, compute_losses
from tests.helpers.small_runs import CONFIG, EVERYWHERE, changed

STEPS = 8

RUNS = {
    "local contrast everywhere": changed(
        optim={"precision": "64-true"},
        curriculum={"decorrelation": 2.0, "decorrelation_detach_backbone": True},
    ),
    "no contrast": changed(
        optim={"precision": "64-true"},
        curriculum={"local_from_epoch": 0},
        weights={"contrast": 0.0},
    ),
    "accumulated": changed(optim={"precision": "64-true", "epochs": STEPS, "accumulate": 2}),
}
"""Configurations of the whole batch on one process.

Batches of two would not do: BatchNorm makes of two numbers +1 and -1 whatever they are, gradients
through it all but vanish, and Adam turns what rounding leaves of them into steps. Weights that
differ by 1e-12 are 5e-6 apart after eight such steps, with batches of four 2e-8.
"""


def config_of(name: str, processes: int) -> PretrainConfig:
    """The same global batch for any number of processes."""
    config = RUNS[name]
    batch = config.optim.batch_size // processes
    return changed(config, optim={"batch_size": batch}, objective={"global_local_contrast": True})


def open_videos(root: Path) -> VideoDataset:
    files = [VideoFile(path, path.name, num_frames=12) for path in sorted(root.glob("*.mp4"))]
    return VideoDataset("noise", root, "train", files)


def train(name: str, videos: Path, out: Path, processes: int) -> list[Row]:
    """All rows of the log, in full precision."""
    rows: list[Row] = []
    pretrain(
        config_of(name, processes),
        out / name,
        videos=open_videos(videos),
        max_steps=STEPS,
        accelerator="cpu",
        devices=processes,
        progress=False,
        on_step=rows.append,
    )
    return rows


def step_once(everywhere: bool) -> tuple[dict[str, float], dict[str, Tensor], Tensor]:
    """Terms (averaged over processes), averaged gradients and the queue after one step."""
    config = changed(CONFIG, objective={"global_local_contrast": everywhere})
    model = whole_model(config)
    torch.manual_seed(1)
    clips = torch.randint(0, 255, (6, 2, 3, 4, 16, 16), dtype=torch.uint8)
    queue = ScoreQueue(6, config.model.num_concepts).double()
    queue.push(torch.rand(4, 6, 20).double())
    objective = SDCObjective(EVERYWHERE if everywhere else config.objective)
    network: nn.Module = SixViews(model, "wrap")
    if world_size() > 1:
        network = nn.parallel.DistributedDataParallel(network)
    own = local_rows(clips)
    phase = Phase(queue=True, codebooks=True, local=True, decorrelation=0.0)
    nobody = torch.zeros(len(own), dtype=torch.bool)
    batch = PixelBatch(own, own[:, :, :, :1].flip(-1), torch.arange(len(own)), nobody)
    total, logged, _ = compute_losses(network, batch, objective, queue, phase, config.weights)
    total.backward()
    terms = gather_rows(logged[None]).mean(dim=0)
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return dict(zip(LOGGED, terms.tolist(), strict=True)), grads, queue.scores


def whole_model(config: PretrainConfig) -> SDC:
    torch.manual_seed(0)
    model = build_model(config.model).double()
    if world_size() > 1:
        model = synchronize_batchnorm(model)
    return model


def compiled_difference() -> float:
    """How far a compiled backbone, in one graph, is from an eager one; statistics synchronised."""
    plain = whole_model(CONFIG).backbone
    compiled = copy.deepcopy(plain)
    compiled.compile(backend="aot_eager", fullgraph=True)
    torch.manual_seed(rank())
    clips, stills = torch.randn(4, 3, 4, 16, 16).double(), torch.randn(2, 3, 1, 16, 16).double()
    results = []
    for network in (plain, compiled):
        out = network(clips, stills)
        gradients = torch.autograd.grad(out.local.sin().sum(), list(network.parameters()))
        results.append([out.local.detach(), *gradients, *(b.double() for b in network.buffers())])
    return max(float((a - b).abs().max()) for a, b in zip(*results, strict=True))


def train_on_broken(videos: Path, out: Path, processes: int) -> str:
    """An epoch in two calls with a quarter of the videos broken, then one that forbids so many.

    Returns:
        What the last one says, on every process.
    """
    root = out / f"broken_{rank()}"
    shutil.copytree(videos, root)
    for path in sorted(root.glob("*.mp4"))[1::4]:
        path.write_bytes(b"not a video")
    batch = CONFIG.optim.batch_size // processes
    for name, allowed, last in (("forgiving", 1.0, 2), ("forgiving", 1.0, 3), ("strict", 0.2, 3)):
        config = changed(data={"max_replaced": allowed}, optim={"batch_size": batch})
        places: dict[str, Any] = {"videos": open_videos(root), "max_steps": last, "save_every": 1}
        try:
            pretrain(config, out / name, **places, accelerator="cpu", devices=processes)
        except TrainingError as error:
            return str(error)
    return "no error"


def train_apart(videos: Path, out: Path) -> str:
    """Continue a run whose folder only the first process sees; what that says."""
    batch = CONFIG.optim.batch_size // 2
    config = changed(optim={"batch_size": batch})
    for last in (1, 2):
        try:
            pretrain(
                config,
                out / f"apart_{rank()}",
                videos=open_videos(videos),
                max_steps=last,
                accelerator="cpu",
                devices=2,
                progress=False,
            )
        except CheckpointError as error:
            return str(error)
    return "no error"


def main(videos: Path, out: Path) -> None:
    torch.set_num_threads(1)
    rows = {name: train(name, videos, out, 2) for name in RUNS}
    steps = {everywhere: step_once(everywhere) for everywhere in (False, True)}
    difference = compiled_difference()
    workers = loader_workers(1000)
    errors: list[Any] = [None] * world_size()
    torch.distributed.all_gather_object(errors, train_on_broken(videos, out, 2))
    apart: list[Any] = [None] * world_size()
    torch.distributed.all_gather_object(apart, train_apart(videos, out))
    if rank() == 0:
        seen = {"rows": rows, "steps": steps, "compiled": difference, "errors": errors}
        seen.update(workers=workers, apart=apart)
        torch.save(seen, out / "seen.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
