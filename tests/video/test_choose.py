"""Exact frames where time stamps are uneven, and from readers other than decord's own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch

from sdc_lib.training.run_folder import environment
from sdc_lib.video import VideoError, check_video, info, probe, read_clip, video_backend
from sdc_lib.video.choose import BACKENDS, open_reader
from sdc_lib.video.reader import SequentialReader, frames_in_order
from tests.conftest import frame_numbers, numbered_frame, write_numbered_video

INSTALLED = [
    name for name in BACKENDS if name == "decord" or importlib.util.find_spec("torchcodec")
]
ORDER = [29, 0, 13, 13, 5, 28, 6]
UNEVEN = [sum(2 + n * n % 7 for n in range(number)) for number in range(30)]
MJPEG: dict[str, Any] = {"codec": "mjpeg", "pix_fmt": "yuvj420p"}


def write_uneven(path: Path, times: Sequence[int], codec: str, **options: str) -> Path:
    """Numbered frames shown at ``times``, in hundredths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=100, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(params=INSTALLED)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each decoder that is installed, chosen by the setting."""
    monkeypatch.setenv("SDC_VIDEO_BACKEND", request.param)
    return str(request.param)


@pytest.mark.parametrize(
    ("name", "times", "options"),
    [
        ("uneven.mp4", UNEVEN, {"codec": "libx264", "bf": "2", "g": "12"}),
        ("uneven.mkv", UNEVEN, {"codec": "libx264", "g": "12"}),
        ("uneven.webm", UNEVEN, {"codec": "libvpx-vp9", "g": "10"}),
        ("late.mp4", [time + 250 for time in UNEVEN], {"codec": "libx264", "bf": "2"}),
    ],
)
def test_variable_frame_rate(
    backend: str, tmp_path: Path, name: str, times: list[int], options: dict[str, Any]
) -> None:
    path = write_uneven(tmp_path / name, times, **options)
    assert frame_numbers(read_clip(path, ORDER)) == ORDER
    assert frame_numbers(read_clip(path, range(30))) == list(range(30))
    assert check_video(path).num_frames == 30


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("b_frames.mp4", {"bf": "3", "g": "12"}),
        ("open_gop.mp4", {"x264-params": "open-gop=1:keyint=12:bframes=3"}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("mpeg4_b.avi", {"codec": "mpeg4", "bf": "2"}),
        ("mjpeg.avi", MJPEG),
        ("mjpeg.mkv", MJPEG),
        ("vp9.webm", {"codec": "libvpx-vp9", "g": "10"}),
        ("odd.mp4", {"height": 51, "width": 73, "pix_fmt": "yuv444p"}),
    ],
)
def test_every_backend_is_exact(
    backend: str, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    path = write_numbered_video(tmp_path / name, 30, **options)
    assert frame_numbers(read_clip(path, ORDER)) == ORDER
    assert frame_numbers(read_clip(path, [29])) == [29]
    assert check_video(path).num_frames == 30
    assert check_video(write_numbered_video(tmp_path / f"one_{name}", 1, **options)).num_frames == 1


def test_every_backend_refuses_what_is_cut_or_no_video(backend: str, tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "whole.mp4", 30)
    path.write_bytes(path.read_bytes()[:-50])
    (tmp_path / "text.mp4").write_text("no video" * 50)
    with pytest.raises(VideoError, match="truncated"):
        read_clip(path, [0])
    with pytest.raises(VideoError, match="not a readable video"):
        read_clip(tmp_path / "text.mp4", [0])


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mov"])
def test_motion_jpeg_is_read_by_packets(tmp_path: Path, name: str) -> None:
    path = write_numbered_video(tmp_path / name, 30, **MJPEG)
    assert probe(path).access == "packet"
    assert frame_numbers(read_clip(path, ORDER)) == ORDER
    assert (probe(path).num_frames, probe(path).fps) == (30, 25.0)
    assert np.array_equal(read_clip(path, [7])[0], read_clip(path, range(30))[7])


def test_dense_reading_is_in_order_where_decoders_would_seek(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.mp4", 30)
    assert probe(path).access == "seek"
    assert isinstance(open_reader(probe(path), dense=True), SequentialReader)
    assert not isinstance(open_reader(probe(path)), SequentialReader)


@pytest.mark.parametrize("width", [16, 72, 73, 90])
def test_motion_jpeg_of_any_width(tmp_path: Path, width: int) -> None:
    path = write_numbered_video(tmp_path / "a.mp4", 9, width=width, height=51, **MJPEG)
    ours = read_clip(path, [8, 0, 8]).numpy()
    assert ours.shape == (3, 51, width, 3)
    decoded = [frame.to_ndarray(format="rgb24") for frame in frames_in_order(path)]
    difference = ours.astype(int) - np.stack([decoded[index] for index in (8, 0, 8)])
    assert np.abs(difference).max() <= 3  # converters round differently


def test_motion_jpeg_without_an_index_goes_another_way(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.mkv", 30, **MJPEG)
    assert probe(path).access == "order"
    assert isinstance(open_reader(probe(path)), SequentialReader)


def test_motion_jpeg_whose_packets_are_gone_raises(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.mp4", 30, **MJPEG)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 3000] = bytes(3000)
    path.write_bytes(bytes(data))
    with pytest.raises(VideoError, match="damaged"):
        read_clip(path, [0, 1, 2])


def test_titles_in_unknown_encodings_are_no_damage(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.mkv", 5)
    data = path.read_bytes()
    assert b"Lavf" in data
    path.write_bytes(data.replace(b"Lavf", b"\xe9\xffvf"))
    assert frame_numbers(read_clip(path, [4, 1])) == [4, 1]
    assert check_video(path).num_frames == 5


def test_an_unknown_codec_is_a_video_error(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "a.avi", 5, **MJPEG)
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"zzzz"))
    with pytest.raises(VideoError, match=r"not a readable video|damaged"):
        check_video(path)
    with pytest.raises(VideoError, match=r"not a readable video|damaged"):
        read_clip(path, [0])


def test_only_so_many_files_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "_REMEMBERED", 2)
    monkeypatch.setattr(info, "_known", {})
    for number in range(5):
        assert probe(write_numbered_video(tmp_path / f"{number}.mp4", 2)).num_frames == 2
        assert len(info._known) <= 2


def test_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SDC_VIDEO_BACKEND", raising=False)
    assert video_backend() == "decord"
    assert environment(torch.device("cpu"))["video_backend"] == "decord"
    monkeypatch.setenv("SDC_VIDEO_BACKEND", "opencv")
    with pytest.raises(ValueError, match=r"'opencv'; it must be one of decord, torchcodec"):
        read_clip(write_numbered_video(tmp_path / "a.mp4", 2), [0])
    monkeypatch.setenv("SDC_VIDEO_BACKEND", "torchcodec")
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(ImportError, match="pip install torchcodec"):
        read_clip(tmp_path / "a.mp4", [0])


def test_torchcodec_is_called_as_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in, so that the adapter is tested where torchcodec is not installed."""
    frames = torch.stack([torch.from_numpy(numbered_frame(number)) for number in range(5)])

    class Decoder:
        def __init__(self, path: str, **options: object) -> None:
            assert Path(path).is_absolute()
            assert options == {"num_ffmpeg_threads": 1, "dimension_order": "NHWC"}

        def __len__(self) -> int:
            return len(frames)

        def get_frames_at(self, indices: list[int]) -> SimpleNamespace:
            return SimpleNamespace(data=frames[indices])

    monkeypatch.setenv("SDC_VIDEO_BACKEND", "torchcodec")
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", SimpleNamespace(VideoDecoder=Decoder))
    path = write_numbered_video(tmp_path / "a.mp4", 5)
    assert frame_numbers(read_clip(path, [4, 0])) == [4, 0]
    assert probe(path).fps == 25.0
