"""Preparing: small Motion JPEG copies with the same frames, layout and names."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sdc_lib.datasets import prepare as module
from sdc_lib.datasets.prepare import prepare
from sdc_lib.datasets.ucf101 import UCF101
from sdc_lib.video import VideoError, check_video, probe, read_clip, tasks, write_video
from sdc_lib.video.isolate import run_isolated
from sdc_lib.video.transcode import transcode
from tests.conftest import frame_numbers, write_numbered_video
from tests.datasets import trees
from tests.helpers.processes import ended_process

OWN = {".lock", "sdc_prepared.json"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Videos in several containers, an annotation file, a broken video, and things to ignore."""
    root = tmp_path / "source"
    write_numbered_video(root / "a" / "x [1].mp4", 12, height=96, width=128, bf="2")
    write_numbered_video(root / "b" / "y.avi", 12, codec="mpeg4", height=96, width=72)
    write_numbered_video(root / "b" / "z.mkv", 12, height=48, width=64)
    (root / "b" / "broken.mp4").write_bytes(b"not a video" * 30)
    (root / "lists").mkdir()
    for name in ("lists/train.txt", "all.zip", ".hidden", "sdc_manifest.csv"):
        (root / name).write_text("text")
    return root


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_layout_frames_and_report(source: Path, tmp_path: Path) -> None:
    done = prepare(source, tmp_path / "out", short_side=64, workers=1, progress=False)
    assert (done.made, done.kept, done.copied) == (3, 0, 1)
    assert [out.name for out in done.failed] == ["b/broken.mp4"]
    assert "1 videos cannot be prepared:\n  b/broken.mp4: not a readable video" in done.report()
    assert files(done.folder) == {
        "a/x [1].mp4",
        "b/y.avi",
        "b/z.mp4",
        "lists/train.txt",
        *OWN,
    }
    copies = [path for path in done.folder.rglob("*") if path.suffix in (".mp4", ".avi")]
    assert done.size_after == sum(path.stat().st_size for path in copies)
    for name, size in {"a/x [1].mp4": (88, 64), "b/y.avi": (64, 88), "b/z.mp4": (64, 48)}.items():
        info = check_video(done.folder / name)
        assert (info.num_frames, info.width, info.height, info.fps) == (12, *size, 25.0)
        assert frame_numbers(read_clip(info.path, [11, 0, 5, 5])) == [11, 0, 5, 5]
        assert (info.num_frames, info.access) == (12, "packet")


def test_a_second_run_does_only_what_is_due(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "b" / "broken.mp4").unlink()
    first = prepare(source, tmp_path / "out", short_side=64, workers=1, progress=False)
    os.utime(source / "b" / "y.avi", ns=(5, 5))
    seen: list[str] = []

    def run(task: str, jobs: list[dict[str, str]], **_: object) -> list[object]:
        seen.extend(Path(job["source"]).name for job in jobs)
        return []

    monkeypatch.setattr(module, "run_isolated", run)
    again = prepare(source, tmp_path / "out", short_side=64, progress=False)
    assert seen == ["y.avi"]
    assert (again.kept, again.copied) == (2, 0)
    assert again.size_before == first.size_before


def test_what_is_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_isolated", lambda *_, **__: [])
    (source / "a" / "x [1].mkv").touch()
    with pytest.raises(ValueError, match=r"'a/x \[1\]\.mkv' and 'a/x \[1\]\.mp4' would both"):
        prepare(source, tmp_path / "out")
    for target in (source, source / "inside", tmp_path):
        with pytest.raises(ValueError, match="overlap"):
            prepare(source, target)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no videos"):
        prepare(tmp_path / "empty", tmp_path / "out")
    module._settle(tmp_path / "out", {"short_side": 128})
    with pytest.raises(ValueError, match=r"made with other settings, .*128"):
        module._settle(tmp_path / "out", {"short_side": 64})


class Ran:
    """A job done in this process."""

    status = "ok"

    def __init__(self, job: dict[str, object]) -> None:
        self.job = job
        self.result = tasks.prepare(**job)  # type: ignore[arg-type]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_isolated", lambda _, jobs, **__: map(Ran, jobs))


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_ends_it_at_once_and_is_named(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tried, gone = [], ended_process()

    def fill(original: str, copy: str, *_: object) -> None:
        tried.append(original)
        (Path(copy).parent).mkdir(parents=True, exist_ok=True)
        (Path(copy).parent / f".x.{gone}.part.mp4").touch()
        raise OSError(number, os.strerror(number), copy)

    monkeypatch.setattr(tasks, "transcode", fill)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        prepare(source, tmp_path / "out", progress=False)
    assert len(tried) == 1
    assert caught.value.filename == str(tmp_path / "out" / "a" / "x [1].mp4")
    assert files(tmp_path / "out") == OWN


@pytest.mark.usefixtures("in_process")
def test_what_a_full_disk_or_a_kill_left_is_no_obstacle(tmp_path: Path) -> None:
    root = tmp_path / "source"
    write_numbered_video(root / "a.mp4", 2)
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sdc_prepared.json").touch()
    (out / "sub" / f".gone.{ended_process()}.part.mp4").touch()
    assert prepare(root, out, progress=False).made == 1
    assert files(out) == {"a.mp4", *OWN}


@pytest.mark.usefixtures("in_process")
def test_circles_long_names_and_what_cannot_be_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "source"
    name = f"{'x' * 246}.mp4"
    write_numbered_video(root / "a" / name, 2)
    (root / "a" / "up").symlink_to("..", target_is_directory=True)
    (root / "gone.txt").symlink_to("nowhere")
    (root / f"{'y' * 246}.txt").touch()
    (root / "secret.txt").touch()
    copy = shutil.copy2

    def refuse(original: Path, target: Path) -> None:
        if original.name == "secret.txt":
            raise PermissionError(errno.EACCES, "Permission denied", str(original))
        copy(original, target)

    monkeypatch.setattr(shutil, "copy2", refuse)
    done = prepare(root, tmp_path / "out", progress=False)
    assert (done.made, done.copied) == (1, 1)
    assert files(done.folder) == {f"a/{name}", f"{'y' * 246}.txt", *OWN}
    assert [f"{out.name}: {out.cause}" for out in done.left_out] == [
        "a/up: a link back to a folder around it",
        "gone.txt: not a file, or a link to nothing",
        "secret.txt: Permission denied",
    ]
    assert "left out: a/up: a link back" in done.report()


def test_names_that_get_too_long_are_told_and_the_rest_is_done(tmp_path: Path) -> None:
    root, out = tmp_path / "source", tmp_path / "out" / ("o" * 200)
    longer = f"{'x' * 252}.ts"  # .mp4 is one letter longer
    shutil.copy(write_numbered_video(root / "a.mp4", 2), root / longer)
    deep = root
    while len(os.fsencode(deep)) < os.pathconf("/", "PC_PATH_MAX") - 276:
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    shutil.copy(root / "a.mp4", deep / "b.mp4")
    (deep / "c.txt").touch()
    done = prepare(root, out, workers=1, progress=False)
    inside = deep.relative_to(root).as_posix()
    assert (done.made, done.copied) == (1, 0)
    assert [left.name for left in done.failed] == [f"{inside}/b.mp4", longer]
    assert [left.name for left in done.left_out] == [f"{inside}/c.txt"]
    for left in (*done.failed, *done.left_out):
        assert re.match(r"the name of its copy is too long: \d+ bytes", left.cause)
    assert done.failed[1].cause.startswith("the name of its copy is too long: 256 bytes")


def test_two_at_once_are_refused_and_lose_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", run_isolated

    def meanwhile(*arguments: object, **options: object) -> Iterator[object]:
        with pytest.raises(ValueError, match=rf"another process \({os.getpid()}\) is working in"):
            prepare(source, out, short_side=64, progress=False)
        yield from real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "run_isolated", meanwhile)
    assert prepare(source, out, short_side=64, workers=1, progress=False).made == 3


@pytest.mark.usefixtures("in_process")
def test_a_prepared_official_data_set_is_one(tmp_path: Path) -> None:
    root = trees.ucf101(tmp_path / "ucf")
    for path in root.rglob("*.avi"):
        write_video(path, np.zeros((2, 16, 16, 3), np.uint8), preset="ultrafast")

    prepare(root, tmp_path / "small", progress=False)
    for fold in (1, 3):
        original, copy = UCF101(root, "train", fold), UCF101(tmp_path / "small", "train", fold)
        assert copy.fingerprint() == original.fingerprint()


def test_colours_and_rotation_survive(tmp_path: Path) -> None:
    frames = np.zeros((4, 40, 64, 3), np.uint8)
    frames[:, :, :32, 0] = 200
    frames[:, :20, 32:, 1] = 180
    write_video(tmp_path / "a.mp4", frames, crf=1)
    transcode(tmp_path / "a.mp4", tmp_path / "b.mp4", short_side=20, quality=2)
    small = read_clip(tmp_path / "b.mp4", [3])[0].int()
    large = read_clip(tmp_path / "a.mp4", [3])[0].int()
    assert small.shape == (20, 32, 3)
    for place in ((5, 5), (5, 25), (15, 25)):
        big = tuple(2 * part for part in place)
        assert (small[place] - large[big]).abs().max() <= 8


def test_broken_sources_leave_nothing(tmp_path: Path) -> None:
    whole = write_numbered_video(tmp_path / "whole.mp4", 60, g="12")
    data = bytearray(whole.read_bytes())
    start = data.index(b"mdat")
    data[start + 900 : start + 1500] = bytes(600)
    whole.write_bytes(bytes(data))
    with pytest.raises(VideoError, match="damaged"):
        transcode(whole, tmp_path / "out" / "copy.mp4")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "short_side", "quality", "said"),
    [
        ("b.webm", 64, 3, r"b\.webm: the suffix must be one of \.avi, \.m4v, \.mov, \.mp4"),
        ("b.mp4", 1, 3, "short_side is 1"),
        ("b.mp4", 64, 1, "quality 1"),
        ("b.mp4", 64, 32, "quality 32"),
    ],
)
def test_settings_that_make_no_sense(
    tmp_path: Path, name: str, short_side: int, quality: int, said: str
) -> None:
    whole = write_numbered_video(tmp_path / "a.mp4", 2)
    with pytest.raises(ValueError, match=said):
        transcode(whole, tmp_path / name, short_side, quality)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mov", "a.m4v", "a.AVI"])
def test_every_container_is_read_by_packets(tmp_path: Path, name: str) -> None:
    whole = write_numbered_video(tmp_path / "whole.mp4", 9)
    assert transcode(whole, tmp_path / "out" / name) == (
        9,
        (tmp_path / "out" / name).stat().st_size,
    )
    info = probe(tmp_path / "out" / name)
    assert (info.num_frames, info.access) == (9, "packet")
    assert frame_numbers(read_clip(tmp_path / "out" / name, [8, 2, 2])) == [8, 2, 2]
    assert probe(tmp_path / "out" / name).fps == pytest.approx(25.0)
