"""Clips of a whole data set: what is wrong with one file is told with its name."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest
import torch

from sdc_lib.datasets.base import LeftOut, VideoDataset
from sdc_lib.datasets.clips import EvalClips, EvalSample
from sdc_lib.features import ClipSettings, ClipSource, extract_features
from sdc_lib.model import SDC
from sdc_lib.video import VideoError, probe
from tests.helpers.small_world import CLIPS

World = tuple[VideoDataset, VideoDataset]


def test_absurd_numbers_are_refused(world: World) -> None:
    for batch_size, workers, line in (
        (0, 0, "batch_size is 0; it must be from 1"),
        (-1, 0, "batch_size is -1"),
        (4, -1, "workers is -1; it must be from 0"),
    ):
        with pytest.raises(ValueError, match=line):
            ClipSource(world[1], CLIPS, batch_size, workers)
    with pytest.raises(ValueError, match="size is 0; it must be from 8 to 4096"):
        ClipSource(world[1], ClipSettings(4, 0))


def test_videos_shorter_than_a_clip_are_counted(world: World) -> None:
    videos = world[1]
    lengths = [probe(file.path).num_frames for file in videos]
    stride = (min(lengths) - 1) // 3  # the last frame of four just fits into the shortest
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(ClipSource(videos, ClipSettings(4, 16, stride)))
    longer = ClipSource(videos, ClipSettings(4, 16, stride + 1))
    for _ in range(2):
        with pytest.warns(UserWarning, match="shorter than a clip") as seen:
            assert list(longer)
        short = sum(length < 3 * (stride + 1) + 1 for length in lengths)
        assert f"{short} of {len(videos)} videos" in str(seen[0].message)
        assert f"(4 frames, {stride + 1} apart)" in str(seen[0].message)


def test_the_list_of_groups_is_made_once(world: World) -> None:
    made: list[str] = []

    class Counting(VideoDataset):
        @property
        def groups(self) -> tuple[str, ...]:
            made.append(self.name)
            return super().groups

    files = world[1].subset(range(4))
    videos = Counting("v", files.root, "all", files, files.class_names, files.factor_names)
    source = ClipSource(videos, CLIPS)
    made.clear()
    assert source.describe({}).groups == files.groups
    assert len(made) == 1


def test_no_video_left_names_the_first_cause(tmp_path: Path) -> None:
    empty = VideoDataset("v", tmp_path, "all", [], left_out=[LeftOut("a.mp4", "broken: cut")])
    with pytest.raises(ValueError, match=r"v/all has no videos to encode; a\.mp4: broken: cut"):
        ClipSource(empty, CLIPS)


def test_any_error_in_the_middle_names_the_file(
    model: SDC, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = EvalClips.__getitem__

    def broken(clips: EvalClips, index: int) -> EvalSample:
        if index == 2:
            raise MemoryError("cannot allocate\nanything")
        return read(clips, index)

    monkeypatch.setattr(EvalClips, "__getitem__", broken)
    features = extract_features(model, world[1], CLIPS, progress=False)
    assert (len(features), features.official) == (3, 4)
    (line,) = features.left_out
    assert line == f"{world[1][2].path}: MemoryError: cannot allocate"


@pytest.mark.slow
def test_a_worker_that_dies_names_the_file(
    model: SDC, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = EvalClips.__getitem__

    def killed(clips: EvalClips, index: int) -> EvalSample:
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(clips, index)

    monkeypatch.setattr(EvalClips, "__getitem__", killed)
    with pytest.raises(
        VideoError, match=r"00[12]\.mp4: a process .* ended here .*SIGKILL.*sdc data check"
    ) as error:
        extract_features(model, world[1], CLIPS, workers=1, progress=False)
    assert "\n" not in str(error.value)


def test_features_that_are_not_finite_name_the_video(model: SDC, world: World) -> None:
    with torch.no_grad():
        next(model.heads.codebooks["video"].parameters()).fill_(torch.inf)
    with pytest.raises(ValueError, match=r"the features of test/000\.mp4 are not finite"):
        extract_features(model, world[1], CLIPS, progress=False)
