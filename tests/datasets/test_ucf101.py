"""UCF-101 in its official format."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from sdc_lib.datasets import UCF101
from tests.datasets import trees


def test_splits_labels_groups_and_order(tmp_path: Path) -> None:
    root = trees.ucf101(tmp_path)
    train, test = UCF101(root), UCF101(root, "test")
    assert train.class_names == ("ApplyEyeMakeup", "HandstandPushups", "iceSkating", "YoYo")
    assert [file.name for file in test] == [
        "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi",
        "UCF-101/HandstandPushups/v_HandStandPushups_g01_c01.avi",
        "UCF-101/iceSkating/v_iceSkating_g01_c01.avi",
        "UCF-101/YoYo/v_YoYo_g01_c01.avi",
    ]
    assert test.targets().tolist() == [0, 1, 2, 3]
    assert train.targets().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert train.groups[:3] == ("ApplyEyeMakeup_g08", "ApplyEyeMakeup_g15", "HandstandPushups_g08")
    assert not set(train.groups) & set(test.groups)
    assert all(file.path.is_file() for file in (*train, *test))


@pytest.mark.parametrize(("fold", "group"), [(1, "g01"), (2, "g08"), (3, "g15")])
def test_every_fold_has_its_own_test_groups(tmp_path: Path, fold: int, group: str) -> None:
    root = trees.ucf101(tmp_path)
    assert {g[-3:] for g in UCF101(root, "test", fold).groups} == {group}
    assert len(UCF101(root, "train", fold)) == 8
    assert f"official split {fold} of 3" in UCF101(root, "train", fold).summary()


def test_missing_videos_are_counted_named_and_placed(tmp_path: Path) -> None:
    gone = "YoYo/v_YoYo_g08_c01.avi"
    videos = UCF101(trees.ucf101(tmp_path, missing=[gone]))
    assert len(videos) == 7
    assert [out.name for out in videos.left_out] == [gone]
    said = videos.summary()
    assert "7 of 8 videos" in said
    assert "listed: 8, 9529 fewer than the official 9537" in said
    assert f"missing: 1 of 8 listed videos; they belong below {tmp_path / 'UCF-101'}" in said
    assert str(tmp_path / "UCF-101" / gone) in said
    assert "4 of the official 101 classes" in said


def test_capitals_of_the_listed_folder_do_not_matter(tmp_path: Path) -> None:
    root = trees.ucf101(tmp_path)
    for path in (root / "ucfTrainTestlist").glob("t*list01.txt"):
        path.write_bytes(path.read_bytes().replace(b"HandstandPushups/", b"HandStandPushups/"))
    videos = UCF101(root, "test")
    assert videos[1].name == "UCF-101/HandstandPushups/v_HandStandPushups_g01_c01.avi"
    assert videos[1].label == 1


def test_prepared_copies_with_another_suffix_are_found(tmp_path: Path) -> None:
    root = trees.ucf101(tmp_path, missing=["YoYo/v_YoYo_g01_c01.avi"])
    trees.touch(root / "UCF-101" / "YoYo" / "v_YoYo_g01_c01.mp4")
    assert UCF101(root, "test")[3].path.suffix == ".mp4"


def test_survives_pickling(tmp_path: Path) -> None:
    videos = UCF101(trees.ucf101(tmp_path))
    again = pickle.loads(pickle.dumps(videos))
    assert again.fingerprint() == videos.fingerprint()
    assert again.summary() == videos.summary()


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "ucfTrainTestlist" / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("testlist01.txt", "YoYo/v_YoYo_g01", "YoYo/v_YoYo_g08", "1 groups are in both"),
        ("trainlist01.txt", "g08_c01.avi 1", "g08_c01.avi 2", "line 1: label 2, but classInd"),
        ("trainlist01.txt", "YoYo/", "Other/", "with a class of classInd.txt"),
        ("trainlist01.txt", "_g08_c01", "", "_gXX_cYY"),
        ("classInd.txt", "2 Hand", "7 Hand", "not 1 to 4"),
        ("classInd.txt", "2 Handstand", "Handstand", "'NUMBER NAME'"),
        ("testlist01.txt", "YoYo/v_YoYo", "../v_YoYo", "is refused"),
        ("testlist01.txt", "YoYo/v_YoYo", "/etc/v_YoYo", "is refused"),
        ("testlist01.txt", "YoYo/v_YoYo", "C:\\x\\v_YoYo", "is refused"),
        ("testlist01.txt", "YoYo/v_YoYo", "YoYo\\..\\..\\v_YoYo", "is refused"),
    ],
)
def test_lists_that_make_no_sense(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    root = trees.ucf101(tmp_path)
    edit(root, name, old, new)
    with pytest.raises(ValueError, match=said):
        UCF101(root, "train")


@pytest.mark.parametrize(("split", "fold"), [("val", 1), ("train", 0), ("train", 4)])
def test_unknown_split_or_fold(tmp_path: Path, split: str, fold: int) -> None:
    with pytest.raises(ValueError, match=r"train, test|1, 2, 3"):
        UCF101(trees.ucf101(tmp_path), split, fold)  # type: ignore[arg-type]


def test_a_wrong_layout_says_what_belongs_where(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent is not a folder"):
        UCF101(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"expected .*ucfTrainTestlist"):
        UCF101(tmp_path)
    root = trees.ucf101(tmp_path / "tree")
    (root / "ucfTrainTestlist" / "testlist02.txt").unlink()
    with pytest.raises(ValueError, match=r"expected .*testlist02\.txt"):
        UCF101(root, "train", 2)
    (root / "UCF-101").rename(root / "UCF101")
    with pytest.raises(ValueError, match=r"class folders of UCF-101 not found: expected .*UCF-101"):
        UCF101(root)
    (root / "UCF101").rename(root / "UCF-101")
    for folder in (root / "UCF-101").iterdir():
        folder.rename(root / folder.name)
    with pytest.raises(
        ValueError, match=r"none of the 8 .* the first is missing: .*/UCF-101/ApplyEyeMakeup"
    ):
        UCF101(root)
