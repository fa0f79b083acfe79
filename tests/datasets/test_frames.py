"""Which frames make a clip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdc_lib.datasets.frames import eval_indices, pair_indices, train_indices


@given(
    length=st.integers(1, 300),
    num_frames=st.integers(1, 32),
    max_stride=st.floats(1, 4),
    seed=st.integers(0, 1000),
)
def test_pairs_stay_inside_and_keep_one_stride(
    length: int, num_frames: int, max_stride: float, seed: int
) -> None:
    indices = pair_indices(length, num_frames, max_stride, np.random.default_rng(seed))
    assert indices.shape == (2 * num_frames,)
    assert indices.dtype == np.int64
    assert indices.min() >= 0
    assert indices.max() < length
    steps = np.diff(indices)
    assert steps.min() >= 0
    assert steps.max() - steps.min() <= 1  # one fractional stride, rounded
    if length >= 2 * num_frames:
        assert steps.min() >= 1
        assert steps.max() <= np.ceil(max_stride)


def test_strides_and_starts_are_spread_out() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([pair_indices(100, 8, 3.0, rng) for _ in range(500)])
    strides = (drawn[:, -1] - drawn[:, 0]) / 15
    assert strides.min() < 1.1
    assert strides.max() > 2.9
    assert abs(strides.mean() - 2.0) < 0.1
    assert drawn[:, 0].min() == 0
    assert drawn.max() == 99


@given(length=st.integers(1, 100), num_frames=st.integers(2, 16), seed=st.integers(0, 1000))
def test_clips_with_strides_of_their_own_follow_each_other_inside(
    length: int, num_frames: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    indices = pair_indices(length, num_frames, 3.0, rng, own_strides=True)
    assert indices.min() >= 0
    assert indices.max() < length
    assert np.diff(indices).min() >= 0
    for clip in (indices[:num_frames], indices[num_frames:]):
        assert np.ptp(np.diff(clip)) <= 1


@given(length=st.integers(1, 100), num_frames=st.integers(1, 16), seed=st.integers(0, 1000))
def test_a_clip_to_be_shown_twice_keeps_one_stride(length: int, num_frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    indices = pair_indices(length, num_frames, 3.0, rng, same_frames=True)
    assert indices.shape == (num_frames,)
    assert indices.min() >= 0
    assert indices.max() < length
    if num_frames > 1:
        steps = np.diff(indices)
        assert np.ptp(steps) <= 1
        assert steps.min() >= (length >= num_frames)
        assert steps.max() <= 3


def test_strides_of_their_own_are_independent() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([pair_indices(100, 8, 3.0, rng, own_strides=True) for _ in range(500)])
    first, second = ((drawn[:, i + 7] - drawn[:, i]) / 7 for i in (0, 8))
    assert min(first.min(), second.min()) < 1.15
    assert max(first.max(), second.max()) > 2.85
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    together = np.stack([pair_indices(100, 8, 3.0, rng) for _ in range(50)])
    np.testing.assert_allclose(
        together[:, 7] - together[:, 0], together[:, 15] - together[:, 8], atol=1
    )


def test_the_stride_is_limited_by_the_length() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([pair_indices(24, 8, 3.0, rng) for _ in range(200)])
    strides = (drawn[:, -1] - drawn[:, 0]) / 15
    assert strides.max() <= 23 / 15 + 1 / 15
    exact = pair_indices(16, 8, 3.0, rng)
    assert exact.tolist() == list(range(16))


def test_a_short_video_moves_in_both_clips() -> None:
    indices = pair_indices(8, 8, 3.0, np.random.default_rng(0))
    assert indices[0] == 0
    assert indices[-1] == 7
    assert len(set(indices[:8].tolist())) >= 4
    assert len(set(indices[8:].tolist())) >= 4


def test_dense_clips_start_every_half_clip() -> None:
    clips = eval_indices(40, 16, 1, "dense")
    assert clips[:, 0].tolist() == [0, 7, 14, 21]
    assert clips[1].tolist() == list(range(7, 23))
    assert eval_indices(40, 4, 3, "dense")[:, 0].tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert eval_indices(3, 2, 1, "dense")[:, 0].tolist() == [0, 1]
    assert eval_indices(45, 16, 2, "dense").max() == 30  # 14 frames at the end are in no clip


def test_ten_and_centre_clips() -> None:
    ten = eval_indices(100, 10, 1, "ten")
    assert ten[:, 0].tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert ten[-1, -1] == 99
    assert eval_indices(41, 11, 2, "centre").tolist() == [list(range(10, 32, 2))]
    with pytest.raises(ValueError, match="'all'; it must be"):
        eval_indices(41, 11, 2, "all")  # type: ignore[arg-type]


@pytest.mark.parametrize("clips", ["dense", "ten", "centre"])
def test_short_videos_repeat_their_first_frame(clips: str) -> None:
    indices = eval_indices(5, 8, 1, clips)  # type: ignore[arg-type]
    assert (indices == [0, 0, 0, 0, 1, 2, 3, 4]).all()
    assert (eval_indices(1, 8, 3, clips) == 0).all()  # type: ignore[arg-type]


@given(st.integers(1, 100), st.integers(1, 20), st.integers(1, 5), st.integers(0, 99))
def test_training_clips(length: int, num_frames: int, stride: int, seed: int) -> None:
    indices = train_indices(length, num_frames, stride, np.random.default_rng(seed))
    assert indices.shape == (num_frames,)
    assert indices.min() >= 0
    assert indices.max() < length
    if length > (num_frames - 1) * stride:
        assert (np.diff(indices) == stride).all()
