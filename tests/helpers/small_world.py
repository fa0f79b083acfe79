"""A tiny labelled world: two colours, two directions, real video files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdc_lib.backbones import TinyBackbone
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.evaluation import ClipSettings, Features
from sdc_lib.model import SDC, ConceptHeads
from sdc_lib.video import write_video

MakeFeatures = Callable[..., Features]
CLIPS = ClipSettings(num_frames=4, size=16)


def moving_square(appearance: int, motion: int, start: int) -> NDArray[np.uint8]:
    """12 frames of 16x16 pixels: a red or blue square going right or down."""
    frames = np.full((12, 16, 16, 3), 60, np.uint8)
    for t in range(12):
        place = (start + t) % 12
        rows, columns = (slice(4, 8), slice(place, place + 4))
        if motion == 1:
            rows, columns = columns, rows
        frames[t, rows, columns] = (230, 30, 30) if appearance == 0 else (30, 30, 230)
    return frames


def make_world(root: Path, split: str, videos: int) -> VideoDataset:
    """A data set with every pair of appearance and motion equally often."""
    folder = root / split
    folder.mkdir(parents=True)
    files = []
    for i in range(videos):
        factors = {"appearance": i % 2, "motion": i // 2 % 2}
        path = folder / f"{i:03d}.mp4"
        write_video(path, moving_square(i % 2, i // 2 % 2, start=i), preset="ultrafast")
        files.append(VideoFile(path, f"{split}/{path.name}", label=i % 2, factors=factors))
    names = {"appearance": ("red", "blue"), "motion": ("right", "down")}
    return VideoDataset("world", root, split, files, ("red", "blue"), names)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoDataset, VideoDataset]:
    """Train (8 videos) and test (4 videos)."""
    root = tmp_path_factory.mktemp("world")
    return make_world(root, "train", 8), make_world(root, "test", 4)


@pytest.fixture
def model() -> SDC:
    """A random network of a few thousand parameters, D = 16 and K = 10."""
    torch.manual_seed(0)
    backbone = TinyBackbone(width=4, dim=16)
    return SDC(backbone, ConceptHeads(16, num_concepts=10, projection_dim=8)).train()


@pytest.fixture
def make_features() -> MakeFeatures:
    """Features whose scores know the factors only where told.

    ``static`` and ``dynamic`` say which factors the halves carry, as one-hot scores plus noise.
    """

    def make(
        split: str,
        videos: int,
        static: tuple[str, ...] = ("appearance",),
        dynamic: tuple[str, ...] = ("motion",),
        noise: float = 0.05,
    ) -> Features:
        rng = np.random.default_rng([len(split), videos])
        labels = {"appearance": np.arange(videos) % 4, "motion": np.arange(videos) // 4 % 4}
        halves = []
        for factors in (static, dynamic):
            half = noise * rng.normal(size=(videos, 8))
            for place, factor in enumerate(factors):
                half[np.arange(videos), 4 * place + labels[factor]] += 0.5
            halves.append(half)
        scores = np.concatenate(halves, axis=1).astype(np.float32)
        names = tuple(str(i) for i in range(4))
        return Features(
            "made",
            split,
            tuple(f"{split}/{i}" for i in range(videos)),
            {"video": scores, "static": scores[:, :8], "dynamic": scores[:, 8:]},
            {"video": scores},
            {"label": labels["appearance"], **labels},
            {"label": names, "appearance": names, "motion": names},
            official=videos + 1,
        )

    return make
