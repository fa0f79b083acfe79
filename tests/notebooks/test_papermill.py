"""Papermill runs a notebook from the root of the clone and leaves the result elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.rules import FOLDER
from tools.tidy import ROOT

READS_CLIPS = "pedestrians.mp4"


@pytest.mark.slow
def test_the_clips_are_found_from_the_root(tmp_path: Path) -> None:
    notebook = nbformat.read(FOLDER / "08_your_own_videos.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = next(number for number, cell in enumerate(code) if READS_CLIPS in cell.source)
    notebook.cells = code[: last + 1]
    nbformat.write(notebook, tmp_path / "begun.ipynb")
    paths = [str(tmp_path / name) for name in ("begun.ipynb", "elsewhere.ipynb")]
    options = ["-k", "python3", "-p", "OUT_DIR", str(tmp_path / "files")]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *paths, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((tmp_path / "files" / "my_videos").rglob("*.mp4"))) > 1
