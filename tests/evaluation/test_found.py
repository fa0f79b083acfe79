"""Which data sets a folder holds, and why others are skipped."""

from pathlib import Path

import pytest

from sdc_lib.evaluation.found import found_datasets
from tests.datasets import trees


def test_what_a_folder_holds_or_is_is_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no data set with a train and a test part"):
        found_datasets(tmp_path)
    trees.ucf101(tmp_path / "both" / "UCF101")
    (tmp_path / "both" / "motion_factors").mkdir()
    (tmp_path / "both" / "motion_factors" / "meta.json").write_text("{}")
    found = found_datasets(tmp_path / "both")
    assert found.folds == {"motion-factors": (1,), "ucf101": (1, 2, 3)}
    assert found.skipped == {}
    assert found_datasets(tmp_path / "both" / "UCF101").folds == {"ucf101": (1, 2, 3)}
    for name in ("train/a/1.mp4", "test/a/2.mp4"):
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).write_bytes(name.encode())
    assert found_datasets(tmp_path / "own").folds == {"folder": (1,)}


def test_kinetics_is_found_where_the_tested_part_has_labels(tmp_path: Path) -> None:
    trees.kinetics400(tmp_path / "kinetics400")
    trees.ucf101(tmp_path / "ucf101")
    found = found_datasets(tmp_path, "val")
    assert found.folds == {"kinetics400": (1,)}
    assert found.skipped == {"ucf101": "ucf101 has no split 'val'; it has: train, test"}


def test_kinetics_without_labels_or_lists_is_skipped_with_the_reason(tmp_path: Path) -> None:
    trees.kinetics400(tmp_path / "kinetics400")
    trees.ucf101(tmp_path / "ucf101")
    found = found_datasets(tmp_path)
    assert found.folds == {"ucf101": (1, 2, 3)}
    assert "have no class label" in found.skipped["kinetics400"]
    (tmp_path / "kinetics400" / "test.csv").unlink()
    assert "the test list of Kinetics-400" in found_datasets(tmp_path).skipped["kinetics400"]


def test_a_folder_of_which_all_is_skipped_is_refused_with_the_reasons(tmp_path: Path) -> None:
    trees.ucf101(tmp_path / "ucf101")
    with pytest.raises(ValueError, match=r"no data set .* val part.*; ucf101: .* no split 'val'"):
        found_datasets(tmp_path, "val")
