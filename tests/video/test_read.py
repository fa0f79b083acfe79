"""Reading and writing video files: exact frames, or an error that names file and cause."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import resize

from sdc_lib.video import (
    VideoError,
    VideoInfo,
    check_video,
    probe,
    read_clip,
    sample_clip,
    write_video,
)
from tests.conftest import (
    NumberedWriter,
    frame_numbers,
    numbered_frame,
    write_numbered_video,
)

read = importlib.import_module("sdc_lib.video.read")

FORMATS: dict[str, dict[str, Any]] = {
    "b_frames.mp4": {"bf": "3", "g": "12"},
    "one_gop.mp4": {"g": "250"},
    "intra.mp4": {"g": "1"},
    "fast_start.mp4": {"container_options": {"movflags": "faststart"}},
    "b_frames.mkv": {"bf": "3", "g": "12"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4_b.avi": {"codec": "mpeg4", "bf": "2"},
    "mpeg4_b.mp4": {"codec": "mpeg4", "bf": "2", "g": "12"},
    "h264_b.avi": {"bf": "2", "g": "12"},
    "hevc.mp4": {"codec": "libx265", "g": "12", "x265-params": "log-level=none"},
    "open_gop.mp4": {"x264-params": "open-gop=1:keyint=12:bframes=3"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "vp9.webm": {"codec": "libvpx-vp9", "g": "10"},
}
ORDERS = [
    list(range(40)),
    list(range(39, -1, -1)),
    list(range(0, 40, 3)),
    [39],
    [0, 0, 7, 7, 7, 3, 39, 39, 12],
    [38, 1, 20, 19, 21],
]


@pytest.fixture(scope="module", params=FORMATS)
def any_format(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name = str(request.param)
    return write_numbered_video(tmp_path_factory.mktemp("formats") / name, 40, **FORMATS[name])


def cut(path: Path, share: float, name: str = "cut") -> Path:
    data = path.read_bytes()
    target = path.with_name(f"{name}{path.suffix}")
    target.write_bytes(data[: int(len(data) * share)])
    return target


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_frames_are_exact_in_any_order(any_format: Path, order: list[int]) -> None:
    clip = read_clip(any_format, order)
    assert clip.dtype == torch.uint8
    assert clip.shape == (len(order), 48, 64, 3)
    assert frame_numbers(clip) == order


def test_probe_and_check_agree_on_a_whole_file(any_format: Path) -> None:
    info = probe(any_format)
    assert info == VideoInfo(any_format, 40, 25.0, 64, 48)
    assert info.duration == pytest.approx(1.6)
    assert check_video(any_format) == info


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95, 0.999])
def test_a_truncated_file_raises(any_format: Path, share: float) -> None:
    path = cut(any_format, share)
    for use in (probe, check_video, lambda file: read_clip(file, [0])):
        with pytest.raises(VideoError, match=r"truncated|not a readable video") as caught:
            use(path)
        assert caught.value.path == path
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["stream.ts", "stream.mpg"])
def test_a_container_without_index_never_yields_a_neighbour(tmp_path: Path, name: str) -> None:
    codec = "libx264" if name.endswith("ts") else "mpeg2video"
    whole = write_numbered_video(tmp_path / name, 60, codec=codec, g="12", bf="2")
    orders = ([0], [59], list(range(5, 20)), [30, 2, 45])
    assert [frame_numbers(read_clip(whole, order)) for order in orders] == list(orders)
    half = cut(whole, 0.5)
    for order in ([0], [20], list(range(5, 20)), [59]):
        try:
            numbers = frame_numbers(read_clip(half, order))
        except (VideoError, ValueError):
            continue
        assert numbers == order


@pytest.mark.parametrize("width", [32, 48, 96, 144])
def test_widths_that_decord_cannot_copy(tmp_path: Path, width: int) -> None:
    path = write_numbered_video(tmp_path / "narrow.mp4", 20, width=width)
    assert frame_numbers(read_clip(path, [19, 0, 6])) == [19, 0, 6]
    assert check_video(path).width == width


def test_damage_inside_a_file_is_found_by_the_whole_file_check(
    numbered_video: NumberedWriter,
) -> None:
    path = numbered_video("damaged.mp4", 60, g="12")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    data[start + 900 : start + 1500] = bytes(600)
    path.write_bytes(bytes(data))
    with pytest.raises(VideoError, match="damaged"):
        check_video(path)


def test_missing_empty_folder_and_text(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    (tmp_path / "noise.avi").write_bytes(np.random.default_rng(0).bytes(5000))
    causes = {
        "missing.mp4": "no such file",
        "empty.mp4": r"empty \(0 bytes\)",
        "folder.mp4": "not a file",
        "circle.mp4": "cannot be read: Too many levels of symbolic links",
        "text.mp4/inside.mp4": "cannot be read: Not a directory",
        "text.mp4": "not a readable video",
        "noise.avi": "not a readable video",
    }
    for name, cause in causes.items():
        for use in (probe, check_video, lambda file: read_clip(file, [0])):
            with pytest.raises(VideoError, match=cause) as caught:
                use(tmp_path / name)
            assert caught.value.path == tmp_path / name
            assert "\n" not in caught.value.cause
            assert str(tmp_path) not in caught.value.cause


def test_one_frame_and_odd_names(tmp_path: Path) -> None:
    name = "http:v_[a](b)! ü %03d.mp4"
    path = write_numbered_video(tmp_path / "a b" / name, 1)
    assert probe(path).num_frames == 1
    assert frame_numbers(read_clip(path, [0, 0])) == [0, 0]
    with pytest.raises(ValueError, match="has 1 frames"):
        read_clip(str(path), [1])


@pytest.mark.parametrize("codec", [{"codec": "mpeg4"}, {"pix_fmt": "yuv444p"}], ids=str)
def test_odd_sizes(tmp_path: Path, codec: dict[str, Any]) -> None:
    path = write_numbered_video(tmp_path / "odd.mp4", 20, height=51, width=73, **codec)
    assert read_clip(path, [19, 3]).shape == (2, 51, 73, 3)
    assert frame_numbers(read_clip(path, [19, 3])) == [19, 3]


def test_short_side_keeps_the_aspect_ratio(numbered_video: NumberedWriter) -> None:
    wide = numbered_video("wide.mp4", 10, height=48, width=96)
    tall = numbered_video("tall.mp4", 10, height=96, width=48)
    assert read_clip(wide, [1, 9], short_side=24).shape == (2, 24, 48, 3)
    assert read_clip(tall, [1, 9], short_side=24).shape == (2, 48, 24, 3)
    assert frame_numbers(read_clip(wide, [9, 1], short_side=96)) == [9, 1]
    assert torch.equal(read_clip(wide, [3], short_side=48), read_clip(wide, [3]))


def test_choosing_by_length(numbered_video: NumberedWriter) -> None:
    path = numbered_video(num_frames=23)
    assert frame_numbers(sample_clip(path, lambda n: [n - 1, n // 2, 0])) == [22, 11, 0]


def test_written_files_read_back(tmp_path: Path) -> None:
    frames = np.stack([numbered_frame(number) for number in range(30)])
    write_video(tmp_path / "array.mp4", frames, fps=12.5, crf=10, gop=5)
    write_video(tmp_path / "list.mkv", (torch.from_numpy(frame) for frame in frames))
    for name, fps in (("array.mp4", 12.5), ("list.mkv", 25.0)):
        info = check_video(tmp_path / name)
        assert (info.num_frames, info.width, info.height) == (30, 64, 48)
        assert info.fps == pytest.approx(fps)
        assert frame_numbers(read_clip(tmp_path / name, [29, 0, 13])) == [29, 0, 13]
    difference = read_clip(tmp_path / "array.mp4", range(30)).int() - torch.from_numpy(frames)
    assert difference.abs().float().mean() < 3


def test_colours_survive(tmp_path: Path) -> None:
    red = np.zeros((8, 32, 32, 3), np.uint8)
    red[..., 0] = 200
    write_video(tmp_path / "red.mp4", red)
    mean = read_clip(tmp_path / "red.mp4", [4]).float().mean(dim=(0, 1, 2))
    assert torch.allclose(mean, torch.tensor([200.0, 0.0, 0.0]), atol=12)


@pytest.mark.parametrize(
    ("frames", "cause"),
    [
        (np.zeros((0, 8, 8, 3), np.uint8), "no frames"),
        (np.zeros((2, 9, 8, 3), np.uint8), "8 x 9 pixels"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"uint8 \(8, 8, 4\)"),
        (np.zeros((2, 8, 8, 3), np.float32), "float32"),
    ],
)
def test_writing_refuses_and_leaves_nothing(tmp_path: Path, frames: Any, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        write_video(tmp_path / "bad.mp4", frames)
    with pytest.raises(ValueError, match="fps is 0"):
        write_video(tmp_path / "bad.mp4", np.zeros((1, 8, 8, 3), np.uint8), fps=0)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(numbered_video: NumberedWriter) -> None:
    path = numbered_video()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="all must be uint8"):
        write_video(path, [numbered_frame(0), numbered_frame(1)[:24]])
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_error_survives_pickling(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(VideoError(tmp_path / "a.mp4", "empty")))
    assert (error.path, error.cause) == (tmp_path / "a.mp4", "empty")
    assert str(error) == f"{tmp_path / 'a.mp4'}: empty"


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.ts"])
def test_blocks_change_nothing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = {"a.avi": "mjpeg"}.get(name, "libx264")
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_numbered_video(tmp_path / name, 30, codec=codec, pix_fmt=pix_fmt)
    order = [29, 0, 7, 7, 8, 20]
    before = read_clip(path, order), read_clip(path, order, short_side=24)
    monkeypatch.setattr(read, "_BLOCK_BYTES", 2 * 48 * 64 * 3)
    after = read_clip(path, order), read_clip(path, order, short_side=24)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert frame_numbers(after[1]) == order


def test_reading_small_is_what_resizing_later_gives(numbered_video: NumberedWriter) -> None:
    path = numbered_video(height=90, width=126)
    frames = read_clip(path, range(5))
    later = resize(frames.permute(0, 3, 1, 2), [64], antialias=True).permute(0, 2, 3, 1)
    assert torch.equal(read_clip(path, range(5), short_side=64), later)


def test_more_than_fits_is_named(
    numbered_video: NumberedWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered_video()
    monkeypatch.setattr(read, "_MOST_BYTES", 30 * 48 * 64 * 3)
    assert len(read_clip(path, range(30))) == 30
    with pytest.raises(VideoError, match=r"31 frames of 64 x 48 pixels take 0\.0 GB, more than"):
        read_clip(path, range(31))
    assert len(read_clip(path, range(40), short_side=24)) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.parametrize("name", ["a.ts", "a.mp4"])
def test_reading_goes_on_in_forked_processes(tmp_path: Path, name: str) -> None:
    """PyAV 19 keeps converters by thread, with helper threads that a fork leaves behind."""
    path = write_numbered_video(tmp_path / name, 5, height=480, width=640)
    assert frame_numbers(read_clip(path, [4])) == [4]
    child = multiprocessing.get_context("fork").Process(target=read_clip, args=(path, [3]))
    child.start()
    child.join(60)
    ended = child.exitcode
    child.kill()
    assert ended == 0
