"""The check of a whole file compares what seeking finds with the frames in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sdc_lib.video import VideoError, check_video
from sdc_lib.video.choose import BACKENDS
from sdc_lib.video.other_decoders import DecordReader
from sdc_lib.video.reader import Frames
from tests.conftest import write_numbered_video


class Neighbour(DecordReader):
    """Finds the frame after the one asked for."""

    def read(self, indices: Sequence[int]) -> Frames:
        return super().read([min(index + 1, len(self) - 1) for index in indices])


def test_frames_of_other_positions_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_numbered_video(tmp_path / "a.mp4", 40, g="12")
    assert check_video(path).access == "seek"
    monkeypatch.setitem(BACKENDS, "decord", Neighbour)
    with pytest.raises(VideoError, match=r"seeking to frame \d+ finds frame \d+ instead"):
        check_video(path)
