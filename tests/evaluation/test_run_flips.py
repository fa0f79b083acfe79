"""Whether training with labels mirrors clips goes by the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.evaluation.run import evaluate
from sdc_lib.evaluation.train_batches import TrainAugment
from sdc_lib.weights import export_model
from tests.helpers.evaluations import CONFIG, World


class ChosenError(Exception):
    """Ends an evaluation where its settings are chosen."""


@pytest.mark.parametrize(
    ("dataset", "asked", "flips"),
    [
        ("ucf101", None, True),
        ("hmdb51", None, True),
        ("kinetics400", None, True),
        ("ucf101", False, False),
        ("motion-factors", None, False),
        ("diving48", None, False),
        ("csv", None, False),
        ("folder", None, False),
        ("folder", True, True),
    ],
)
@pytest.mark.parametrize("trained_with", [0.0, 0.5])
def test_labels_say_whether_training_flips(
    dataset: str,
    asked: bool | None,
    flips: bool,
    trained_with: float,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def choose(*arguments: Any) -> NoReturn:
        settings = settings_for(*arguments)
        raise ChosenError(settings.online.flip, settings.finetune.flip)

    monkeypatch.setattr("sdc_lib.evaluation.run.settings_for", choose)
    path = with_flips(trained_with, weights)
    with pytest.raises(ChosenError) as chosen:
        evaluate(path, dataset, "finetune", flip=asked, progress=False)
    assert chosen.value.args == ((0.5, 0.5) if flips else (0.0, 0.0))


@pytest.mark.parametrize(
    ("dataset", "trained_with", "flip", "said"),
    [
        ("ucf101", 0.0, 0.5, "flips with probability 0.5"),
        ("motion-factors", 0.5, 0.0, "no flips"),
    ],
)
def test_training_flips_as_chosen_and_the_record_says_so(
    dataset: str,
    trained_with: float,
    flip: float,
    said: str,
    world: World,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_world(config: DataConfig, data_dir: Path, split: str, *_: object) -> VideoDataset:
        return world[0] if split == "train" else world[1]

    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", open_world)
    monkeypatch.setattr("sdc_lib.evaluation.online.TrainAugment", seen := Seen())
    path = with_flips(trained_with, weights)
    options: dict[str, Any] = {"target": "motion", "epochs": 1, "workers": 0, "progress": False}
    done = evaluate(path, dataset, "finetune", **options)
    assert done.record.protocol.endswith(f", {said}")
    assert seen.flips == [flip]
    without = evaluate(path, dataset, "knn", **options)
    assert "flips" not in without.record.protocol


def with_flips(flip: float, path: Path) -> Path:
    """Weights of a run whose pretraining mirrored that often."""
    data = replace(CONFIG.data, augment=replace(CONFIG.data.augment, flip=flip))
    return export_model(random_model(CONFIG.model), replace(CONFIG, data=data), path, {})


class Seen:
    """Stands for the augmentation and remembers how often it should flip."""

    def __init__(self) -> None:
        self.flips: list[float] = []

    def __call__(self, size: int, flip: float) -> TrainAugment:
        self.flips.append(flip)
        return TrainAugment(size, flip)
