"""Means over the clips of each video."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sdc_lib.features.means import VideoMeans


def test_means_are_those_of_each_video_however_clips_are_batched() -> None:
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 5.0], [2.0, 0.0]])
    videos = torch.tensor([0, 0, 2, 2])
    expected = torch.tensor([[2.0, 3.0], [0.0, 0.0], [3.5, 2.5]], dtype=torch.float64)
    for size in (1, 3, 4):
        means = VideoMeans(3)
        for some, owners in zip(rows.split(size), videos.split(size), strict=True):
            means.add(some, owners)
        assert_close(means.result(), expected)
        assert means.counts.tolist() == [2, 0, 2]


def test_without_clips_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no clips"):
        VideoMeans(2).result()
