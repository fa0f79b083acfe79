"""`sdc data`: generating, checking and preparing data sets from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from sdc_lib.commands.app import main
from sdc_lib.datasets.names import DATASETS, DatasetName
from sdc_lib.video import probe, write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two short videos in two classes."""
    for name, value in (("calm/a.mp4", 40), ("loud/b.mp4", 200)):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True)
        write_video(path, np.full((6, 32, 32, 3), value, dtype=np.uint8))
    return tmp_path / "videos"


def test_sizes_have_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[tuple[Path, str, int]] = []

    def make(root: Path, *, size: str, seed: int) -> None:
        made.append((root, size, seed))

    stand_in = SimpleNamespace(make_motion_factors=make)
    monkeypatch.setitem(sys.modules, "sdc_lib.datasets.motion_factors", stand_in)
    assert main(["data", "make", "motion-factors"]) == 0
    assert main(["data", "make", "motion-factors", "--size", "standard", "--seed", "3"]) == 0
    assert made == [
        (Path("data/motion_factors"), "tiny", 0),
        (Path("data/motion_factors_standard"), "standard", 3),
    ]
    assert "MotionFactors (tiny) is in" in capsys.readouterr().out


def test_flag_knows_every_data_set() -> None:
    assert get_args(DatasetName) == tuple(DATASETS)


def test_check_of_good_files_writes_the_manifest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(folder), "--dataset", "folder", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "decoded: 2 of 2 videos to the end" in said
    manifest = folder / "sdc_manifest.csv"
    assert f"manifest: {manifest}" in said
    assert "calm/a.mp4" in manifest.read_text(encoding="utf-8")


def test_check_lists_what_cannot_be_used_and_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "calm" / os.fsdecode(b"t\xf6rn.mp4")).write_bytes(b"not a video at all" * 40)
    assert main(["data", "check", str(folder), "--dataset", "folder", "--workers", "1"]) == 1
    said = capsys.readouterr().out
    assert "calm/t\\udcf6rn.mp4" in said
    assert "decoded: 2 of 3 videos to the end" in said


@pytest.mark.parametrize(
    ("dataset", "said"),
    [("motion-factors", "meta.json"), ("ucf101", "UCF-101"), ("folder", "no videos")],
)
def test_wrong_layout_is_one_line(
    dataset: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(tmp_path), "--dataset", dataset]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert str(tmp_path) in error


def test_missing_root_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(tmp_path / "gone"), "--dataset", "folder"]) == 1
    assert "gone does not exist" in capsys.readouterr().err


def test_prepare_copies_and_tells_what_failed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "calm" / "torn.mp4").write_bytes(b"not a video at all" * 40)
    copies = tmp_path / "small"
    words = ["data", "prepare", str(folder), str(copies), "--short-side", "16", "--workers", "1"]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "2 videos prepared, 0 were there already" in said
    assert "calm/torn.mp4" in said
    assert probe(copies / "loud" / "b.mp4").height == 16
    (folder / "calm" / "torn.mp4").unlink()
    assert main(words) == 0
    assert "0 videos prepared, 2 were there already" in capsys.readouterr().out
