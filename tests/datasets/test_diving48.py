"""Diving-48: version 2, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.datasets import Diving48, diving48
from tests.datasets import trees


def test_splits_labels_and_names(tmp_path: Path) -> None:
    root = trees.diving48(tmp_path)
    train, test = Diving48(root), Diving48(root, "test")
    assert train[0].name == "rgb/-mmq0PT-u8k_00000.mp4"
    assert train.targets().tolist() == [47, 46, 45, 44]
    assert test.targets().tolist() == [47, 46]
    assert len(train.class_names) == len(test.class_names) == 48
    assert train.class_names[3] == "Back 15som 03Twis FREE"
    assert set(train.groups) == {"-mmq0PT-u8k"}
    assert "listed: 4, 15023 fewer than the official 15027" in train.summary()
    assert "1 sources have videos in both train and test" in train.summary()


def test_annotations_and_videos_may_have_folders(tmp_path: Path) -> None:
    root = trees.diving48(tmp_path)
    (root / "annotations").mkdir()
    for path in root.glob("*.json"):
        path.rename(root / "annotations" / path.name)
    (root / "rgb").rename(root / "videos")
    assert Diving48(root)[0].name == "videos/-mmq0PT-u8k_00000.mp4"


def test_version_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Diving48_train\.json: version 1 .* is refused"):
        Diving48(trees.diving48(tmp_path, version=""))
    with pytest.raises(ValueError, match=r"put Diving48_V2_train\.json beside it"):
        Diving48(tmp_path)


def test_a_renamed_version_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = trees.diving48(tmp_path, train=5)
    assert len(Diving48(root)) == 5
    small = replace(diving48._OFFICIAL, videos=({"train": 4},))
    monkeypatch.setattr(diving48, "_OFFICIAL", small)
    with pytest.raises(ValueError, match="lists 5 videos, V2 has 4: is it a renamed"):
        Diving48(root)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"a": 1}, "holds a dict"),
        ([{"vid_name": "x_00001", "label": 48}], "entry 1: .* label from 0 to 47"),
        ([{"vid_name": "x_00001", "label": "3"}], "label from 0 to 47"),
        ([{"vid_name": "x_00001"}], "needs a vid_name and a label"),
        (["x_00001"], "needs a vid_name and a label"),
        ([{"vid_name": "../x", "label": 3}], "is refused"),
        ([{"vid_name": "-mmq0PT-u8k_00100", "label": 3}], "1 videos are in both"),
        ([], "list no videos"),
    ],
)
def test_entries_that_make_no_sense(tmp_path: Path, entries: Any, said: str) -> None:
    root = trees.diving48(tmp_path)
    (root / "Diving48_V2_train.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=said):
        Diving48(root)


def test_broken_json_and_missing_vocabulary(tmp_path: Path) -> None:
    root = trees.diving48(tmp_path)
    (root / "Diving48_V2_test.json").write_text("[{")
    with pytest.raises(ValueError, match=r"Diving48_V2_test\.json is not JSON"):
        Diving48(root)
    (root / "Diving48_vocab.json").unlink()
    with pytest.raises(ValueError, match=r"expected .*Diving48_vocab\.json"):
        Diving48(root)
