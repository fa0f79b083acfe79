"""The manifest: every file checked once, in child processes, and remembered."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.datasets import manifest as module
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.datasets.manifest import (
    Manifest,
    apply_manifest,
    check_dataset,
    load_manifest,
    manifest_path,
    with_manifest,
)
from sdc_lib.datasets.reading import read_file
from sdc_lib.datasets.usable import usable
from sdc_lib.datasets.verdicts import FileCheck
from sdc_lib.video import VideoError, VideoInfo, probe
from sdc_lib.video.isolate import Outcome
from tests.conftest import frame_numbers, write_numbered_video

GOOD = {"frames": 9, "fps": 25.0, "width": 64, "height": 48}


@pytest.fixture
def videos(tmp_path: Path) -> VideoDataset:
    """Three files of different content; no decoder sees them unless a test says so."""
    files = []
    for number, name in enumerate(("a.mp4", "b, [1].mp4", "sub/c.mp4")):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(number + 1))
        files.append(VideoFile(path, name, 0))
    return VideoDataset("three", tmp_path / "videos", "all", files, ["only"])


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names in the order in which they are checked; names with a ``b`` crash the decoder."""
    seen: list[str] = []

    def run(task: str, jobs: Sequence[Mapping[str, Any]], **_: object) -> Iterator[Outcome]:
        for job in jobs:
            seen.append(job["name"])
            crashed = "b" in job["name"] and job["name"] != "sub/c.mp4"
            if crashed:
                yield Outcome(job, "crashed", {}, "its process died:\nSIGSEGV")
            else:
                yield Outcome(job, "ok", GOOD)

    monkeypatch.setattr(module, "run_isolated", run)
    return seen


def test_real_files_in_real_processes(tmp_path: Path) -> None:
    whole = write_numbered_video(tmp_path / "whole.mp4", 12)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(whole.read_bytes()[:-100])
    files = [VideoFile(path, path.name) for path in (whole, torn)]
    found = check_dataset(VideoDataset("two", tmp_path, "all", files), workers=1, progress=False)
    assert found.report().splitlines()[0] == "2 files checked: 1 broken, 1 ok"
    assert found.checks["torn.mp4"].cause.startswith("truncated")
    state = whole.stat()
    assert found.checks["whole.mp4"] == FileCheck(
        "whole.mp4", state.st_size, state.st_mtime_ns, 12, 25.0, 64, 48, access="seek", limit=120.0
    )


def test_how_a_file_is_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_numbered_video(tmp_path / "a.ts", 12)
    videos = VideoDataset("one", tmp_path, "all", [VideoFile(path, "a.ts")])
    check_dataset(videos, workers=1, progress=False)
    (file,) = with_manifest(videos)
    assert file.info is not None
    assert (file.info, file.info.access, file.info.is_current) == (probe(path), "order", True)
    # it need not be looked at again
    monkeypatch.setattr(sys.modules["sdc_lib.video.read"], "probe", None)
    assert frame_numbers(read_file(file, lambda length: [length - 1])) == [11]
    monkeypatch.undo()
    write_numbered_video(path, 9)
    assert frame_numbers(read_file(file, lambda length: [length - 1])) == [8]


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
def test_names_that_are_not_utf8_are_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    write_numbered_video(tmp_path / "a.mp4", 12).rename(path)
    videos = VideoDataset("one", tmp_path, "all", [VideoFile(path, path.name)])
    assert check_dataset(videos, workers=1, progress=False).report() == "1 files checked: 1 ok"
    (file,) = with_manifest(videos)
    assert file.num_frames == 12
    assert frame_numbers(read_file(file, lambda length: [length - 1])) == [11]


def test_rows_that_do_not_say_how_a_file_is_read_are_of_no_use(videos: VideoDataset) -> None:
    state = videos[0].path.stat()
    row = f"{videos[0].name},{state.st_size},{state.st_mtime_ns},12,25.0,64,48,ok,"
    for header, rows in (("cause,limit", f"{row},9"), ("cause,access,limit", f"{row},guess,9")):
        fields = f"name,size,mtime_ns,frames,fps,width,height,verdict,{header}"
        manifest_path(videos.root).write_text(f"{fields}\n{rows}\n")
        assert with_manifest(videos)[0].info is None


def test_files_exchanged_since_stay_as_they_are(videos: VideoDataset, checked: list[str]) -> None:
    check_dataset(videos, progress=False)
    assert [file.num_frames for file in with_manifest(videos)] == [9, 9]  # b crashed
    for file in videos:
        file.path.write_bytes(b"other content")
    assert [file.num_frames for file in with_manifest(videos)] == [None] * 3


def test_verdicts_are_kept_and_only_changed_files_checked_again(
    videos: VideoDataset, checked: list[str]
) -> None:
    first = check_dataset(videos, progress=False)
    assert checked == ["a.mp4", "b, [1].mp4", "sub/c.mp4"]
    again = check_dataset(videos, progress=False)
    assert len(checked) == 3
    assert again.checks == first.checks
    videos[2].path.write_bytes(b"other content")
    os.utime(videos[0].path, ns=(1, 1))
    check_dataset(videos, progress=False)
    assert checked[3:] == ["a.mp4", "sub/c.mp4"]
    check_dataset(videos, progress=False, again=True)
    assert len(checked) == 8


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What is checked with which limit: ``a`` takes 10 s, ``b`` is killed, ``c`` crashes."""
    seen: list[tuple[str, float]] = []

    def run(
        task: str, jobs: Sequence[Mapping[str, Any]], timeout: float, **_: object
    ) -> Iterator[Outcome]:
        for job in jobs:
            seen.append((job["name"], timeout))
            if "a" in job["name"]:
                yield Outcome(job, "ok", GOOD) if timeout > 10 else Outcome(job, "timeout", {})
            else:
                yield Outcome(job, "killed" if "b, " in job["name"] else "crashed", {})

    monkeypatch.setattr(module, "run_isolated", run)
    return seen


def test_too_little_time_is_no_last_word(
    videos: VideoDataset, slow: list[tuple[str, float]]
) -> None:
    for timeout in (2.0, 2.0, 1.0, 5.0, 5.0, 20.0, 120.0, 2.0):
        found = usable(videos.subset([0]), 1, timeout, progress=False)
        assert len(found) == (timeout >= 20 or ("a.mp4", 20.0) in slow)
    assert slow == [("a.mp4", 2.0), ("a.mp4", 5.0), ("a.mp4", 20.0)]


def test_what_was_killed_from_outside_is_tried_again_and_what_crashes_is_not(
    videos: VideoDataset, slow: list[tuple[str, float]]
) -> None:
    for timeout in (1.0, 1.0, 2.0):
        assert len(usable(videos.subset([1, 2]), 1, timeout, progress=False)) == 0
    assert [name for name, _ in slow] == ["b, [1].mp4", "sub/c.mp4"] + 2 * ["b, [1].mp4"]
    assert len(with_manifest(videos)) == 1  # training does without both


def test_a_crash_is_one_line_of_the_report(videos: VideoDataset, checked: list[str]) -> None:
    said = check_dataset(videos, progress=False).report()
    assert said.splitlines() == [
        "3 files checked: 1 crashed, 2 ok",
        "  crashed: b, [1].mp4: its process died: SIGSEGV",
    ]


def test_an_interrupted_check_goes_on(videos: VideoDataset, checked: list[str]) -> None:
    check_dataset(videos, progress=False)
    path = manifest_path(videos.root)
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([*lines[:2], lines[2][:-30]]))  # killed while it wrote line 3
    checked.clear()
    check_dataset(videos, progress=False)
    assert checked == ["b, [1].mp4", "sub/c.mp4"]


def test_a_damaged_manifest_is_as_good_as_none(videos: VideoDataset, checked: list[str]) -> None:
    check_dataset(videos, progress=False)
    path = manifest_path(videos.root)
    path.write_bytes(b"\x00\xff" * 200_000 + b'\r\n"' + path.read_bytes())
    assert set(check_dataset(videos, progress=False).checks) == {file.name for file in videos}
    assert len(checked) > 3


def test_other_splits_stay_in_the_manifest(videos: VideoDataset, checked: list[str]) -> None:
    check_dataset(videos.subset([0]), progress=False)
    both = check_dataset(videos.subset([2]), progress=False)
    assert list(both.checks) == ["a.mp4", "sub/c.mp4"]


def test_unusable_files_are_left_out_and_listed(videos: VideoDataset, checked: list[str]) -> None:
    assert with_manifest(videos) is videos
    known = check_dataset(videos, progress=False)
    usable = with_manifest(videos)
    assert [file.name for file in usable] == ["a.mp4", "sub/c.mp4"]
    assert [file.num_frames for file in usable] == [9, 9]
    assert "2 of 3 videos" in usable.summary()
    assert "left out: b, [1].mp4: crashed: its process died: SIGSEGV" in usable.summary()
    assert len(videos) == 3
    videos[1].path.write_bytes(b"a better copy")
    assert len(apply_manifest(videos, known)) == 3


def test_files_without_verdict_stay(videos: VideoDataset) -> None:
    assert apply_manifest(videos, Manifest(videos.root, [])).files == videos.files


def test_check_describes_from_memory(videos: VideoDataset, checked: list[str]) -> None:
    known = check_dataset(videos, progress=False)
    path = videos[0].path
    assert known.check(path) == VideoInfo(path, 9, 25.0, 64, 48)
    with pytest.raises(VideoError, match="its process died"):
        known.check(videos[1].path)
    path.write_bytes(b"changed")
    with pytest.raises(VideoError, match="not a readable video"):
        known.check(path)


def test_a_file_that_vanishes_is_broken(videos: VideoDataset, checked: list[str]) -> None:
    videos[0].path.unlink()
    known = check_dataset(videos, progress=False)
    assert known.checks["a.mp4"].verdict == "broken"
    assert known.checks["a.mp4"].cause == "No such file or directory"


def test_a_read_only_root_keeps_its_manifest_in_the_cache(
    videos: VideoDataset,
    checked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    check_dataset(videos, progress=False)
    path = manifest_path(videos.root)
    assert tmp_path / "cache" / "sdc" / "manifests" == path.parent
    assert path.is_file()
    assert not (videos.root / "sdc_manifest.csv").exists()
    loaded = load_manifest(videos.root)
    assert loaded is not None
    assert len(loaded.checks) == 3
    assert manifest_path(tmp_path) != path
