"""Training runs small enough for tests: a dozen videos of 32 pixels and the tiny backbone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from sdc_lib.config import (
    AugmentConfig,
    CurriculumConfig,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimConfig,
    PretrainConfig,
)
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.pretraining import PretrainResult
from sdc_lib.training.log import COLUMNS
from sdc_lib.video import write_video

Train = Callable[..., PretrainResult]

NUM_VIDEOS = 12

CONFIG = PretrainConfig(
    name="test",
    data=DataConfig(
        dataset="folder",
        num_frames=4,
        workers=0,
        augment=AugmentConfig(size=16, crop_scale=(0.5, 1.0)),
    ),
    model=ModelConfig(backbone="tiny", num_concepts=10, projection_dim=8),
    optim=OptimConfig(epochs=4, batch_size=4, schedule="cosine", warmup_epochs=0.5),
    curriculum=CurriculumConfig(
        queue_size=6, queue_from_epoch=1, codebooks_from_epoch=1, local_from_epoch=2
    ),
)
"""Four epochs of three steps; every part of the curriculum comes into play."""


def make_videos(root: Path, count: int = NUM_VIDEOS) -> VideoDataset:
    """Write videos of 12 frames in which noise moves."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(count):
        picture = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((4, 4, 1))).astype(np.uint8)
        frames = [
            np.roll(picture, frame * (number % 3 + 1), axis=number % 2) for frame in range(12)
        ]
        path = root / f"{number:02d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, np.stack(frames))
        files.append(VideoFile(path, path.name, num_frames=12))
    return VideoDataset("noise", root, "train", files)


def changed(config: PretrainConfig = CONFIG, **sections: dict[str, Any]) -> PretrainConfig:
    """A configuration with some fields of some sections replaced."""
    parts = {name: replace(getattr(config, name), **new) for name, new in sections.items()}
    return replace(config, **parts)


def weights(result: PretrainResult) -> dict[str, Tensor]:
    """What a finished run exported."""
    assert result.weights is not None
    return load_file(result.weights)


EVERYWHERE = ObjectiveConfig(global_batch=True, global_local_contrast=True)


def read_log(path: Path) -> dict[str, list[float]]:
    """A log.csv as columns of numbers."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in COLUMNS}
