"""How clip data sets read: a video or another in its place, from its file or from memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.frames import Indices
from sdc_lib.support.workers import Reading, WorkerDied
from sdc_lib.video import VideoError, probe, sample_clip

ReadFrames = Callable[[VideoFile, Callable[[int], Indices]], Tensor]
"""A video and a choice of frames given its length -> uint8 ``(T, H, W, C)``."""

T = TypeVar("T")
_READ_ATTEMPTS = 10


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


def without_empty(videos: VideoDataset) -> VideoDataset:
    """The same data set without files known to hold no frames; they are listed in ``left_out``.

    Raises:
        ValueError: Nothing is left.
    """
    rest, empty = without_short(videos, 1)
    if empty:  # then `rest` is a copy
        rest.left_out += empty
    return rest


def read_file(
    file: VideoFile, choose: Callable[[int], Iterable[int]], short_side: int | None = None
) -> Tensor:
    """`sample_clip` of a video of a data set, with what is known of it."""
    return sample_clip(file.path, choose, short_side, file.info)


def read_or_replace(
    videos: VideoDataset,
    index: int,
    choose: Callable[[int], Indices],
    rng: np.random.Generator,
    read: ReadFrames = read_file,
) -> tuple[Tensor, int]:
    """Read video ``index``, or another one drawn with ``rng`` where that fails.

    Args:
        videos: What to choose from.
        index: Video to read first.
        choose: Frames to read, given the length; raises `TooShortError` for too short a video.
        rng: The sample's generator.
        read: What reads the frames, `read_file` or a cache before it.

    Returns:
        Frames ``(C, T, H, W)``, and the index of the video that they are from.

    Raises:
        VideoError: Ten videos in a row could not be read.
    """
    for _ in range(_READ_ATTEMPTS):
        file = videos[index]
        try:
            return channels_first(read(file, choose)), index
        except VideoError as error:
            failure = error
        except TooShortError as error:
            failure = VideoError(file.path, str(error))
        index = int(rng.integers(len(videos)))
    raise VideoError(
        failure.path, f"{failure.cause}; {_READ_ATTEMPTS} videos in a row could not be read"
    )


def read_ahead(
    loader: DataLoader[T], videos: VideoDataset, shown: Callable[[int], Sequence[int]]
) -> Generator[T, None, None]:
    """What a loader gives, and where one of its processes dies, an error that names the videos.

    Args:
        loader: Its processes begin with `start_worker`.
        videos: What the loader reads.
        shown: Positions of the videos of an item, by its number from 0.

    Raises:
        VideoError: A process died: of memory, by a damaged file, or because somebody ended it.
    """
    try:
        with Reading(loader) as items:
            yield from items
    except WorkerDied as error:
        first, *others = [videos[index].path for index in shown(error.done)]
        here = f"here, at {', '.join(map(str, others))}," if others else "here"
        raise VideoError(
            first,
            f"a process that reads videos ended {here} or soon after ({error}); "
            "`sdc data check` finds such files, --workers 0 needs no shared memory",
        ) from error


def channels_first(frames: Tensor) -> Tensor:
    """Frames as `sdc_lib.video.read` reads them to ``(C, T, H, W)``."""
    return frames.permute(3, 0, 1, 2)  # (T, H, W, C) -> (C, T, H, W)


class FrameCache:
    """Reads like `read_file`, but decodes a video that fits only once.

    Every process has its own. Once the cache is full, further videos are read from their files.

    Args:
        limit_mb: Megabytes of frames to keep.
    """

    def __init__(self, limit_mb: int) -> None:
        self._room = limit_mb * 1_000_000
        self._videos: dict[Path, Tensor] = {}

    def __call__(self, file: VideoFile, choose: Callable[[int], Iterable[int]]) -> Tensor:
        """Return the frames chosen, uint8 ``(T, H, W, C)``.

        Raises:
            VideoError: The file cannot be used.
        """
        if file.path not in self._videos and self._room > 0:
            self._keep(file)
        if file.path in self._videos:
            frames = self._videos[file.path]
            return frames[list(choose(len(frames)))]
        return read_file(file, choose)

    def _keep(self, file: VideoFile) -> None:
        try:
            info = file.info if file.info and file.info.is_current else probe(file.path)
            if 3 * info.num_frames * info.width * info.height > self._room:
                return
            frames = read_file(file, range)
        except VideoError:
            return  # perhaps the frames that will be chosen are whole
        self._videos[file.path] = frames
        self._room -= frames.numel()
