"""Which videos MotionFactors consists of: sizes, splits, balanced labels, seeds."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdc_lib.datasets.motion_factors.scenes import NUM_SCENES, Background
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES
from sdc_lib.datasets.motion_factors.tracks import MOTIONS

Ints = NDArray[np.int64]

GENERATOR_VERSION = 3
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
    "toy": Size(side=32, num_frames=36, train=100, val=100, test=100),
    "tiny": Size(side=64, num_frames=48, train=1000, val=100, test=200),
    "small": Size(side=64, num_frames=48, train=9000, val=300, test=600),
    "standard": Size(side=128, num_frames=64, train=16000, val=2000, test=2000),
}


@dataclass(frozen=True)
class Planned:
    """One video to write: a row of ``annotations.csv``."""

    path: str
    split: str
    appearance: int
    motion: int
    scene: int
    seed: int


def plan(size: Size, seed: int) -> Iterator[Planned]:
    """All videos of a data set: every pair of labels equally often in each split, shuffled.

    Scenes are balanced as far as counts allow, see `balanced_scenes`.

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
        pairs = rng.permutation(np.arange(count) % _NUM_PAIRS)
        scenes = balanced_scenes(pairs, rng).tolist()
        for i, pair in enumerate(pairs.tolist()):
            own = int(np.random.SeedSequence([seed, number, i]).generate_state(1, np.uint64)[0])
            appearance, motion = divmod(pair, len(MOTIONS))
            yield Planned(f"{split}/{i:06d}.mp4", split, appearance, motion, scenes[i], own)


def balanced_scenes(pairs: Ints, rng: np.random.Generator) -> Ints:
    """Give every video of a split a scene, balanced overall and within all labels and pairs.

    The n videos of a pair get n consecutive scenes, counted modulo 16. Where a pair begins shifts
    by a fixed step from one appearance to the next, and by another from one motion to the next: so
    the number of videos of two scenes differs by at most one within a pair, and by at most two
    within an appearance, a motion or the split. Which appearance, motion and scene comes first is
    drawn anew for every split: what is uneven in one says nothing about another.

    Args:
        pairs: Pair of labels of every video, ``10 * appearance + motion``, ``(N,)``.
        rng: Source of the three orders.

    Returns:
        Index into ``SCENES`` of every video, ``(N,)``.
    """
    rows, columns = rng.permutation(len(APPEARANCES)), rng.permutation(len(MOTIONS))
    names = rng.permutation(NUM_SCENES)
    down, across = _steps(len(pairs) // _NUM_PAIRS)
    seen = np.zeros(_NUM_PAIRS, np.int64)
    scenes = np.empty(len(pairs), np.int64)
    for i, pair in enumerate(pairs):
        appearance, motion = divmod(int(pair), len(MOTIONS))
        place = down * rows[appearance] + across * columns[motion] + seen[pair]
        scenes[i] = names[place % NUM_SCENES]
        seen[pair] += 1
    return scenes


@functools.cache
def _steps(videos_a_pair: int) -> tuple[int, int]:
    """The two steps that leave scenes least uneven, found by trying all."""

    def unevenness(steps: tuple[int, int]) -> list[int]:
        down, across = np.arange(len(APPEARANCES))[:, None, None], np.arange(len(MOTIONS))[:, None]
        place = steps[0] * down + steps[1] * across + np.arange(videos_a_pair % NUM_SCENES)
        counts = np.eye(NUM_SCENES, dtype=np.int64)[place % NUM_SCENES].sum(axis=2)  # (10, 10, 16)
        spreads = [np.ptp(counts.sum(axis=axes), axis=-1).max() for axes in ((0, 1), 0, 1)]
        return sorted(map(int, spreads), reverse=True)

    numbers = range(NUM_SCENES)
    return min(((down, across) for down in numbers for across in numbers), key=unevenness)


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


def name_of(size: Size, seed: int = 0, background: Background = "shared") -> str:
    """The data set's name in records: what differs from tiny in size, seed or scenes is told."""
    names = {known: name for name, known in SIZES.items()}
    counts = f"{size.train}-{size.val}-{size.test}"
    own = f"{size.side}px-{size.num_frames}-frames-{counts}"
    parts = (
        "" if size == SIZES["tiny"] else names.get(size, own),
        "" if seed == 0 else f"seed-{seed}",
        "" if background == "shared" else background,
    )
    return "-".join(["motion-factors", *filter(None, parts)])
