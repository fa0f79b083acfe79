"""Real video in own copies: its questions, its clips decoded once, features for each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import open_dataset
from sdc_lib.features import ClipSettings, ClipSource, Features
from sdc_lib.features.extract import encode_videos
from sdc_lib.video import probe
from sdc_lib.views import STREAMS, Stream

Pair = tuple[VideoDataset, VideoDataset]
"""What is learned from, and what is tested."""


@dataclass(frozen=True)
class Question:
    """A labelling of real videos, and how they are divided."""

    key: str
    """In names of records and tables."""
    dataset: str
    """In tables."""
    pairs: Sequence[Pair]
    """The split, or one pair an official fold."""
    target: str | None
    """The labelling; None for the class."""

    @property
    def videos(self) -> VideoDataset:
        """All videos; every fold has the same."""
        train, test = self.pairs[0]
        return VideoDataset(
            train.name, train.root, "all", [*train, *test], train.class_names, train.factor_names
        )


def gestures(folder: Path) -> Question:
    """EgoGestAR: ten gestures, tested before scenes that training does not show."""
    train, test = (
        open_dataset(DataConfig(dataset="csv"), folder / "split_by_scene.csv", part)
        for part in ("train", "test")
    )
    return Question("gestures", "EgoGestAR, split by scene", [(train, test)], "gesture")


def gesture_grid(folder: Path) -> VideoDataset:
    """EgoGestAR: an almost complete grid of gestures and scenes, with folds."""
    return open_dataset(DataConfig(dataset="csv"), folder / "factors.csv", "all")


def ucf101(folder: Path) -> Question:
    """UCF-101, or those of its classes that the folder has, with its three official splits."""
    pairs = []
    for fold in (1, 2, 3):
        config = DataConfig(dataset="ucf101", fold=fold)
        train, test = (open_dataset(config, folder, part) for part in ("train", "test"))
        pairs.append((train, test))
    classes = len(pairs[0][0].class_names)
    return Question("ucf101", f"UCF-101, {classes} of 101 classes, splits 1 to 3", pairs, None)


class Decoded:
    """The clips of all videos, decoded once for many networks.

    Args:
        videos: What to decode.
        clips: How they become clips.
        workers: Processes that decode.
    """

    def __init__(self, videos: VideoDataset, clips: ClipSettings, workers: int) -> None:
        self.source = ClipSource(videos, clips, 64, workers)
        self.batches: list[tuple[Tensor, Tensor]] = list(self.source)

    def encode(self, model: nn.Module, streams: Sequence[Stream] = STREAMS) -> Features:
        """Features of all videos."""
        return encode_videos(model, self.source, self.batches, streams=streams, device="cpu")

    def encode_one_frame(self, model: nn.Module) -> Features:
        """Features of a single frame in the middle of every video."""
        owners = np.concatenate([videos.numpy() for _, videos in self.batches])
        middle = [int(np.median(np.flatnonzero(owners == video))) for video in np.unique(owners)]
        kept = np.isin(np.arange(len(owners)), middle)
        parts = np.split(kept, np.cumsum([len(videos) for _, videos in self.batches])[:-1])
        chosen = [(c[k], v[k]) for (c, v), k in zip(self.batches, parts, strict=True) if k.any()]
        return encode_videos(model, self.source, chosen, streams=("static",), device="cpu")


def of_split(whole: Features, videos: VideoDataset) -> Features:
    """The features of a split, out of those of all videos, with the labels of the split."""
    place = {name: i for i, name in enumerate(whole.names)}
    there = videos.subset([i for i, file in enumerate(videos) if file.name in place])
    labels = {name: there.targets(name) for name in there.factor_names}
    if there.class_names:
        labels = {"label": there.targets(), **labels}
    return replace(
        whole.subset([place[file.name] for file in there]),
        dataset=videos.name,
        split=videos.split,
        labels=labels,
        classes={"label": there.class_names, **there.factor_names},
        groups=there.groups,
        official=len(videos) + len(videos.left_out),
    )


def lengths(whole: Features, root: Path) -> Features:
    """Instead of features the number of frames, the duration and the frame rate of every video."""
    found = [probe(root / name) for name in whole.names]
    rows = [[info.num_frames, info.duration, info.fps] for info in found]
    return replace(whole, pooled={"video": np.array(rows, dtype=np.float32)}, scores={})
