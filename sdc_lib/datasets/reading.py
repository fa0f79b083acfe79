"""What all clip data sets share: seeded samples, and reading a video or another in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sdc_lib.datasets.base import LeftOut, VideoDataset
from sdc_lib.datasets.frames import Indices
from sdc_lib.video import VideoError, sample_clip

ReadFrames = Callable[[Path, Callable[[int], Indices]], Tensor]
"""Path of a video and a choice of frames given its length -> uint8 ``(T, H, W, C)``."""

_READ_ATTEMPTS = 10


class SampleKey(NamedTuple):
    """Which sample of which epoch; what a sampler hands to the loader."""

    epoch: int
    index: int  # type: ignore[assignment]  # hides tuple.index


class TooShortError(Exception):
    """A video turned out too short once it was open."""


def check_clip(num_frames: int, stride: int) -> None:
    """Refuse a clip without frames or without a step, with a ``ValueError``."""
    if num_frames < 1 or stride < 1:
        raise ValueError(f"num_frames {num_frames} and stride {stride} must be at least 1")


def without_short(videos: VideoDataset, shortest: int) -> tuple[VideoDataset, tuple[LeftOut, ...]]:
    """Split off videos known to have fewer than ``shortest`` frames.

    Raises:
        ValueError: Nothing is left.
    """
    short = {
        i: LeftOut(file.name, f"{file.num_frames} frames; {shortest} are needed")
        for i, file in enumerate(videos)
        if file.num_frames is not None and file.num_frames < shortest
    }
    if len(short) == len(videos):
        raise ValueError(
            f"{videos.name} ({videos.split}) has no video of {shortest} frames or more: "
            f"{len(videos)} videos, {len(short)} too short"
        )
    if not short:
        return videos, ()
    return videos.subset(i for i in range(len(videos)) if i not in short), tuple(short.values())


def sample_generator(
    seed: int, key: SampleKey | int, length: int
) -> tuple[np.random.Generator, SampleKey]:
    """Return the generator of one sample, and the sample's full key (epoch 0 for a bare index).

    Raises:
        IndexError: The index is not in ``[0, length)``.
    """
    sample = key if isinstance(key, SampleKey) else SampleKey(0, int(key))
    if not 0 <= sample.index < length:
        raise IndexError(f"sample {sample.index} of {length}")
    return np.random.default_rng([seed, sample.epoch, sample.index]), sample


@contextmanager
def torch_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed torch's CPU generator from ``rng`` and put its state back afterwards.

    ``torch.manual_seed`` would reset the GPU's generators as well.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        torch.set_rng_state(state)


def read_or_replace(
    videos: VideoDataset,
    index: int,
    choose: Callable[[int], Indices],
    rng: np.random.Generator,
    read: ReadFrames = sample_clip,
) -> tuple[Tensor, int]:
    """Read video ``index``, or another one drawn with ``rng`` where that fails.

    Args:
        videos: What to choose from.
        index: Video to read first.
        choose: Frames to read, given the length; raises `TooShortError` for too short a video.
        rng: The sample's generator.
        read: What reads the frames, `sample_clip` or a cache before it.

    Returns:
        Frames ``(C, T, H, W)``, and the index of the video that they are from.

    Raises:
        VideoError: Ten videos in a row could not be read.
    """
    for _ in range(_READ_ATTEMPTS):
        path = videos[index].path
        try:
            return channels_first(read(path, choose)), index
        except VideoError as error:
            failure = error
        except TooShortError as error:
            failure = VideoError(path, str(error))
        index = int(rng.integers(len(videos)))
    raise VideoError(
        failure.path, f"{failure.cause}; {_READ_ATTEMPTS} videos in a row could not be read"
    )


def channels_first(frames: Tensor) -> Tensor:
    """Frames as `sdc_lib.video.read` reads them to ``(C, T, H, W)``."""
    return frames.permute(3, 0, 1, 2)  # (T, H, W, C) -> (C, T, H, W)
