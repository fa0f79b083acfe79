"""`sdc evaluate` over everything that a folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.commands.app import main
from tests.helpers.small_gallery import weights
from tests.helpers.small_world import make_world

__all__ = ["weights"]


@pytest.mark.slow
def test_all_protocols_on_all_data_print_one_table(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, videos in (("train", 8), ("test", 4)):
        for number, file in enumerate(make_world(tmp_path / "made", part, videos)):
            target = tmp_path / "own" / part / f"class{number % 2}" / file.path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.path.read_bytes() + part.encode())
    results = tmp_path / "results"
    words = ["evaluate", str(weights), "--dataset", "all", "--protocol", "all", "--epochs", "1"]
    words += ["--data-dir", str(tmp_path / "own"), "--results-dir", str(results)]
    words += ["--cache-dir", str(tmp_path / "cache")]
    assert main([*words, "--workers", "0", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("data, protocol, metric, %")
    rows = [line.rsplit("  ", 1)[0].strip() for line in printed[2:-1]]
    assert set(rows) == {
        "folder, linear, top-1",
        "folder, retrieval, R@1",
        "folder, retrieval, R@5",
        "folder, knn, top-1",
        "folder, linear_online, top-1",
        "folder, finetune, top-1",
    }
    assert printed[-1] == "folder, fold 1: 4 of 4 videos"
    assert len(list((results / "records").glob("*.json"))) == 5
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2  # of either split
    assert not (results / "features").exists()


def test_several_records_cannot_have_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "random:ucf101", "--dataset", "ucf101", "--protocol", "all"]
    assert main([*words, "--name", "mine"]) == 1
    assert capsys.readouterr().err == (
        "sdc: --name is 'mine'; with all there are many records: omit it\n"
    )


def test_one_fold_of_all_data_sets_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "random:ucf101", "--dataset", "all", "--fold", "7"]) == 1
    assert capsys.readouterr().err == (
        "sdc: --fold is 7; with all data sets, all folds count: omit it\n"
    )
