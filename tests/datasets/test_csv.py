"""Videos listed in a csv file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.datasets.csv_list import VideoCSV
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


def test_classes_of_another_list(tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4,walk\n", "1.mp4")
    assert VideoCSV(path, class_names=("run", "walk")).targets().tolist() == [1]
    with pytest.raises(ValueError, match="label 'walk' is not one of run"):
        VideoCSV(path, class_names=("run",))


def test_another_root_and_missing_videos(tmp_path: Path) -> None:
    path = write(tmp_path, "1.mp4\n2.mp4\n", "data/1.mp4")
    videos = VideoCSV(path, tmp_path / "data", split="train")
    assert [file.path for file in videos] == [tmp_path / "data" / "1.mp4"]
    assert "missing: 1 of 2 listed videos" in videos.summary()
    with pytest.raises(ValueError, match=r"none of the 2 .* example .*/1\.mp4"):
        VideoCSV(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("path,label\n", "list no videos"),
        ("1.mp4,a\n2.mp4\n", "line 2: 1 cells, 2 expected"),
        ("1.mp4,a\n2.mp4,\n", "'2.mp4' has no label"),
        ("../1.mp4\n", "line 1: '../1.mp4' is refused"),
        ("/videos/1.mp4\n", "is refused"),
        ("c:\\videos\\1.mp4\n", "is refused"),
        ("path,label\n,a\n", "line 2: '' is refused"),
        (".,a\n", "is refused"),
        ("1.mp4\n1.mp4\n", "listed more than once"),
        ("1.mp4,a,g,x\n", "4 cells"),
    ],
)
def test_lists_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VideoCSV(write(tmp_path, text, "1.mp4", "2.mp4"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv is not a file"):
        VideoCSV(tmp_path / "none.csv")
