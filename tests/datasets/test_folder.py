"""Any folder of videos."""

from __future__ import annotations

import errno
import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from sdc_lib.datasets import LeftOut, VideoFolder
from sdc_lib.datasets.manifest import Manifest, unopened
from sdc_lib.datasets.verdicts import FileCheck
from sdc_lib.video import VideoError, VideoInfo
from tests.conftest import NumberedWriter, write_numbered_video


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
    copy(video, tmp_path / "flat", "b.mp4", "a.mp4")
    videos = VideoFolder(tmp_path / "flat", split="train")
    assert [file.name for file in videos] == ["a.mp4", "b.mp4"]
    assert videos.class_names == ()
    assert videos.split == "train"
    with pytest.raises(ValueError, match="no class label"):
        videos.targets()


@pytest.mark.parametrize("split", ["test", "val", "foo"])
def test_a_part_that_is_not_there_is_never_the_whole(
    split: str, video: Path, tmp_path: Path
) -> None:
    copy(video, tmp_path / "flat", "a.mp4")
    with pytest.raises(ValueError, match=rf"flat has no split '{split}', .* only train and all$"):
        VideoFolder(tmp_path / "flat", split)


def test_a_stray_video_costs_no_class_and_is_named(video: Path, tmp_path: Path) -> None:
    copy(video, tmp_path / "mine", "run/a.mp4", "walk/b.mp4", "stray.mp4")
    videos = VideoFolder(tmp_path / "mine")
    assert videos.class_names == ("run", "walk")
    assert [file.label for file in videos] == [0, None, 1]
    assert "1 videos have no class, in no folder of one: stray.mp4" in videos.summary()
    with pytest.raises(ValueError, match=r"1 videos have no class label: stray\.mp4"):
        videos.targets()


def fill(root: Path, *names: str) -> Path:
    """Files that differ, in folders; nothing opens them."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def opened(root: Path, split: str) -> VideoFolder:
    return VideoFolder(root, split, check=unopened)


def test_splits_number_their_classes_alike(tmp_path: Path) -> None:
    root = fill(tmp_path, "Train/c/1.mp4", "Train/b/2.mp4", "test/c/3.mp4", "test/b/x/4.mp4")
    train, test = opened(root, "train"), opened(root, "test")
    assert train.class_names == test.class_names == ("b", "c")
    assert [(f.name, f.label) for f in test] == [("test/b/x/4.mp4", 0), ("test/c/3.mp4", 1)]
    assert VideoFolder.splits_in(root) == ("train", "test")
    assert [file.label for file in opened(root, "all")] == [0, 1, 0, 1]
    with pytest.raises(ValueError, match="no videos in a folder val; it has test, train"):
        opened(root, "val")


def test_accents_in_one_part_or_two_are_one_class(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    root = fill(tmp_path, f"train/{names[0]}/1.mp4", f"test/{names[1]}/2.mp4")
    assert opened(root, "test").class_names == ("é",)


def test_unequal_classes_are_refused_where_labels_count(tmp_path: Path) -> None:
    root = fill(tmp_path, "train/b/1.mp4", "test/a/2.mp4", "test/b/3.mp4")
    assert opened(root, "train").class_names == ("a", "b")
    with pytest.raises(ValueError, match="class 'a' is in test but not in train"):
        opened(root, "test")
    (root / "train" / "a").mkdir()
    assert opened(root, "test").targets().tolist() == [0, 1]


def test_a_video_in_two_splits_is_refused_whatever_its_name(tmp_path: Path) -> None:
    root = fill(tmp_path, "train/b/1.mp4", "val/b/2.mp4", "test/b/3.mp4")
    shutil.copy(root / "train" / "b" / "1.mp4", root / "test" / "b" / "other.avi")
    assert len(opened(root, "train")) == 1
    message = r"'test/b/other.avi' \(test\) and 'train/b/1.mp4' \(train\) are the same video"
    with pytest.raises(ValueError, match=message):
        opened(root, "test")


def test_what_is_in_no_split_is_said(tmp_path: Path) -> None:
    root = fill(tmp_path, "train/b/1.mp4", "test/b/2.mp4", "more/b/3.mp4", "stray.mp4")
    videos = opened(root, "test")
    assert [file.name for file in videos] == ["test/b/2.mp4"]
    assert "2 videos are in no split, the first: more/b/3.mp4" in videos.summary()
    assert [file.label for file in opened(root, "all")] == [None, None, 0, 0]
    fill(root, "training/b/4.mp4")
    with pytest.raises(ValueError, match="two folders for train: train, training"):
        opened(root, "train")


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    root = fill(tmp_path, "cat/1.mp4", "test/2.mp4")
    assert opened(root, "all").class_names == ("cat", "test")
    assert VideoFolder.splits_in(root) == ("train",)


def test_other_files_are_counted(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.mp4", "a/2.gif", "notes.txt", "README", "sdc_manifest.csv")
    assert "not looked at: 1 .gif, 1 .txt, 1 no suffix" in opened(root, "all").summary()
    (root / "a" / "1.mp4").unlink()
    with pytest.raises(ValueError, match=r"holds no videos .*1 \.gif, 1 \.txt, 1 no suffix"):
        opened(root, "all")


def test_folders_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path, "a/1.mp4", "secret/2.mp4")
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "secret":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    videos = opened(root, "all")
    (note,) = videos.notes
    assert note.endswith("1, the first: secret: the folder cannot be read: Permission denied")
    assert videos.left_out == ()


def test_the_manifest_of_a_folder_around_it_counts(video: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    copy(video, root, "train/a.mp4", "train/b.mp4")
    state = (root / "train" / "b.mp4").stat()
    bad = FileCheck(
        "train/b.mp4", state.st_size, state.st_mtime_ns, verdict="crashed", cause="SIGSEGV"
    )
    Manifest(root, [bad]).save()
    assert VideoFolder(root / "train").left_out == (LeftOut("b.mp4", "SIGSEGV"),)
    assert VideoFolder(root).left_out == (LeftOut("train/b.mp4", "SIGSEGV"),)


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
    videos = VideoFolder(root)
    assert [file.name for file in videos] == ["a/1.mp4", "b/one.mp4"]
    assert videos.left_out == ()  # a folder is no video
    assert "1, the first: a/up: a link back to a folder around it" in videos.notes[0]
    assert "2 of 2 videos" in videos.summary()


def test_a_link_in_one_split_is_none_of_another(video: Path, tmp_path: Path) -> None:
    root = tmp_path / "parts"
    copy(video, root, "train/a/1.mp4")
    write_numbered_video(root / "test" / "a" / "2.mp4", 5)
    (root / "train" / "a" / "up").symlink_to(root, target_is_directory=True)
    notes = {split: VideoFolder(root, split).notes for split in ("train", "test", "all")}
    assert notes["test"] == ()
    assert "train/a/up" in notes["train"][0]
    assert notes["all"] == notes["train"]


def test_another_check_can_decide(video: Path, tmp_path: Path) -> None:
    copy(video, tmp_path / "two", "a.mp4", "b.mp4")

    def check(path: Path) -> VideoInfo:
        if path.name == "a.mp4":
            raise VideoError(path, "crashes the decoder")
        return VideoInfo(path, 7, 25.0, 64, 48)

    videos = VideoFolder(tmp_path / "two", check=check)
    assert videos.left_out == (LeftOut("a.mp4", "crashes the decoder"),)
    assert videos[0].num_frames == 7
