"""Which reader a file gets is decided from its packets, and every frame is the one asked for."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sdc_lib.video import VideoError, check_video, probe, read_clip
from sdc_lib.video.transcode import transcode
from tests.conftest import frame_numbers, write_numbered_video
from tests.video.files import (
    DATA,
    add_stream,
    lie_about_frames,
    reference,
    write_growing_mjpeg,
    write_live,
    write_trimmed,
    write_two_streams,
    wrong_frames,
)


def write_x264(path: Path, parameters: str) -> Path:
    options: dict[str, Any] = {"x264-params": parameters}
    return write_numbered_video(path, **options)


IN_ORDER: dict[str, Callable[[Path], Path]] = {
    "no_b.avi": lambda path: write_numbered_video(path, g="12", bf="0"),
    "refresh.mp4": lambda path: write_x264(path, "intra-refresh=1:keyint=12:bframes=0:scenecut=0"),
    "open_gop.mkv": lambda path: write_x264(path, "open-gop=1:keyint=12:bframes=3:b-adapt=0"),
    "live.webm": lambda path: write_live(path, "webm", "libvpx-vp9"),
    "live.mkv": lambda path: write_live(path, "matroska", "libx264"),
    "raw.h264": lambda path: write_live(path, "h264", "libx264"),
    "vp8.webm": lambda path: write_numbered_video(path, codec="libvpx", g="12"),
    "cover.mkv": lambda path: write_two_streams(path, "mjpeg"),
    "tracks.mp4": lambda path: write_two_streams(path, "libx264"),
    "annexb.ts": lambda path: write_numbered_video(path, g="12", bf="2"),
}


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_cannot_be_sought_is_read_in_order(tmp_path: Path, name: str) -> None:
    path = IN_ORDER[name](tmp_path / name)
    info = probe(path)
    assert (info.access, info.num_frames, info.width, info.height) == ("order", 40, 64, 48)
    assert [frame_numbers(read_clip(path, [i]))[0] for i in range(0, 40, 3)] == [*range(0, 40, 3)]
    assert frame_numbers(read_clip(path, [30, 2, 2, 39])) == [30, 2, 2, 39]
    assert check_video(path) == info


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"bf": "3", "g": "12"}),
        ("a.mkv", {"bf": "0", "g": "12"}),
        ("a.mov", {"codec": "libx265", "g": "12", "x265-params": "open-gop=0:log-level=none"}),
        ("a.webm", {"codec": "libvpx-vp9", "g": "12"}),
    ],
)
def test_what_can_be_sought_is(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = write_numbered_video(tmp_path / name, **options)
    assert probe(path).access == "seek"
    assert wrong_frames(path, [39, 0, 13, 12, 11, 25]) == []


@pytest.mark.parametrize("name", ["trim.mp4", "trim.mov"])
@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_trims_by_edit_list(tmp_path: Path, name: str, b_frames: str) -> None:
    path = write_trimmed(tmp_path / name, 5, bf=b_frames, g="30")
    assert probe(path).access == "order"
    assert probe(path).num_frames == len(reference(path)) == 35
    assert frame_numbers(read_clip(path, [34, 0, 17])) == [39, 5, 22]
    transcode(path, tmp_path / "copy.mp4")
    assert frame_numbers(read_clip(tmp_path / "copy.mp4", [34, 0, 17])) == [39, 5, 22]


def test_another_size_from_some_frame_on_is_scaled_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    small = write_numbered_video(tmp_path / "small.ts", 20, g="12")
    large = write_numbered_video(tmp_path / "large.ts", 20, height=72, width=96, g="12")
    path.write_bytes(small.read_bytes() + large.read_bytes())
    for file, numbers in ((path, [19, 0, 19]), (write_growing_mjpeg(tmp_path / "a.avi"), [39, 20])):
        assert probe(file).num_frames == 40
        last = read_clip(file, [39, 20, 39][: len(numbers)])
        assert last.shape[1:] == (48, 64, 3)
        assert frame_numbers(last) == numbers
        assert check_video(file).num_frames == 40


@pytest.mark.parametrize("name", ["cover.mkv", "tracks.mp4"])
def test_the_copy_is_of_the_stream_that_is_read(tmp_path: Path, name: str) -> None:
    path = IN_ORDER[name](tmp_path / name)
    transcode(path, tmp_path / "copy.mp4")
    assert frame_numbers(read_clip(tmp_path / "copy.mp4", [39, 1])) == [39, 1]


def test_huge_frames_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_numbered_video(tmp_path / "huge.mp4", 5)
    assert probe(path).access == "seek"
    monkeypatch.setattr("sdc_lib.video.info._LARGEST_SOUGHT", 64 * 48 - 1)
    monkeypatch.setattr("sdc_lib.video.info._known", {})
    assert probe(path).access == "order"


@pytest.mark.parametrize(
    ("pixels", "options", "access"),
    [
        ("yuv420p", {}, "seek"),
        ("yuv420p10le", {}, "order"),
        ("yuv420p", {"flags": "+ildct+ilme", "x264-params": "tff=1"}, "order"),
    ],
    ids=["usual", "ten bits", "interlaced"],
)
def test_a_frame_has_the_same_pixels_however_it_is_asked_for(
    tmp_path: Path, pixels: str, options: dict[str, str], access: str
) -> None:
    path = tmp_path / "noise.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (40, 120, 160, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = add_stream(container, height=120, width=160, crf="10", **options)
        stream.pix_fmt = pixels
        for image in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert probe(path).access == access
    assert read_clip(path, [30])[0].equal(read_clip(path, range(40))[30])


def test_theora_in_ogg() -> None:
    path = DATA / "theora.ogv"
    assert (probe(path).num_frames, probe(path).fps) == (50, 25.0)
    assert wrong_frames(path, [0, 49, 12, 13]) == []


def test_lying_headers_are_named_and_allocate_nothing(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.avi", 40, codec="mjpeg", pix_fmt="yuvj420p")
    lie_about_frames(path, 2**31 - 1)
    for use in (probe, check_video, lambda file: read_clip(file, [0])):
        with pytest.raises(VideoError, match="lists 2147483647 frames, more than fit into"):
            use(path)
        with pytest.raises(VideoError, match="frame 0 is marked as corrupt"):
            use(DATA / "damaged.flv")


def test_nothing_but_errors_is_said_about_damaged_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = write_numbered_video(tmp_path / "a.mp4", 60, g="12", bf="2").read_bytes()
    start = whole.index(b"mdat") + 8
    for number, place in enumerate(range(start, start + 3000, 300)):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        with contextlib.suppress(VideoError):
            read_clip(path, [59, 3])
            check_video(path)
    assert capfd.readouterr() == ("", "")


def test_what_is_known_is_forgotten_when_the_file_changes(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.mp4", 10)
    assert probe(path).num_frames == 10
    shutil.copy(write_numbered_video(tmp_path / "b.mp4", 20), path)
    assert probe(path).num_frames == 20
