"""Three small videos, random weights and their embeddings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sdc_lib import PRESETS, PretrainConfig, build_model, export_model
from sdc_lib.search import Embeddings, embed_videos
from sdc_lib.video import write_video

NAMES = ("a/bars.mp4", "b/noise.mp4", "b/ramp.mp4")


def config() -> PretrainConfig:
    preset = PRESETS["motion_factors_tiny"]
    data = replace(preset.data, num_frames=4, augment=replace(preset.data.augment, size=32))
    return replace(preset, data=data, model=replace(preset.model, num_concepts=4))


def save_weights(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    return export_model(build_model(config().model), config(), path, {})


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(tmp_path_factory.mktemp("weights") / "random.safetensors", seed=0)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos that look and move differently."""
    root = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    bars = np.zeros((8, 32, 32, 3), dtype=np.uint8)
    for t in range(8):
        bars[t, :, 4 * t : 4 * t + 4] = 255
    noise = rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8)
    ramp = np.stack([np.full((32, 32, 3), 30 * t, dtype=np.uint8) for t in range(8)])
    for name, frames in zip(NAMES, (bars, noise, ramp), strict=True):
        (root / name).parent.mkdir(exist_ok=True)
        write_video(root / name, frames)
    return root


@pytest.fixture(scope="session")
def gallery(weights: Path, folder: Path) -> Embeddings:
    return embed_videos(weights, folder, progress=False)
