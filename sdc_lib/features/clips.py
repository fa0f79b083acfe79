"""The clips of a whole data set, in batches, with an account of what could not be read."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from sdc_lib.augment import Crops
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips, EvalSample
from sdc_lib.datasets.frames import ClipStarts
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.features.store import Features, Floats
from sdc_lib.support.files import type_and_first_line
from sdc_lib.support.memory import fitting_workers
from sdc_lib.support.settings import Count, Range, Workers, check_settings, check_value
from sdc_lib.support.workers import start_worker
from sdc_lib.video import VideoError


@dataclass(frozen=True)
class ClipSettings:
    """How a video becomes clips at test time."""

    num_frames: Annotated[int, Range(1, 1024)] = 16
    """T, frames in a clip."""
    size: Annotated[int, Range(8, 4096)] = 128
    """Side of the square crops, pixels."""
    stride: Annotated[int, Range(1, 1024)] = 1
    """Frames of the file from one frame of the clip to the next."""
    clips: ClipStarts = "dense"
    """Clips from the first frame on, each about half over the one before, as long as a whole one
    fits: up to ``T * stride // 2 - 2`` frames at the end are in none. Or ten clips evenly from the
    first to the last possible start; or one in the middle."""
    crops: Crops = "centre"
    """The centre, or corners and centre, or those and their mirror images."""


class ClipSource:
    """All clips of a data set in batches, across videos, and the account of what was read.

    Args:
        dataset: The videos.
        clips: How they become clips.
        batch_size: Clips a batch; the last one may be smaller.
        workers: Processes that decode.
        progress: Show a bar if it takes more than two seconds.

    Attributes:
        videos: The videos that clips refer to by position.
        failures: Position of each video that could not be read, and why; complete after a pass.

    Raises:
        ValueError: If a setting is out of its range, or there is no video.
    """

    def __init__(
        self,
        dataset: VideoDataset,
        clips: ClipSettings,
        batch_size: int = 64,
        workers: int = 0,
        progress: bool = True,
    ) -> None:
        check_settings(clips)
        check_value("batch_size", batch_size, Count)
        check_value("workers", workers, Workers)
        if len(dataset) == 0:
            where = f"{dataset.name}/{dataset.split}"
            raise ValueError(f"{where} has no videos to encode{_first(dataset)}")
        source = EvalClips(dataset, **asdict(clips))
        self.videos = source.videos  # without files known to hold no frames
        self.failures: dict[int, str] = {}
        self._short, self._clips = 0, clips
        self._official = dataset.official
        self._batch_size = batch_size
        count, prefetch = fitting_workers(min(workers, len(source)), _largest_sample(source))
        self._loader: DataLoader[EvalSample | tuple[int, str]] = DataLoader(
            _Readable(source),
            batch_size=None,
            num_workers=count,
            worker_init_fn=start_worker,
            prefetch_factor=prefetch if count else None,
        )
        self._progress = progress

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Clips uint8 ``(B, C, T, H, W)`` and the positions ``(B,)`` of their videos."""
        self._short, size = 0, self._batch_size
        waiting: list[Tensor] = []
        owners: list[Tensor] = []
        for sample in self._samples():
            if not isinstance(sample, EvalSample):
                self.failures[sample[0]] = sample[1]
                continue
            self._short += sample.short
            waiting.append(sample.clips)
            owners.append(torch.full((len(sample.clips),), int(sample.index)))
            if sum(map(len, waiting)) >= size:
                clips, videos = torch.cat(waiting), torch.cat(owners)
                full = len(clips) // size * size
                yield from zip(clips[:full].split(size), videos[:full].split(size), strict=True)
                waiting, owners = [clips[full:]], [videos[full:]]
        if sum(map(len, waiting)):
            yield torch.cat(waiting), torch.cat(owners)
        if self._short:
            span = f"{self._clips.num_frames} frames, {self._clips.stride} apart"
            few = f"{self._short} of {len(self.videos)} videos are shorter than a clip ({span})"
            warnings.warn(f"{few}; copies of their first frame stand before them", stacklevel=2)

    def _samples(self) -> Iterator[EvalSample | tuple[int, str]]:
        return iter(
            tqdm(
                read_ahead(self._loader, self.videos, lambda number: [number]),
                desc="features",
                total=len(self._loader),
                unit="video",
                delay=2,
                leave=False,
                disable=not self._progress,
            )
        )

    def rows(self, videos: Tensor) -> Tensor:
        """Where videos ``(B,)`` stand among those that could be read; complete after a pass."""
        kept = torch.tensor([i not in self.failures for i in range(len(self.videos))])
        return (kept.cumsum(0) - 1)[videos]

    def describe(self, means: Mapping[tuple[str, str], NDArray[np.float64]]) -> Features:
        """Put names and labels to per-video means ``(N, D)`` of ("pooled" or "scores", stream).

        Raises:
            ValueError: If no video could be read.
        """
        dataset = self.videos
        rows = [i for i in range(len(dataset)) if i not in self.failures]
        if not rows:
            raise ValueError(
                f"no video of {dataset.name}/{dataset.split} could be read; the first said: "
                f"{next(iter(self.failures.values()))}"
            )
        labels = {name: dataset.targets(name)[rows] for name in dataset.factor_names}
        if all(file.label is not None for file in dataset):
            labels = {"label": dataset.targets()[rows], **labels}
        groups = dataset.groups
        by_kind: dict[str, dict[str, Floats]] = {"pooled": {}, "scores": {}}
        for (kind, stream), values in means.items():
            by_kind[kind][stream] = values[rows].astype(np.float32)
        return Features(
            dataset=dataset.name,
            split=dataset.split,
            names=tuple(dataset[i].name for i in rows),
            pooled=by_kind["pooled"],
            scores=by_kind["scores"],
            labels=labels,
            classes={"label": tuple(dataset.class_names), **dataset.factor_names},
            groups=tuple(groups[i] for i in rows),
            official=self._official,
            left_out=(
                *(f"{left.name}: {left.cause}" for left in dataset.left_out),
                *self.failures.values(),
            ),
            divides_groups=dataset.divides_groups,
        )


class _Readable(Dataset[Any]):
    """Clips of a video, or why it could not be read, instead of an exception from a worker."""

    def __init__(self, clips: EvalClips) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> EvalSample | tuple[int, str]:
        try:
            return self.clips[index]
        except VideoError as error:
            return index, str(error)
        except Exception as error:  # whatever is wrong with one file must not end the others' work
            path = self.clips.videos[index].path
            return index, f"{path}: {type_and_first_line(error)}"


def _largest_sample(source: EvalClips) -> int:
    """Bytes of the clips of the longest video, as far as lengths are known."""
    crops = {"centre": 1, "five": 5, "five_flip": 10}[source.crops]
    longest = max(file.num_frames or 0 for file in source.videos)
    frames = source.num_frames * {"centre": 1, "ten": 10}.get(source.clips, 1)
    if source.clips == "dense":  # as clips overlap by half, most frames are in two
        frames = max(frames, 2 * longest // source.stride)
    return 3 * frames * crops * source.size**2


def _first(dataset: VideoDataset) -> str:
    """The first of those left out, for the message that none is left."""
    return f"; {dataset.left_out[0].name}: {dataset.left_out[0].cause}" if dataset.left_out else ""
