"""HMDB-51 in its official format."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.datasets.hmdb51 import HMDB51
from sdc_lib.evaluation.splits import carve_validation
from tests.datasets import trees


def test_flags_labels_and_odd_names(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    train, test = HMDB51(root), HMDB51(root, "test", 3)
    assert train.class_names == ("brush_hair", "kick")
    assert [file.name for file in train] == [
        "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi",
        "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_1.avi",
        f"kick/{trees.HMDB_ODD}",
    ]
    assert [file.name for file in test] == [
        "brush_hair/atheletic_brush_hair_u_nm_np1_fr_med_2.avi",
        f"kick/{trees.HMDB_SHOUT}",
    ]
    assert train.targets().tolist() == [0, 0, 1]
    assert train.groups == (
        "April_09",
        "April_09",
        "50_FIRST_DATES_[x](y)",
    )
    assert not any("unused" in file.name for file in (*train, *test))


def test_counts_are_compared_with_the_official_ones(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    (root / "kick" / trees.HMDB_ODD).unlink()
    videos = HMDB51(root)
    said = videos.summary()
    assert "listed: 3, 3567 fewer than the official 3570" in said
    assert "missing: 1 of 3" in said
    assert str(root / "kick" / trees.HMDB_ODD) in said
    assert "2 of the official 51 classes" in said


def test_folder_of_the_official_archive(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    (root / "hmdb51_org").mkdir()
    for name in ("brush_hair", "kick"):
        (root / name).rename(root / "hmdb51_org" / name)
    assert HMDB51(root)[0].name.startswith("hmdb51_org/brush_hair/April_09")


def test_a_class_without_list_of_the_fold_is_noted(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    (root / "testTrainMulti_7030_splits" / "kick_test_split2.txt").unlink()
    videos = HMDB51(root, "train", 2)
    assert videos.class_names == ("brush_hair", "kick")
    assert set(videos.targets().tolist()) == {0}
    assert "missing: kick_test_split2.txt" in videos.summary()


def test_clips_of_one_film_are_one_group_in_all_classes(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    name = "April_09_kick_f_cm_np1_fr_med_0.avi"
    trees.touch(root / "kick" / name)
    path = root / "testTrainMulti_7030_splits" / "kick_test_split1.txt"
    path.write_text(f"{path.read_text()}{name} 1\n")
    train = HMDB51(root)
    of_film = [file.label for file in train if file.group == "April_09"]
    assert of_film == [0, 0, 1]
    for part in carve_validation(train, 0.2):
        assert {file.label for file in part if file.group == "April_09"} in ({0, 1}, set())


def test_shared_sources_are_noted(tmp_path: Path) -> None:
    root = trees.hmdb51(tmp_path)
    assert "sources have" not in HMDB51(root).summary()
    path = root / "testTrainMulti_7030_splits" / "brush_hair_test_split1.txt"
    path.write_text(path.read_text().replace("ba_goo_1.avi 1", "ba_goo_1.avi 2"))
    assert "1 sources have videos in both train and test" in HMDB51(root).summary()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("clip.avi 3", "NAME 2"),
        ("clip.avi", "NAME 2"),
        ("../clip.avi 1", "is refused"),
        ("/clip.avi 0", "not the name of a file"),
        ("deeper/clip.avi 1", "not the name of a file"),
        (f"{trees.HMDB_ODD} 2", "listed twice"),
    ],
)
def test_lines_that_make_no_sense(tmp_path: Path, line: str, said: str) -> None:
    root = trees.hmdb51(tmp_path)
    path = root / "testTrainMulti_7030_splits" / "kick_test_split1.txt"
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ValueError, match=said) as caught:
        HMDB51(root)
    assert "kick_test_split1.txt, line 3" in str(caught.value)


def test_a_wrong_layout_says_what_belongs_where(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected .*testTrainMulti_7030_splits"):
        HMDB51(tmp_path)
    root = trees.hmdb51(tmp_path / "tree")
    for name in ("brush_hair", "kick"):
        (root / name).rename(tmp_path / name)
    with pytest.raises(ValueError, match=r"class folders of HMDB-51 not found.*hmdb51_org"):
        HMDB51(root)
    for path in (root / "testTrainMulti_7030_splits").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="holds no files <class>_test_split"):
        HMDB51(root)
