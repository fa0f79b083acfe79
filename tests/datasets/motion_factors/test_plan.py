"""Plans of MotionFactors: balanced labels, sizes, seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sdc_lib.datasets.motion_factors import (
    SIZES,
    SPLITS,
    Size,
)
from sdc_lib.datasets.motion_factors.plan import Planned, name_of, plan


@pytest.mark.parametrize("name", SIZES)
def test_labels_and_pairs_are_balanced_in_every_split(name: str) -> None:
    size = SIZES[name]
    videos = list(plan(size, seed=0))
    for split, count in zip(SPLITS, (size.train, size.val, size.test), strict=True):
        pairs = Counter((v.appearance, v.motion) for v in videos if v.split == split)
        assert len(pairs) == 100
        assert set(pairs.values()) == {count // 100}
    assert len({video.path for video in videos}) == len(videos)


def unevenness(videos: list[Planned], *factors: str) -> int:
    """Largest difference between the counts of two scenes within any values of these factors."""
    counts: dict[tuple[int, ...], Counter[int]] = {}
    for video in videos:
        values = tuple(int(getattr(video, factor)) for factor in factors)
        counts.setdefault(values, Counter())[video.scene] += 1
    return max(
        max(found[s] for s in range(16)) - min(found[s] for s in range(16))
        for found in counts.values()
    )


@pytest.mark.parametrize("name", SIZES)
def test_scenes_are_balanced_as_far_as_counts_allow(name: str) -> None:
    videos = list(plan(SIZES[name], seed=0))
    for split in SPLITS:
        own = [video for video in videos if video.split == split]
        assert unevenness(own, "appearance", "motion") <= 1
        assert unevenness(own, "appearance") <= 1
        assert unevenness(own, "motion") <= 1
        assert unevenness(own) <= 2
        if len(own) % 1600 == 0:
            assert unevenness(own, "appearance", "motion") == 0


def test_what_is_uneven_in_one_split_says_nothing_about_another() -> None:
    """With one video a pair, its scene must not be the one that the pair has elsewhere."""
    small = Size(side=40, num_frames=3, train=100, val=100, test=100)
    scenes = [
        {(v.appearance, v.motion): v.scene for v in plan(small, seed) if v.split == split}
        for seed in range(4)
        for split in SPLITS
    ]
    agree = [
        np.mean([first[pair] == second[pair] for pair in first])
        for i, first in enumerate(scenes)
        for second in scenes[:i]
    ]
    assert np.mean(agree) == pytest.approx(1 / 16, abs=0.02)


def test_sizes_are_those_documented() -> None:
    assert SIZES["tiny"] == Size(64, 48, 1000, 100, 200)
    assert SIZES["small"] == Size(64, 48, 9000, 300, 600)
    assert SIZES["standard"] == Size(128, 64, 16000, 2000, 2000)


def test_sizes_have_names_of_their_own_in_records() -> None:
    names = {size: name_of(SIZES[size]) for size in SIZES}
    assert names["tiny"] == "motion-factors"
    assert names["small"] == "motion-factors-small"
    assert len(set(names.values())) == len(SIZES)
    toy, other = SIZES["toy"], Size(64, 48, 1000, 100, 300)
    assert name_of(toy, 7, "plain") == "motion-factors-toy-seed-7-plain"
    assert name_of(SIZES["tiny"], 7) == "motion-factors-seed-7"
    assert name_of(other) == "motion-factors-64px-48-frames-1000-100-300"


def test_no_nuisance_seed_is_used_twice() -> None:
    seeds = [video.seed for seed in (0, 1) for video in plan(SIZES["tiny"], seed)]
    assert len(set(seeds)) == len(seeds)


def test_a_count_that_cannot_be_balanced_is_refused() -> None:
    with pytest.raises(ValueError, match="val has 150 videos; a multiple of 100"):
        list(plan(Size(64, 48, 1000, 150, 200), 0))
