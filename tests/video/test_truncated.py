"""A file is cut short if what its header states is missing, not if something follows."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sdc_lib.video import VideoError, check_video, read_clip
from sdc_lib.video.truncated import stated_size
from tests.conftest import frame_numbers, write_numbered_video


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mov", "a.webm"])
def test_the_stated_size_is_that_of_the_file(tmp_path: Path, name: str) -> None:
    codec = {"a.webm": "libvpx-vp9"}.get(name, "libx264")
    path = write_numbered_video(tmp_path / name, 20, codec=codec)
    assert stated_size(path) == path.stat().st_size
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VideoError, match="truncated"):
        read_clip(path, [0])


def test_other_files_state_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("0123456789abcdef")
    assert stated_size(tmp_path / "text") is None


@pytest.mark.parametrize(
    "tail", [b"\0" * 7, b"8db42d694ccc418790edff439fe026bf" * 9, b"text" * 200]
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.avi"])
def test_data_behind_the_end_is_no_damage(tmp_path: Path, name: str, tail: bytes) -> None:
    path = write_numbered_video(tmp_path / name, 20, codec="mjpeg", pix_fmt="yuvj420p")
    with path.open("ab") as file:
        file.write(tail)
    assert frame_numbers(read_clip(path, [19, 0])) == [19, 0]
    assert check_video(path).num_frames == 20


def test_the_size_of_the_whole_file_in_place_of_the_content(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.avi", 20, codec="mpeg4")
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", len(data))
    path.write_bytes(bytes(data))
    assert check_video(path).num_frames == 20
    path.write_bytes(bytes(data[:-4]))
    with pytest.raises(VideoError, match="truncated"):
        check_video(path)
