"""Which videos MotionFactors consists of: sizes, splits, balanced pairs of labels, seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sdc_lib.datasets.motion_factors.sprites import APPEARANCES
from sdc_lib.datasets.motion_factors.world import MOTIONS

GENERATOR_VERSION = 2
SPLITS = ("train", "val", "test")
FPS = 25.0
_NUM_PAIRS = len(APPEARANCES) * len(MOTIONS)


@dataclass(frozen=True)
class Size:
    """How large the videos are and how many there are; counts are multiples of 100."""

    side: int
    num_frames: int
    train: int
    val: int
    test: int


SIZES: Mapping[str, Size] = {
    "tiny": Size(side=64, num_frames=48, train=1000, val=100, test=200),
    "standard": Size(side=128, num_frames=64, train=16000, val=2000, test=2000),
}


@dataclass(frozen=True)
class Planned:
    """One video to write: a row of ``annotations.csv``."""

    path: str
    split: str
    appearance: int
    motion: int
    seed: int


def plan(size: Size, seed: int) -> Iterator[Planned]:
    """All videos of a data set: every pair of labels equally often in each split, shuffled.

    Args:
        size: Counts.
        seed: Of order and of every video's own seed; splits share none.

    Raises:
        ValueError: A count is not a multiple of the number of pairs, 100.
    """
    for number, split in enumerate(SPLITS):
        count = int(getattr(size, split))
        if count % _NUM_PAIRS:
            raise ValueError(f"{split} has {count} videos; a multiple of {_NUM_PAIRS} is needed")
        rng = np.random.default_rng([seed, number])
        pairs = rng.permutation(np.arange(count) % _NUM_PAIRS).tolist()
        for i, pair in enumerate(pairs):
            own = int(np.random.SeedSequence([seed, number, i]).generate_state(1, np.uint64)[0])
            appearance, motion = divmod(pair, len(MOTIONS))
            yield Planned(f"{split}/{i:06d}.mp4", split, appearance, motion, own)


def size_named(size: str | Size) -> Size:
    """Return the size of that name, or the size itself.

    Raises:
        ValueError: Unknown name.
    """
    if isinstance(size, Size):
        return size
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; it must be one of {', '.join(SIZES)}")
    return SIZES[size]
