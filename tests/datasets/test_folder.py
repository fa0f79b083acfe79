"""Any folder of videos."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sdc_lib.datasets import LeftOut, VideoFolder
from sdc_lib.video import VideoError, VideoInfo
from tests.conftest import NumberedWriter


@pytest.fixture
def video(numbered_video: NumberedWriter, tmp_path: Path) -> Path:
    return numbered_video(tmp_path / "source" / "one.mp4", 12)


def copy(video: Path, root: Path, *names: str) -> None:
    for name in names:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, target)


def test_subfolders_are_classes(video: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    copy(
        video, root, "run/b.mp4", "run/x/a.MP4", "[walk] (1)!/c.mp4", ".hidden/d.mp4", "run/.e.mp4"
    )
    (root / "run" / "notes.txt").write_text("not a video")
    videos = VideoFolder(root)
    assert videos.name == "mine"
    assert videos.class_names == ("[walk] (1)!", "run")
    assert [(file.name, file.label) for file in videos] == [
        ("[walk] (1)!/c.mp4", 0),
        ("run/b.mp4", 1),
        ("run/x/a.MP4", 1),
    ]
    assert all(file.path == root / file.name and file.num_frames == 12 for file in videos)
    assert videos.left_out == ()


def test_without_subfolders_there_are_no_labels(video: Path, tmp_path: Path) -> None:
    copy(video, tmp_path / "flat", "b.mp4", "a.mp4", "deeper/c.mp4")
    videos = VideoFolder(tmp_path / "flat", split="mine")
    assert [file.name for file in videos] == ["a.mp4", "b.mp4", "deeper/c.mp4"]
    assert videos.class_names == ()
    assert videos.split == "mine"
    with pytest.raises(ValueError, match="no class label"):
        videos.targets()


def test_unreadable_files_are_counted_and_listed(video: Path, tmp_path: Path) -> None:
    root = tmp_path / "mixed"
    copy(video, root, "good.mp4")
    (root / "empty.mp4").touch()
    (root / "text.avi").write_text("no video at all\n" * 50)
    (root / "cut.mp4").write_bytes(video.read_bytes()[:-200])
    videos = VideoFolder(root)
    assert [file.name for file in videos] == ["good.mp4"]
    assert [out.name for out in videos.left_out] == ["cut.mp4", "empty.mp4", "text.avi"]
    assert "truncated" in videos.left_out[0].cause
    assert "1 of 4 videos" in videos.summary()
    assert "empty.mp4: the file is empty" in videos.summary()


def test_nothing_left_is_an_error(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing is not a folder"):
        VideoFolder(tmp_path / "missing")
    with pytest.raises(ValueError, match="not a folder"):
        VideoFolder(video)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="holds no videos"):
        VideoFolder(tmp_path / "none")
    (tmp_path / "none" / "a.mp4").touch()
    with pytest.raises(ValueError, match=r"none of 1 videos can be read; a\.mp4: .*empty"):
        VideoFolder(tmp_path / "none")


def test_links_are_followed_once(video: Path, tmp_path: Path) -> None:
    root = tmp_path / "linked"
    copy(video, root, "a/1.mp4")
    (root / "b").symlink_to(video.parent, target_is_directory=True)
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    assert [file.name for file in VideoFolder(root)] == ["a/1.mp4", "b/one.mp4"]


def test_another_check_can_decide(video: Path, tmp_path: Path) -> None:
    copy(video, tmp_path / "two", "a.mp4", "b.mp4")

    def check(path: Path) -> VideoInfo:
        if path.name == "a.mp4":
            raise VideoError(path, "crashes the decoder")
        return VideoInfo(path, 7, 25.0, 64, 48)

    videos = VideoFolder(tmp_path / "two", check=check)
    assert videos.left_out == (LeftOut("a.mp4", "crashes the decoder"),)
    assert videos[0].num_frames == 7
