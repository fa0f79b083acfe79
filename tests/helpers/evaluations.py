"""What tests of `evaluate` share: small weights, and a data set that opens at once."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from sdc_lib.config import AugmentConfig, DataConfig, ModelConfig, PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.weights import export_model

World = tuple[VideoDataset, VideoDataset]
CONFIG = PretrainConfig(
    name="small",
    data=DataConfig(num_frames=4, max_stride=1.0, augment=AugmentConfig(size=16, flip=0.0)),
    model=ModelConfig("tiny", num_concepts=10, projection_dim=8),
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return export_model(random_model(CONFIG.model), CONFIG, tmp_path / "small.safetensors", {})


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_world(config: DataConfig, data_dir: Path, split: str, *_: object) -> VideoDataset:
        assert config.dataset == "world"
        return world[0] if split == "train" else world[1]

    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", open_world)


def not_reached(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the work was begun")
