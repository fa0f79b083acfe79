"""Kinetics-400 in its official format."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.datasets.kinetics400 import Kinetics400
from tests.datasets import trees

HEAD = "label,youtube_id,time_start,time_end,split\n"


def test_train_with_quoted_labels_and_missing_videos(tmp_path: Path) -> None:
    videos = Kinetics400(trees.kinetics400(tmp_path))
    assert videos.class_names == ("abseiling", "tickling, gently", "zumba")
    assert [file.name for file in videos] == [
        "train/zumba/---QUuC4vJs_000084_000094.mp4",
        "train/tickling,_gently/_0-abcdEFGh_000005_000015.mkv",
    ]
    assert videos.targets().tolist() == [2, 1]
    assert videos.groups == ("---QUuC4vJs", "_0-abcdEFGh")
    said = videos.summary()
    assert "2 of 3 videos" in said
    assert "listed: 3, 246532 fewer than the official 246535" in said
    assert "train/abseiling/gone0000000_000000_000010.mp4" in said


def test_validation_is_numbered_like_training(tmp_path: Path) -> None:
    videos = Kinetics400(trees.kinetics400(tmp_path), "val")
    assert [file.name for file in videos] == [
        "abseiling/-3B32lodo2M_000059_000069.mp4",
        "validate/zumba/1234567890a_001000_001010.mp4",
    ]
    assert videos.targets().tolist() == [0, 2]


def test_the_test_list_has_no_labels(tmp_path: Path) -> None:
    videos = Kinetics400(trees.kinetics400(tmp_path), "test")
    assert [file.name for file in videos] == ["test/--6bJUbfpnQ_000017_000027.mp4"]
    assert videos[0].label is None
    with pytest.raises(ValueError, match="have no class label"):
        videos.targets()


def test_csv_files_in_a_folder_and_videos_in_another(tmp_path: Path) -> None:
    csv = {"val": f"\ufeff{HEAD}zumba,a-b_c,0,10.0,val\n\n"}
    root = trees.kinetics400(tmp_path, csv)
    (root / "annotations").mkdir()
    (root / "val.csv").rename(root / "annotations" / "val.csv")
    trees.touch(root / "videos" / "val" / "zumba" / "a-b_c_000000_000010.mp4")
    assert [file.name for file in Kinetics400(root, "val")] == [
        "videos/val/zumba/a-b_c_000000_000010.mp4"
    ]


def test_training_clips_that_validation_uses_are_left_out(tmp_path: Path) -> None:
    leaking = trees.KINETICS["train"] + "zumba,-3B32lodo2M,59,69,train,0\r\n"
    root = trees.kinetics400(tmp_path, {**trees.KINETICS, "train": leaking})
    videos = Kinetics400(root)
    assert "-3B32lodo2M" not in videos.groups
    assert "the val list uses it, too" in {out.cause for out in videos.left_out}
    assert "-3B32lodo2M" in Kinetics400(root, "val").groups


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label,id,start\n", "lacks the columns time_end, time_start, youtube_id"),
        ("youtube_id,time_start,time_end,split\na,0,10,val\n", "lacks the columns label"),
        (f"{HEAD}zumba,a,x,10,val\n", "line 2: the times are not numbers"),
        (f"{HEAD}zumba,a\n", "the times are not numbers"),
        (f"{HEAD}zumba,../../a,0,10,val\n", "is no clip"),
        (f"{HEAD}../zumba,a,0,10,val\n", "is refused"),
        (f"{HEAD}zum/ba,a,0,10,val\n", "cannot be the name of a folder"),
        (f"{HEAD}zumba,a,0,10,train\n", "split 'train' in the list of val"),
        (f"{HEAD},a,0,10,val\n", "line 2: a has no label"),
        (HEAD, "list no videos"),
        (f"{HEAD}zumba,a,0,10,val\n", "none of the 1 listed videos"),
    ],
)
def test_lists_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    wrong = text if "none of" not in said else text.replace("zumba", "yoga")
    root = trees.kinetics400(tmp_path, {"val": wrong})
    with pytest.raises(ValueError, match=said):
        Kinetics400(root, "val")


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    root = trees.kinetics400(tmp_path, {"test": trees.KINETICS["test"]})
    with pytest.raises(ValueError, match=r"expected .*train\.csv or .*annotations/train\.csv"):
        Kinetics400(root)
    with pytest.raises(ValueError, match="train, val, test"):
        Kinetics400(root, "all")
