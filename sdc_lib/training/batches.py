"""From a data set of videos to batches: which video when, on which rank, in which process.

The plan of a run is a pure function of the seed: epoch e visits a permutation drawn from
``(seed, e)``, cut into global batches, each cut into one contiguous share a rank. So two ranks with
half the batch each see exactly what one process would see, and a run resumes at any step without
replaying anything.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, default_collate

from sdc_lib.augment import ClipAugment, finish_pairs
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips, PairSample
from sdc_lib.datasets.frames import SampleKey, epoch_order
from sdc_lib.datasets.reading import FrameCache
from sdc_lib.features.stored import FeatureSample, StoredPairs
from sdc_lib.support.memory import fitting_workers
from sdc_lib.support.workers import start_worker


class PixelBatch(NamedTuple):
    """B videos, augmented, still bytes; `SixViews` takes the first two."""

    clips: Tensor
    """uint8, ``(B, 2, C, T, H, W)``."""
    stills: Tensor
    """uint8, ``(B, 2, C, 1, H, W)``."""
    indices: Tensor
    """Which videos were read, ``(B,)``."""
    replaced: Tensor
    """Which of them stand in for one that could not be read, ``(B,)``, boolean."""
    draws: Tensor = torch.empty(0)
    """``(B, 2, 2, 14)``: what `to_device` has yet to augment; empty for nothing."""


class FeatureBatch(NamedTuple):
    """Stored features of the six views of B videos; `SixFeatures` takes the first two."""

    pooled: Tensor
    """``(B, 6, D)``."""
    local: Tensor
    """``(B, 6, D, T', H', W')``."""
    indices: Tensor
    """Which videos were read, ``(B,)``."""
    replaced: Tensor
    """Which of them stand in for one that could not be read, ``(B,)``, boolean."""


Batch = PixelBatch | FeatureBatch


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device, with its augmentation finished there if that is still to be done."""
    first, second = (part.to(device, non_blocking=device.type == "cuda") for part in batch[:2])
    if isinstance(batch, PixelBatch) and batch.draws.numel():
        first = finish_pairs(first, batch.draws[:, 0])
        second = finish_pairs(second, batch.draws[:, 1])
    return type(batch)(first, second, batch.indices, batch.replaced)


class BatchPlan(Sampler[list[SampleKey]]):
    """The batches of one rank from `first_step` to the end of the run.

    Args:
        num_samples: Videos in the data set.
        batch_size: Videos a batch and rank.
        seed: Of the order.
        epochs: Passes over the data set.
        accumulate: Batches a step.
        rank: This process.
        world_size: All processes.

    Attributes:
        steps_per_epoch: Steps in an epoch; what does not fill a whole step is left out of it.
        first_step: Where iteration begins; set it to resume.
        last_step: Where iteration ends, the end of the run by default.

    Raises:
        ValueError: If the data set is too small for a single step.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        *,
        seed: int,
        epochs: int,
        accumulate: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.global_batch = batch_size * world_size
        self.steps_per_epoch = num_samples // (self.global_batch * accumulate)
        if self.steps_per_epoch < 1:
            raise ValueError(
                f"{num_samples} videos do not fill one step of {batch_size} (batch size) x "
                f"{accumulate} (accumulated) x {world_size} (processes); use a smaller batch size"
            )
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.accumulate = accumulate
        self.rank = rank
        self.first_step = 0
        self._epoch, self._order = -1, np.empty(0, np.int64)
        self.last_step = epochs * self.steps_per_epoch

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The order in which an epoch visits the videos, the same on all ranks."""
        return epoch_order(self.seed, epoch, self.num_samples)

    def __len__(self) -> int:
        """Number of batches from `first_step` to `last_step`."""
        return max(0, self.last_step - self.first_step) * self.accumulate

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Yield the keys of one batch after another."""
        for step in range(self.first_step, self.last_step):
            for part in range(self.accumulate):
                yield self.keys(step, part)

    def shown(self, number: int) -> list[int]:
        """Positions of the videos of a batch, by its number from `first_step` on."""
        step, part = divmod(number, self.accumulate)
        return [key.index for key in self.keys(self.first_step + step, part)]

    def keys(self, step: int, part: int = 0) -> list[SampleKey]:
        """What this rank reads for one batch of a step."""
        epoch = step // self.steps_per_epoch
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.order(epoch)
        batch = step % self.steps_per_epoch * self.accumulate + part
        start = batch * self.global_batch + self.rank * self.batch_size
        return [SampleKey(epoch, int(i)) for i in self._order[start : start + self.batch_size]]


def make_plan(
    config: PretrainConfig, num_samples: int, rank: int = 0, world_size: int = 1
) -> BatchPlan:
    """The batches of a run.

    Args:
        config: Of the run.
        num_samples: Videos in the data set.
        rank: This process.
        world_size: All processes.

    Raises:
        ValueError: If the videos do not fill a single step, or a batch is a single video.
    """
    plan = BatchPlan(
        num_samples,
        config.optim.batch_size,
        seed=config.seed,
        epochs=config.optim.epochs,
        accumulate=config.optim.accumulate,
        rank=rank,
        world_size=world_size,
    )
    if plan.global_batch < 2:
        raise ValueError(
            "optim.batch_size is 1; a single video has nothing to be told apart from: use 2 or more"
        )
    return plan


def collate(samples: Sequence[PairSample] | Sequence[FeatureSample]) -> Batch:
    """Stack samples into a batch of their kind."""
    kind = PixelBatch if isinstance(samples[0], PairSample) else FeatureBatch
    return kind(*default_collate(list(samples)))


def make_pairs(
    config: PretrainConfig, videos: VideoDataset, device: torch.device | None = None
) -> PairClips:
    """The samples of pretraining: two consecutive clips of a video and two stills of them.

    Args:
        config: Of the run; ``data.augment_on`` says where flips and colours are changed.
        videos: What to take clips from.
        device: Where the network runs, the CPU by default; ``"auto"`` looks at it.
    """
    data, device = config.data, device or torch.device("cpu")
    on_device = data.augment_on == "device" or (data.augment_on == "auto" and device.type == "cuda")
    return PairClips(
        videos,
        data.num_frames,
        max_stride=data.max_stride,
        own_strides=data.own_strides,
        same_frames=data.same_frames,
        augment=ClipAugment(data.augment),
        seed=config.seed,
        short_videos=data.short_videos,
        read=FrameCache(data.cache_mb),
        crop_only=on_device,
    )


def make_loader(
    samples: PairClips | StoredPairs,
    plan: BatchPlan,
    workers: int,
    *,
    pin_memory: bool = False,
) -> "DataLoader[Batch]":
    """One loader for the whole run: workers start once and read ahead across epochs.

    Args:
        samples: Clips, or stored features.
        plan: Which batches.
        workers: Wanted processes; -1 for one a core that is left. Never more than there are cores,
            nor than shared memory holds batches for.
        pin_memory: Copy batches to page-locked memory, for a GPU.

    Returns:
        A loader of `PixelBatch` or `FeatureBatch`; to be read with `read_ahead`.
    """
    workers, prefetch = fitting_workers(workers, plan.batch_size * samples.sample_bytes())
    return DataLoader(
        samples,  # type: ignore[arg-type]  # typed by what it yields after collate
        batch_sampler=plan,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=start_worker,
        prefetch_factor=prefetch if workers else None,
    )
