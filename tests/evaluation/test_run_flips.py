"""Whether training with labels mirrors clips goes by the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.run import evaluate
from sdc_lib.evaluation.train_batches import TrainAugment
from sdc_lib.weights import export_model
from tests.helpers.evaluations import CONFIG, World


@pytest.mark.parametrize(
    ("dataset", "asked", "said"),
    [
        ("ucf101", None, "flips with probability 0.5"),
        ("hmdb51", None, "flips with probability 0.5"),
        ("kinetics400", None, "flips with probability 0.5"),
        ("ucf101", False, "no flips"),
        ("motion-factors", None, "no flips"),
        ("diving48", None, "no flips"),
        ("csv", None, "no flips"),
        ("folder", None, "no flips"),
        ("folder", True, "flips with probability 0.5"),
    ],
)
@pytest.mark.parametrize("trained_with", [0.0, 0.5])
def test_labels_say_whether_training_flips_and_the_record_says_so(
    dataset: str,
    asked: bool | None,
    said: str,
    trained_with: float,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_world(config: DataConfig, data_dir: Path, split: str, *_: object) -> VideoDataset:
        return world[0] if split == "train" else world[1]

    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", open_world)
    monkeypatch.setattr("sdc_lib.evaluation.online.TrainAugment", seen := Seen())
    data = replace(CONFIG.data, augment=replace(CONFIG.data.augment, flip=trained_with))
    config = replace(CONFIG, data=data)
    path = export_model(random_model(CONFIG.model), config, tmp_path / "w.safetensors", {})
    options: dict[str, Any] = {"target": "motion", "epochs": 1, "workers": 0, "progress": False}
    done = evaluate(path, dataset, "finetune", flip=asked, **options)
    assert done.record.protocol.endswith(f", {said}")
    assert seen.flips == [0.0 if said == "no flips" else 0.5]
    without = evaluate(path, dataset, "knn", flip=asked, **options)
    assert "flips" not in without.record.protocol


class Seen:
    """Stands for the augmentation and remembers how often it should flip."""

    def __init__(self) -> None:
        self.flips: list[float] = []

    def __call__(self, size: int, flip: float) -> TrainAugment:
        self.flips.append(flip)
        return TrainAugment(size, flip)
