"""Take clips from videos: pairs to pretrain on, one for supervised training, many to evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdc_lib.augment import ClipAugment, Crops, eval_crops, eval_side
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.frames import (
    ClipStarts,
    Indices,
    SampleKey,
    eval_indices,
    pair_indices,
    sample_generator,
    train_indices,
)
from sdc_lib.datasets.reading import (
    ReadFrames,
    TooShortError,
    channels_first,
    check_clip,
    read_file,
    read_or_replace,
    without_empty,
    without_short,
)
from sdc_lib.support.generators import seeded

__all__ = [
    "EvalClips",
    "EvalSample",
    "PairClips",
    "PairSample",
    "TrainClips",
    "TrainSample",
]

Augment = Callable[[Tensor], Tensor]
"""uint8 ``(C, T, H, W)`` to uint8 ``(C, T, S, S)``, drawing from torch's global generator."""


class PairSample(NamedTuple):
    """Two clips of one video and one frame of each."""

    clips: Tensor
    """uint8 ``(2, C, T, H, W)``, each clip augmented."""
    stills: Tensor
    """uint8 ``(2, C, 1, H, W)``: frame ``i`` of each clip, augmented on its own."""
    index: int  # type: ignore[assignment]  # hides tuple.index
    """The video that was really read."""
    replaced: bool
    """Whether it stands in for one that could not be read."""
    draws: Tensor = torch.empty(0)
    """``(2, 2, 14)``, clips then stills: what `finish_batch` has yet to do; empty for nothing."""


class TrainSample(NamedTuple):
    """A random clip and its label."""

    clip: Tensor
    """uint8 ``(C, T, H, W)``."""
    label: int
    index: int  # type: ignore[assignment]  # hides tuple.index
    replaced: bool


class EvalSample(NamedTuple):
    """All clips and crops by which one video is judged."""

    clips: Tensor
    """uint8 ``(n, C, T, H, W)``."""
    index: int  # type: ignore[assignment]  # hides tuple.index
    short: bool = False  # shorter than a clip: copies of the first frame stand before it


class PairClips(Dataset[PairSample]):
    """Pretraining samples: two consecutive clips with one random stride (see `pair_indices`).

    A video that cannot be read is replaced by one drawn with the sample's generator. ``videos``
    holds what is sampled from, ``left_out`` the videos known to be too short.

    Args:
        videos: What to take clips from.
        num_frames: T, frames in a clip.
        max_stride: Largest stride.
        augment: Augmentation of clips and stills; ``None`` leaves frames as they are.
        seed: Of all random choices.
        short_videos: Videos of 2T frames or fewer (T with `same_frames`) are left out, at the
            latest when they are read (``"drop"``), or frames are repeated (``"pad"``).
        read: What reads the frames of a file, such as a `FrameCache`.
        own_strides: A stride for each clip instead of one for both (ours).
        same_frames: Both clips show the same frames (ours): a pair has its motion in common.
        crop_only: Crop, and leave the rest of a `ClipAugment` to `finish_batch`, with its draws.

    Raises:
        ValueError: ``num_frames`` below 1, ``max_stride`` below 1, unknown ``short_videos``, or no
            video left.

    Source: Qian et al., ECCV 2022 (arXiv 2207.12795).
    """

    def __init__(
        self,
        videos: VideoDataset,
        num_frames: int,
        max_stride: float = 3.0,
        augment: Augment | None = None,
        seed: int = 0,
        short_videos: Literal["drop", "pad"] = "drop",
        read: ReadFrames = read_file,
        own_strides: bool = False,
        same_frames: bool = False,
        crop_only: bool = False,
    ) -> None:
        if num_frames < 1:
            raise ValueError(f"num_frames is {num_frames}; it must be at least 1")
        if not max_stride >= 1:
            raise ValueError(f"max_stride is {max_stride}; it must be at least 1")
        if short_videos not in ("drop", "pad"):
            raise ValueError(f"short_videos is {short_videos!r}; it must be 'drop' or 'pad'")
        shown = num_frames if same_frames else 2 * num_frames
        self._shortest = shown + 1 if short_videos == "drop" else 1
        self.videos, self.left_out = without_short(videos, self._shortest)
        self.num_frames = num_frames
        self.max_stride = max_stride
        self.own_strides = own_strides
        self.same_frames = same_frames
        self.augment = augment
        self.seed = seed
        self._crop_only = crop_only
        self._read = read

    def __len__(self) -> int:
        """Number of videos, one sample each."""
        return len(self.videos)

    def __getitem__(self, key: SampleKey | int) -> PairSample:
        """Read one sample; an ``int`` is that of epoch 0."""
        rng, epoch_key = sample_generator(self.seed, key, len(self))

        def choose(length: int) -> Indices:
            if length < self._shortest:
                raise TooShortError(f"{length} frames; {self._shortest} are needed")
            return pair_indices(
                length, self.num_frames, self.max_stride, rng, self.own_strides, self.same_frames
            )

        frames, index = read_or_replace(self.videos, epoch_key.index, choose, rng, self._read)
        shown = frames.unflatten(1, (-1, self.num_frames)).transpose(0, 1)  # (2 or 1, C, T, H, W)
        clips = shown.expand(2, -1, -1, -1, -1)
        still = int(rng.integers(self.num_frames))
        stills = clips[:, :, still : still + 1]
        draws = torch.empty(0)
        with seeded(int(rng.integers(2**63))):
            if isinstance(self.augment, ClipAugment) and self._crop_only:
                clips, of_clips = _crop(self.augment, clips)
                stills, of_stills = _crop(self.augment, stills)
                draws = torch.stack([of_clips, of_stills])
            elif self.augment is not None:
                clips = torch.stack([self.augment(clip) for clip in clips])
                stills = torch.stack([self.augment(frame) for frame in stills])
        replaced = index != epoch_key.index
        return PairSample(clips.contiguous(), stills.contiguous(), index, replaced, draws)

    def sample_bytes(self) -> int:
        """Bytes of the pixels of one sample; 0 where frames keep their size and nobody knows."""
        if not isinstance(self.augment, ClipAugment):
            return 0
        return 2 * 3 * (self.num_frames + 1) * self.augment.config.size**2

    def summary(self) -> str:
        """How many videos are sampled from, and how many are too short."""
        if not self.left_out:
            return self.videos.summary()
        short, (first, *_) = len(self.left_out), self.left_out
        return f"{self.videos.summary()}\n  {short} too short, first: {first.name} ({first.cause})"


def _crop(augment: ClipAugment, clips: Tensor) -> tuple[Tensor, Tensor]:
    """Crop clips ``(2, C, T, H, W)``; the draws of what is left to do, ``(2, 14)``."""
    draws = torch.stack([augment.draw(clip) for clip in clips])
    return torch.stack([augment.crop(*pair) for pair in zip(clips, draws, strict=True)]), draws


class TrainClips(Dataset[TrainSample]):
    """One random clip a video with its label, for probes trained online and for fine-tuning.

    Args:
        videos: What to take clips from.
        num_frames: T, frames in a clip.
        augment: Augmentation; ``None`` leaves frames as they are.
        stride: Frames from one frame of the clip to the next.
        seed: Of all random choices.
        factor: Which label; ``None`` for the class.
        read: What reads the frames of a file, such as a `FrameCache`.

    Raises:
        ValueError: ``num_frames`` or ``stride`` below 1, no video, or a video without label.
    """

    def __init__(
        self,
        videos: VideoDataset,
        num_frames: int,
        augment: Augment | None = None,
        stride: int = 1,
        seed: int = 0,
        factor: str | None = None,
        read: ReadFrames = read_file,
    ) -> None:
        check_clip(num_frames, stride)
        self.videos = without_empty(videos)
        self.num_frames = num_frames
        self.stride = stride
        self.augment = augment
        self.seed = seed
        self._labels: list[int] = self.videos.targets(factor).tolist()
        self._read = read

    def __len__(self) -> int:
        """Number of videos, one sample each."""
        return len(self.videos)

    def __getitem__(self, key: SampleKey | int) -> TrainSample:
        """Read one sample; an ``int`` is that of epoch 0."""
        rng, epoch_key = sample_generator(self.seed, key, len(self))

        def choose(length: int) -> Indices:
            return train_indices(length, self.num_frames, self.stride, rng)

        clip, index = read_or_replace(self.videos, epoch_key.index, choose, rng, self._read)
        if self.augment is not None:
            with seeded(int(rng.integers(2**63))):
                clip = self.augment(clip)
        return TrainSample(clip.contiguous(), self._labels[index], index, index != epoch_key.index)


class EvalClips(Dataset[EvalSample]):
    """The clips and crops of every video, the same each time; nothing is replaced or dropped.

    Args:
        videos: What to evaluate on.
        num_frames: T, frames in a clip.
        stride: Frames from one frame of a clip to the next.
        size: Side of the crops in pixels.
        clips: ``"dense"``, ``"ten"`` or ``"centre"``, see `eval_indices`.
        crops: ``"centre"``, ``"five"`` or ``"five_flip"``, see `eval_crops`.

    Raises:
        ValueError: ``num_frames`` or ``stride`` below 1, or no video.
    """

    def __init__(
        self,
        videos: VideoDataset,
        num_frames: int,
        stride: int = 1,
        size: int = 128,
        clips: ClipStarts = "dense",
        crops: Crops = "centre",
    ) -> None:
        check_clip(num_frames, stride)
        self.videos = without_empty(videos)
        self.num_frames = num_frames
        self.stride = stride
        self.size = size
        self.clips, self.crops = clips, crops

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.videos)

    def __getitem__(self, index: int) -> EvalSample:
        """Read one video.

        Raises:
            VideoError: It cannot be read.
        """
        plans: list[tuple[Indices, bool]] = []

        def choose(length: int) -> Indices:
            starts = eval_indices(length, self.num_frames, self.stride, self.clips)
            needed, where = np.unique(starts, return_inverse=True)
            short = bool(np.ptp(starts[0]) < (self.num_frames - 1) * self.stride)
            plans.append((where.reshape(starts.shape), short))
            return needed

        side = eval_side(self.size, self.crops)
        frames = channels_first(read_file(self.videos[index], choose, side))
        ((where, short),) = plans
        crops = eval_crops(frames, self.size, self.crops)[:, :, torch.from_numpy(where)]
        clips = crops.permute(2, 0, 1, 3, 4, 5).flatten(0, 1).contiguous()  # (n, C, T, S, S)
        return EvalSample(clips, index, short)
