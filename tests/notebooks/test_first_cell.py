"""The first cell finds the clone from wherever it runs, and elsewhere says to clone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.rules import FIRST_CELL
from tools.tidy import ROOT

# As in an environment in which the package is not installed.
NOT_INSTALLED = "import sys\nsys.path = [p for p in sys.path if not p or '/lib/' in p]\n"
WHERE = "\nimport sdc_lib\nprint(os.getcwd(), Path(sdc_lib.__file__).parents[1])"


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", [".", "notebooks", "data/clips"])
def test_it_goes_to_the_root_of_the_clone(folder: str) -> None:
    done = run(NOT_INSTALLED + FIRST_CELL + WHERE, ROOT / folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{ROOT} {ROOT}\n"


def test_outside_it_finds_a_clone_that_is_installed(tmp_path: Path) -> None:
    done = run(f"import sys\nsys.path.append({str(ROOT)!r})\n{FIRST_CELL}{WHERE}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sdc_lib" not in done.stdout
    assert str(tmp_path) not in done.stdout


def test_elsewhere_it_says_to_clone(tmp_path: Path) -> None:
    done = run(NOT_INSTALLED + FIRST_CELL, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: no sdc_lib here: clone")
