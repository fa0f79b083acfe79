"""What training with labels needs beyond a clip: its augmentation, and the order of an epoch."""

from collections.abc import Iterator
from contextlib import closing
from itertools import compress
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torchvision.transforms import v2

from sdc_lib.augment import ClipAugment
from sdc_lib.datasets.clips import TrainClips
from sdc_lib.datasets.frames import SampleKey, epoch_order
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.support.memory import fitting_workers
from sdc_lib.support.workers import start_worker
from sdc_lib.training.alarms import TrainingError


class TrainAugment:
    """Crop of 20 to 100% of the area, colour jitter for 30% of the clips, flip; for all frames.

    Args:
        size: Side of the output, pixels.
        flip: Probability of a left-right flip.
    """

    def __init__(self, size: int, flip: float = 0.5) -> None:
        self.size = size
        jitter = v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.3)
        crop = v2.RandomResizedCrop(size, scale=(0.2, 1), ratio=(3 / 4, 4 / 3), antialias=True)
        self._transform = v2.Compose([crop, jitter, v2.RandomHorizontalFlip(flip)])

    def __call__(self, clip: Tensor) -> Tensor:
        """Augment uint8 ``(C, T, H, W)``."""
        out: Tensor = self._transform(clip.transpose(0, 1))
        return out.transpose(0, 1)


class EpochOrder(Sampler[list[SampleKey]]):
    """Batches of one epoch in an order drawn from (seed, epoch); a single last video joins another.

    Args:
        num_samples: Videos.
        batch_size: Videos a batch.
        seed: Of the run.
        epoch: Which epoch.
    """

    def __init__(self, num_samples: int, batch_size: int, seed: int, epoch: int) -> None:
        order = epoch_order(seed, epoch, num_samples)
        keys = [SampleKey(epoch, int(index)) for index in order]
        self._batches = [keys[i : i + batch_size] for i in range(0, num_samples, batch_size)]
        if len(self._batches) > 1 and len(self._batches[-1]) == 1:
            last = self._batches.pop()  # BatchNorm has no variance for a single row
            self._batches[-1] += last

    def shown(self, number: int) -> list[int]:
        """Positions of the videos of a batch."""
        return [key.index for key in self._batches[number]]

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """The batches."""
        return iter(self._batches)

    def __len__(self) -> int:
        """How many batches."""
        return len(self._batches)


class Replaced:
    """Samples of a training that stand in for videos that could not be read.

    Args:
        allowed: The share of an epoch's samples that may be replaced.

    Attributes:
        count: How many were, in all epochs.
        names: The videos that could not be read, in the order in which that was noticed.
    """

    def __init__(self, allowed: float) -> None:
        self.allowed = allowed
        self.count = 0
        self.names: dict[str, None] = {}

    def check(self, of_epoch: int, samples: int) -> None:
        """Refuse to go on where an epoch of so many samples has had more replaced than it may.

        Raises:
            TrainingError: If the share is larger.
        """
        share = of_epoch / samples
        if share > self.allowed:
            raise TrainingError(
                f"samples of this epoch replaced because their videos cannot be read: {of_epoch}, "
                f"{share:.1%} of all; at most {self.allowed:.1%} are allowed (max_replaced). "
                f"The first is {next(iter(self.names))}; find them with `sdc data check`"
            )


def epoch_batches(
    samples: TrainClips, order: EpochOrder, workers: int, replaced: Replaced
) -> Iterator[Any]:
    """The batches of one epoch, each a `TrainSample` of stacked fields, read in worker processes.

    Args:
        samples: The videos.
        order: Which ones a batch holds.
        workers: Processes that decode, at most as many as shared memory holds batches for; 0
            decodes here.
        replaced: Counts videos that could not be read.

    Raises:
        VideoError: Ten videos in a row cannot be read, or a process died.
        TrainingError: Too many videos cannot be read.
    """
    workers, prefetch = fitting_workers(workers, len(order.shown(0)) * _clip_bytes(samples))
    loader: DataLoader[Any] = DataLoader(
        samples,
        batch_sampler=order,
        num_workers=workers,
        worker_init_fn=start_worker,
        prefetch_factor=prefetch if workers else None,
    )
    of_epoch = 0
    with closing(read_ahead(loader, samples.videos, order.shown)) as batches:
        for number, batch in enumerate(batches):
            broken = compress(order.shown(number), batch.replaced)
            names = [samples.videos[index].name for index in broken]
            replaced.names |= dict.fromkeys(names)
            replaced.count += len(names)
            of_epoch += len(names)
            replaced.check(of_epoch, len(samples))
            yield batch


def _clip_bytes(samples: TrainClips) -> int:
    """Bytes of one augmented clip; 0 where frames keep their size and nobody knows."""
    augment = samples.augment
    if isinstance(augment, ClipAugment):
        return 3 * samples.num_frames * augment.config.size**2
    return 3 * samples.num_frames * augment.size**2 if isinstance(augment, TrainAugment) else 0
