"""The clip explorer: the six views of the library."""

from __future__ import annotations

import pytest
import torch

from sdc_lib import explore
from sdc_lib.views import frame_difference, static_view
from tests.explore.examples import (
    clip_explorer,
    noise_clip,
)


def test_the_clip_explorer_builds_the_six_views_of_the_library() -> None:
    explorer = clip_explorer()
    explorer.stride.value, explorer.frozen.value, explorer.boundary.value = 2.0, 1, "zero"
    v1, v2, s1, _, d1, d2 = explorer.views
    torch.testing.assert_close(s1, static_view(v1, 1))
    torch.testing.assert_close(d1, frame_difference(v1, "zero"))
    torch.testing.assert_close(d2, frame_difference(v2, "zero"))
    once = explore.ClipExplorer(noise_clip(20)[::2], num_frames=4, size=16)
    torch.testing.assert_close(v1, once.views[0])
    assert "video frames 0 to 14" in explorer.describe()


def test_the_clip_explorer_needs_two_clips_and_limits_the_stride_to_them() -> None:
    with pytest.raises(ValueError, match="need 8 frames, the video has 7"):
        explore.ClipExplorer(noise_clip(7), num_frames=4, size=16)
    assert explore.ClipExplorer(noise_clip(8), num_frames=4, size=16).stride.max == 1.0
