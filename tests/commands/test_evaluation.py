"""`sdc evaluate` over everything that a folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.commands.app import main
from tests.helpers.small_gallery import weights
from tests.helpers.small_world import make_world

__all__ = ["weights"]


def own_videos(root: Path, torn: str) -> Path:
    """A folder of two classes in two parts, and a file that is no video."""
    own = root / "own"
    for part, videos in (("train", 8), ("test", 4)):
        for number, file in enumerate(make_world(root / "made", part, videos)):
            target = own / part / f"class{number % 2}" / file.path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.path.read_bytes() + part.encode())
    (own / torn).write_bytes(b"nothing to see here" * 50)
    return own


@pytest.mark.slow
def test_all_protocols_on_all_data_print_one_table(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = own_videos(tmp_path, torn="train/class0/torn.mp4")
    results = tmp_path / "results"
    words = ["evaluate", str(weights), "--dataset", "all", "--protocol", "all", "--epochs", "1"]
    words += ["--data-dir", str(own), "--results-dir", str(results)]
    words += ["--cache-dir", str(tmp_path / "cache")]
    assert main([*words, "--workers", "0", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("data, protocol, metric, %")
    rows = [line.rsplit("  ", 1)[0].strip() for line in printed[2:-2]]
    assert set(rows) == {
        "folder, linear, top-1",
        "folder, retrieval, R@1",
        "folder, retrieval, R@5",
        "folder, knn, top-1",
        "folder, linear_online, top-1",
        "folder, finetune, top-1",
    }
    assert printed[-2] == "folder, fold 1: 4 of 4 videos"
    assert printed[-1].startswith("left out: train/class0/torn.mp4: ")
    assert len(list((results / "records").glob("*.json"))) == 5
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2  # of either split
    assert not (results / "features").exists()
    assert main([*words, "--workers", "0", "--device", "cpu"]) == 0  # from the records
    assert capsys.readouterr().out.splitlines() == printed


@pytest.mark.slow
def test_what_was_left_out_is_printed_for_one_protocol_and_for_all_data_alike(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = own_videos(tmp_path, torn="test/class1/torn.mp4")
    words = ["evaluate", str(weights), "--protocol", "knn", "--data-dir", str(own)]
    words += ["--workers", "0", "--device", "cpu", "--results-dir", str(tmp_path / "results")]
    lines = []
    for dataset in ("folder", "all"):
        assert main([*words, "--dataset", dataset]) == 0
        printed = capsys.readouterr().out.splitlines()
        lines.append([line for line in printed if line.startswith("left out: ")])
    assert lines[0] == lines[1]
    assert len(lines[0]) == 1
    assert "torn.mp4" in lines[0][0]
    assert (tmp_path / "results" / "features").is_dir()  # as the help of --cache-dir says


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
