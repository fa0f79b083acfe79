"""Clips as the loader sees them: the right frames, reproducible, whatever breaks."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sdc_lib.augment import ClipAugment
from sdc_lib.config import AugmentConfig
from sdc_lib.datasets import (
    EvalClips,
    PairClips,
    SampleKey,
    TrainClips,
    VideoDataset,
    VideoFile,
)
from sdc_lib.video import VideoError
from tests.conftest import frame_numbers, write_numbered_video

LENGTHS = [40, 60, 25, 50, 12, 16]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    root = tmp_path_factory.mktemp("clips")
    files = []
    for i, length in enumerate(LENGTHS):
        path = write_numbered_video(root / f"{i}.mp4", length)
        files.append(VideoFile(path, path.name, i % 2, factors={"size": i % 3}))
    return VideoDataset("toy", root, "train", files, ("a", "b"), {"size": ("s", "m", "l")})


def known_lengths(videos: VideoDataset) -> VideoDataset:
    files = [
        VideoFile(f.path, f.name, f.label, num_frames=n)
        for f, n in zip(videos, LENGTHS, strict=True)
    ]
    return VideoDataset("toy", videos.root, "train", files, videos.class_names)


def numbers(clip: Tensor) -> list[int]:
    return frame_numbers(clip.permute(1, 2, 3, 0))


def test_a_pair_is_two_consecutive_clips_and_a_frame_of_each(videos: VideoDataset) -> None:
    pairs = PairClips(videos, 8)
    positions = set()
    for epoch in range(12):
        sample = pairs[SampleKey(epoch, 1)]
        assert sample.clips.shape == (2, 3, 8, 48, 64)
        assert sample.stills.shape == (2, 3, 1, 48, 64)
        assert sample.clips.dtype == torch.uint8
        assert (sample.index, sample.replaced) == (1, False)
        first, second = numbers(sample.clips[0]), numbers(sample.clips[1])
        steps = np.diff(first + second)
        assert steps.min() >= 1
        assert steps.max() <= 3
        assert steps.max() - steps.min() <= 1
        (still_1,), (still_2,) = numbers(sample.stills[0]), numbers(sample.stills[1])
        assert first.index(still_1) == second.index(still_2)
        positions.add(first.index(still_1))
    assert len(positions) > 3


def test_samples_depend_on_seed_epoch_and_index_alone(videos: VideoDataset) -> None:
    augment = ClipAugment(AugmentConfig(size=16))
    pairs = PairClips(videos, 4, augment=augment, seed=3)
    sample = pairs[SampleKey(2, 0)]
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = pairs[SampleKey(2, 0)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(sample.clips, again.clips)
    assert torch.equal(sample.stills, again.stills)
    other = PairClips(videos, 4, augment=augment, seed=4)
    for changed in (pairs[SampleKey(3, 0)], other[SampleKey(2, 0)]):
        assert not torch.equal(sample.clips, changed.clips)
    assert torch.equal(pairs[0].clips, pairs[SampleKey(0, 0)].clips)


def test_clips_and_stills_are_augmented_apart(videos: VideoDataset) -> None:
    flips = []

    def augment(clip: Tensor) -> Tensor:
        flips.append((clip.shape[1], float(torch.rand(()))))
        return clip

    PairClips(videos, 4, augment=augment)[0]
    assert [length for length, _ in flips] == [4, 4, 1, 1]
    assert len({draw for _, draw in flips}) == 4


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_change_nothing(videos: VideoDataset, context: str) -> None:
    pairs = PairClips(videos, 4, augment=ClipAugment(AugmentConfig(size=16)))
    keys = [SampleKey(1, i) for i in (3, 0, 2, 1)]
    loader = DataLoader(
        pairs,
        batch_size=2,
        sampler=keys,
        num_workers=1,
        multiprocessing_context=context,
    )
    batches = list(loader)
    clips = torch.cat([batch.clips for batch in batches])
    assert torch.equal(clips, torch.stack([pairs[key].clips for key in keys]))
    assert torch.cat([batch.index for batch in batches]).tolist() == [3, 0, 2, 1]


def test_short_videos_of_known_length_are_dropped_and_said(videos: VideoDataset) -> None:
    pairs = PairClips(known_lengths(videos), 8)
    assert [file.name for file in pairs.videos] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert [out.name for out in pairs.left_out] == ["4.mp4", "5.mp4"]
    assert "12 frames" in pairs.left_out[0].cause
    assert "2 too short, first: 4.mp4 (12 frames" in pairs.summary()
    with pytest.raises(ValueError, match="6 too short"):
        PairClips(known_lengths(videos), 30)


def test_both_clips_can_show_the_same_frames(videos: VideoDataset) -> None:
    pairs = PairClips(known_lengths(videos), 8, same_frames=True)
    assert len(pairs) == len(videos)  # 12 frames are enough for one clip of 8
    for epoch in range(5):
        clips = pairs[SampleKey(epoch, 0)].clips
        assert torch.equal(clips[0], clips[1])
    augmented = PairClips(videos, 8, augment=ClipAugment(AugmentConfig(size=16)), same_frames=True)
    assert not torch.equal(*augmented[0].clips)


def test_short_videos_of_unknown_length_are_replaced(videos: VideoDataset) -> None:
    pairs = PairClips(videos, 8)
    assert len(pairs) == 6
    sample = pairs[SampleKey(0, 4)]
    assert sample.replaced
    assert sample.index in (0, 1, 2, 3)
    assert pairs[SampleKey(0, 4)].index == sample.index


def test_short_videos_are_padded_on_request(videos: VideoDataset) -> None:
    pairs = PairClips(known_lengths(videos), 8, short_videos="pad")
    assert len(pairs) == 6
    assert pairs.left_out == ()
    sample = pairs[4]
    assert not sample.replaced
    shown = numbers(sample.clips[0]) + numbers(sample.clips[1])
    assert (shown[0], shown[-1]) == (0, 11)
    assert sorted(set(shown)) == list(range(12))


def test_a_broken_video_is_replaced_and_reported(videos: VideoDataset, tmp_path: Path) -> None:
    whole = VideoFile(videos[1].path, "1.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(videos[0].path.read_bytes()[:-100])
    mixed = VideoDataset("m", tmp_path, "train", [VideoFile(broken, "broken.mp4"), whole])
    sample = PairClips(mixed, 8)[0]
    assert (sample.index, sample.replaced) == (1, True)
    assert PairClips(mixed, 8)[1].replaced is False
    alone = VideoDataset("m", tmp_path, "train", [VideoFile(broken, "broken.mp4")])
    with pytest.raises(VideoError, match=r"broken\.mp4: truncated.*10 videos in a row"):
        PairClips(alone, 8)[0]


def test_training_clips_carry_the_label_of_what_was_read(
    videos: VideoDataset, tmp_path: Path
) -> None:
    train = TrainClips(videos, 8, stride=2, augment=ClipAugment(AugmentConfig(size=16)))
    assert train[1].clip.shape == (3, 8, 16, 16)
    assert [train[i].label for i in range(6)] == [0, 1, 0, 1, 0, 1]
    assert [TrainClips(videos, 4, factor="size")[i].label for i in range(3)] == [0, 1, 2]
    plain = TrainClips(videos, 8, stride=2)
    starts = set()
    for epoch in range(8):
        shown = numbers(plain[SampleKey(epoch, 0)].clip)
        assert np.diff(shown).tolist() == [2] * 7
        starts.add(shown[0])
    assert len(starts) > 3
    (tmp_path / "gone.mp4").touch()
    files = [VideoFile(tmp_path / "gone.mp4", "gone.mp4", 0), VideoFile(videos[1].path, "b", 1)]
    mixed = VideoDataset("m", tmp_path, "train", files, ("a", "b"))
    sample = TrainClips(mixed, 8)[0]
    assert (sample.label, sample.index, sample.replaced) == (1, 1, True)


def test_evaluation_clips(videos: VideoDataset) -> None:
    dense = EvalClips(videos, 8, size=48)[0]
    assert dense.index == 0
    assert dense.clips.shape == (11, 3, 8, 48, 48)
    whole = EvalClips(videos, 8, stride=2, size=32, clips="ten", crops="five")[1]
    assert whole.clips.shape == (50, 3, 8, 32, 32)
    centre = EvalClips(videos, 4, size=48, clips="centre")[4].clips
    assert centre.shape == (1, 3, 4, 48, 48)


def test_evaluation_clips_show_the_frames_in_order(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "square.mp4", 12, height=64, width=64)
    square = VideoDataset("s", tmp_path, "test", [VideoFile(path, "square.mp4")])
    clips = EvalClips(square, 8, size=64)[0].clips
    shown = [numbers(clip) for clip in clips]
    assert shown == [list(range(start, start + 8)) for start in (0, 3)]


def test_evaluation_drops_nothing(videos: VideoDataset, tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").touch()
    mixed = VideoDataset("m", tmp_path, "t", [VideoFile(tmp_path / "gone.mp4", "gone.mp4")])
    with pytest.raises(VideoError, match="gone"):
        EvalClips(mixed, 8)[0]


def test_wrong_settings_are_refused(videos: VideoDataset) -> None:
    with pytest.raises(ValueError, match="num_frames is 0"):
        PairClips(videos, 0)
    with pytest.raises(ValueError, match=r"max_stride is 0\.5"):
        PairClips(videos, 8, max_stride=0.5)
    with pytest.raises(ValueError, match="short_videos is 'skip'"):
        PairClips(videos, 8, short_videos="skip")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride 0"):
        EvalClips(videos, 8, stride=0)
    with pytest.raises(ValueError, match="no video"):
        TrainClips(videos.subset([]), 8)
    with pytest.raises(IndexError, match="sample 6 of 6"):
        PairClips(videos, 8)[6]


def test_clip_data_sets_pickle(videos: VideoDataset) -> None:
    pairs = PairClips(videos, 4, augment=ClipAugment(AugmentConfig(size=16)))
    copy = pickle.loads(pickle.dumps(pairs))
    assert torch.equal(copy[2].clips, pairs[2].clips)


def test_files_without_frames_are_listed_and_labels_stay_with_theirs(
    videos: VideoDataset, tmp_path: Path
) -> None:
    empty = VideoFile(tmp_path / "empty.mp4", "empty.mp4", 1, num_frames=0)
    files = [VideoFile(file.path, file.name, file.label) for file in videos[:2]]
    mixed = VideoDataset("m", tmp_path, "train", [empty, *files], videos.class_names)
    for clips in (TrainClips(mixed, 4), EvalClips(mixed, 4)):
        assert [left.name for left in clips.videos.left_out] == ["empty.mp4"]
    assert [TrainClips(mixed, 4)[i].label for i in range(2)] == [0, 1]
