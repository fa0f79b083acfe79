"""What an evaluation opens before it measures: weights, and the parts of a data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sdc_lib.config import DataConfig, PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import Split
from sdc_lib.datasets.usable import open_usable
from sdc_lib.evaluation.baselines import is_random, random_model
from sdc_lib.model import SDC
from sdc_lib.presets import PRESETS
from sdc_lib.weights import load, load_config


def open_weights(weights: str | Path, seed: int = 0) -> tuple[SDC, PretrainConfig]:
    """A model and its configuration; ``random:PRESET`` for random weights of that seed."""
    config = config_of(weights)
    if not is_random(weights):
        return load(weights), config
    model = random_model(config.model, seed)
    model.boundary = config.data.boundary
    return model, config


def config_of(weights: str | Path) -> PretrainConfig:
    """The configuration of weights, or the preset of random ones."""
    if not is_random(weights):
        return load_config(weights)
    preset = str(weights).removeprefix("random:").replace("-", "_")  # commands write hyphens
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset]


def part_names(split: Literal["val", "test"], folds: str | None) -> tuple[Split, ...]:
    """The parts of a data set that an evaluation opens: two splits, or all for folds.

    Raises:
        ValueError: If folds are asked for a split of their own.
    """
    if folds is not None and split != "test":
        raise ValueError(f"folds have no splits: leave out either --folds or --split {split}")
    return ("train", split) if folds is None else ("all",)


def open_parts(
    data: DataConfig,
    data_dir: str | Path,
    names: Sequence[Split],
    videos: int | None,
    workers: int,
    progress: bool,
) -> list[VideoDataset]:
    """The parts without what cannot be read, at most so many videos of each, evenly spaced."""
    parts = [open_usable(data, data_dir, name, workers, progress) for name in names]
    return parts if videos is None else [part.thinned(videos) for part in parts]
