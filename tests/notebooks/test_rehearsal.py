"""The gpu profile's own path through notebooks 06 and 07, at toy size on a CPU."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from tests.datasets.trees import real_ucf101
from tools.run_notebooks import main


def rehearse(data_dir: Path, out: Path) -> str:
    """Run 06 and 07 and return what their last code cells before the exercises printed."""
    words = ["--profile", "rehearsal", "--only", "06", "07", "--device", "cpu"]
    assert main([*words, "--data-dir", str(data_dir), "--out", str(out)]) == 0
    printed = []
    for name in ("06_pretraining", "07_evaluation"):
        for cell in nbformat.read(out / f"{name}.ipynb", as_version=4).cells:
            printed += [o.text for o in cell.get("outputs", ()) if o.get("name") == "stdout"]
    return "".join(printed)


@pytest.mark.slow
def test_on_motion_factors(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    said = rehearse(data, tmp_path / "out")
    assert "pretraining motion_factors_toy" in said
    assert "motion_factors_toy, trained by notebook 06" in said
    assert "motion-factors, disentanglement, gap" in said
    assert "run this cell again" not in said


@pytest.mark.slow
def test_on_ucf101_and_going_on_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    real_ucf101(data / "ucf101")
    said = rehearse(data, tmp_path / "out")
    assert "pretraining ucf101_toy" in said
    assert "ucf101_toy, trained by notebook 06" in said
    assert "official data sets found: {'ucf101': 'folds (1, 2, 3)'}" in said
    assert "ucf101, finetune, top-1" in said
    assert "published: TCLR" in said
    records = sorted((tmp_path / "out" / "files" / "07_evaluation" / "records").iterdir())
    before = [path.stat().st_mtime_ns for path in records]
    assert len(records) == 2 * (6 + 3 * 5)
    assert "this run" in json.loads(records[-1].read_text())["column"]
    rehearse(data, tmp_path / "out")
    assert [path.stat().st_mtime_ns for path in records] == before
