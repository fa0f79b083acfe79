"""Videos listed in a csv file."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from sdc_lib.config import DataConfig
from sdc_lib.datasets import VideoCSV, open_dataset
from tests.datasets.trees import touch


def write(tmp_path: Path, text: str, *names: str) -> Path:
    for name in names:
        touch(tmp_path / name)
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode())
    return path


def test_paths_alone(tmp_path: Path) -> None:
    videos = VideoCSV(write(tmp_path, "b/2.mp4\r\na [1].mp4\r\n", "b/2.mp4", "a [1].mp4"))
    assert [file.name for file in videos] == ["b/2.mp4", "a [1].mp4"]
    assert videos.class_names == ()
    assert videos[0].label is None
    assert videos.name == "list"


def test_header_quoted_labels_and_groups_in_any_order(tmp_path: Path) -> None:
    text = '\ufefflabel, path, group\n"run, fast",1.mp4,x\nwalk,"2, b.mp4",\n\n'
    videos = VideoCSV(write(tmp_path, text, "1.mp4", "2, b.mp4"))
    assert videos.class_names == ("run, fast", "walk")
    assert [file.name for file in videos] == ["1.mp4", "2, b.mp4"]
    assert videos.targets().tolist() == [0, 1]
    assert videos.groups == ("x", "2, b.mp4")


def test_numbers_are_sorted_by_value(tmp_path: Path) -> None:
    videos = VideoCSV(write(tmp_path, "1.mp4,10\n2.mp4,9\n", "1.mp4", "2.mp4"))
    assert videos.class_names == ("9", "10")
    assert videos.targets().tolist() == [1, 0]


def test_equal_numbers_are_always_in_the_same_order(tmp_path: Path) -> None:
    names = [f"{i}.mp4" for i in range(12)]
    words = ["0" * i + "7" for i in range(12)]
    lines = [f"{name},{word}" for name, word in zip(names, words, strict=True)]
    videos = VideoCSV(write(tmp_path, "\n".join(["path,label", *lines]), *names))
    assert list(videos.class_names) == sorted(words)


def test_classes_of_another_list(tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4,walk\n", "1.mp4")
    assert VideoCSV(path, class_names=("run", "walk")).targets().tolist() == [1]
    with pytest.raises(ValueError, match="label 'walk' is not one of run"):
        VideoCSV(path, class_names=("run",))


@pytest.mark.parametrize("split", ["test", "val", "foo"])
def test_a_part_that_is_not_there_is_never_the_whole(split: str, tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4\n", "1.mp4")
    with pytest.raises(ValueError, match=rf"has no split '{split}', .* only train and all$"):
        VideoCSV(path, split=split)


def test_another_root_and_missing_videos(tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4\n2.mp4\n", "data/1.mp4")
    videos = VideoCSV(path, tmp_path / "data", split="train")
    assert [file.path for file in videos] == [tmp_path / "data" / "1.mp4"]
    assert "missing: 1 of 2 listed videos" in videos.summary()
    with pytest.raises(ValueError, match=r"none of the 2 .* first is missing: .*/1\.mp4"):
        VideoCSV(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("path,label\n", "lists no videos"),
        ("1.mp4,a\n2.mp4\n", "line 2: 1 cells, 2 expected"),
        ("1.mp4,a\n2.mp4,\n", "line 2: '2.mp4' has no label"),
        ("../1.mp4\n", "line 1: '../1.mp4' is refused"),
        ("/videos/1.mp4\n", "is refused"),
        ("c:\\videos\\1.mp4\n", "is refused"),
        ("path,label\n,a\n", "line 2: '' is refused"),
        (".,a\n", "is refused"),
        ("1.mp4\n1.mp4\n", "line 2: '1.mp4' is already in .*, line 1"),
        ("1.mp4,a,g,x\n", "line 1: 4 cells; more than path, label, group need a first line"),
    ],
)
def test_lists_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VideoCSV(write(tmp_path, text, "1.mp4", "2.mp4"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv is not a file"):
        VideoCSV(tmp_path / "none.csv")


def test_further_columns_are_factors(tmp_path: Path) -> None:
    text = "path,gesture,scene,fold\n1.mp4,up,lawn,10\n2.mp4,down,desk,9\n"
    videos = VideoCSV(write(tmp_path, text, "1.mp4", "2.mp4"))
    assert videos.class_names == ()
    assert videos.factor_names == {
        "gesture": ("down", "up"),
        "scene": ("desk", "lawn"),
        "fold": ("9", "10"),
    }
    assert videos.targets("gesture").tolist() == [1, 0]
    assert videos.column("fold") == ("10", "9")
    assert videos.column("group") == ("1.mp4", "2.mp4")


def test_a_label_is_one_factor_among_others(tmp_path: Path) -> None:
    text = "video,action,place\n1.mp4,run,park\n2.mp4,walk,park\n"
    videos = VideoCSV(write(tmp_path, text, "1.mp4", "2.mp4"))
    assert videos.class_names == ("run", "walk")
    assert videos.column("label") == videos.column("action") == ("run", "walk")
    assert list(videos.factor_names) == ["place", "action"]


def test_a_column_with_gaps_is_no_factor_and_said(tmp_path: Path) -> None:
    text = "path,scene,comment\n1.mp4,a,\n2.mp4,b,dark\n"
    videos = VideoCSV(write(tmp_path, text, "1.mp4", "2.mp4"))
    assert list(videos.factor_names) == ["scene"]
    assert "column 'comment' is no factor: empty in" in videos.summary()
    with pytest.raises(ValueError, match=r"'comment'; it has: scene; .* empty in .*, line 2$"):
        videos.targets("comment")


SPLITS = "path,label,split\n1.mp4,b,train\n2.mp4,c,training\n3.mp4,c,test\n4.mp4,b,Test\n"


def filled(root: Path, *names: str) -> None:
    """Files that differ."""
    for name in names:
        (root / name).write_text(name)


def test_a_column_says_the_split_and_all_are_numbered_alike(tmp_path: Path) -> None:
    path = write(tmp_path, SPLITS)
    filled(tmp_path, "1.mp4", "2.mp4", "3.mp4", "4.mp4")
    config = DataConfig(dataset="csv")
    train, test = open_dataset(config, path), open_dataset(config, path, "test")
    assert train.class_names == test.class_names == ("b", "c")
    assert test.targets().tolist() == [1, 0]
    assert len(open_dataset(config, path, "all")) == 4
    with pytest.raises(ValueError, match=r"list\.csv has no val part, only train, test; "):
        open_dataset(config, path, "val")
    with pytest.raises(ValueError, match=r"lists no val videos; it has train \(2\), test \(2\)"):
        VideoCSV(path, split="val")


def test_a_folder_of_lists(tmp_path: Path) -> None:
    filled(tmp_path, "1.mp4", "2.mp4", "3.mp4")
    (tmp_path / "train.csv").write_text("path,label\n1.mp4,b\n2.mp4,a\n")
    (tmp_path / "test.csv").write_text("path,label\n3.mp4,b\n")
    test = open_dataset(DataConfig(dataset="csv"), tmp_path, "test")
    assert (test.name, test.class_names) == (tmp_path.name, ("a", "b"))
    assert test.targets().tolist() == [1]
    assert "1 of 2 classes have no video in test: 'a'" in test.summary()
    (tmp_path / "Testing.txt").write_text("3.mp4,b\n")
    with pytest.raises(ValueError, match=r"two lists for test: Testing\.txt, test\.csv"):
        VideoCSV(tmp_path)
    with pytest.raises(ValueError, match=r"is a folder without train\.csv"):
        VideoCSV(tmp_path.parent)


def test_a_list_without_splits_has_no_test_part(tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4,a\n", "1.mp4")
    assert len(open_dataset(DataConfig(dataset="csv"), path)) == 1
    with pytest.raises(ValueError, match="has no test part, only train; expected a column split"):
        open_dataset(DataConfig(dataset="csv"), path, "test")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("c,test", "x,test", "line 4: class 'x' is in test but not in train"),
        ("c,test", "c,tset", "line 4: split 'tset' is not one of train, val, test"),
        ("3.mp4", "1.mp4", r"line 4: '1.mp4' is already in .*line 2, in train and in test"),
        ("c,test", ",test", r"line 4: '3.mp4' has no label, but others"),
        ("3.mp4", "twin.mp4", r"'1.mp4' \(train\) and 'twin.mp4' \(test\) are the same video"),
    ],
)
def test_splits_that_do_not_fit(tmp_path: Path, old: str, new: str, said: str) -> None:
    filled(tmp_path, "1.mp4", "2.mp4", "3.mp4", "4.mp4")
    (tmp_path / "twin.mp4").write_text("1.mp4")
    with pytest.raises(ValueError, match=said):
        VideoCSV(write(tmp_path, SPLITS.replace(old, new)), split="test")


def test_names_on_disk_may_be_written_otherwise(tmp_path: Path) -> None:
    for name in ("café.mp4", "sub/x.mp4", os.fsdecode(b"gr\xfcn.mp4")):
        touch(tmp_path / unicodedata.normalize("NFD", name))
    path = tmp_path / "list.csv"
    path.write_bytes("café.mp4,grün\nsub\\x.mp4,gru\u0308n\ngrün.mp4,rot\n".encode("utf-16"))
    videos = VideoCSV(path)
    assert len(videos) == 3
    assert all(file.path.is_file() for file in videos)
    assert videos.class_names == ("grün", "rot")
    assert videos.targets().tolist() == [0, 0, 1]
    assert videos[1].name == "sub/x.mp4"


def test_capitals_and_accents_of_folders_on_disk_may_differ(tmp_path: Path) -> None:
    disk = ("Walk/A.mp4", unicodedata.normalize("NFD", "Grün/b.mp4"), os.fsdecode(b"r\xe9/c.mp4"))
    for name in disk:
        touch(tmp_path / name)
    path = tmp_path / "list.csv"
    path.write_text("walk/a.mp4\ngrün/b.mp4\nré/c.mp4\n", encoding="utf-8")
    videos = VideoCSV(path)
    assert [file.name for file in videos] == list(disk)
    assert videos.left_out == ()


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open/a.mp4", "shut/b.mp4"):
        touch(tmp_path / name)
    path = tmp_path / "list.csv"
    path.write_text("open/a.mp4,x\nshut/b.mp4,y\nopen/c.mp4,y\n")
    listdir = os.listdir

    def refuse(folder: str) -> list[str]:  # the superuser may read any folder
        if os.path.basename(folder) == "shut":
            raise PermissionError(13, "Permission denied", folder)
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    videos = VideoCSV(path)
    assert [file.name for file in videos] == ["open/a.mp4"]
    assert [left.cause for left in videos.left_out] == [
        f"the folder {tmp_path / 'shut'} cannot be read: Permission denied",
        f"missing: {tmp_path / 'open/c.mp4'}",
    ]
