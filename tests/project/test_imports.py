"""What a module needs at run time; `make lint` checks the directions of imports."""

import subprocess
import sys

import pytest

NEVER = ("sklearn", "matplotlib", "ipywidgets", "IPython")
PRETRAINING = f"""
import sys
for name in {NEVER!r}:
    sys.modules[name] = None  # as if it were not installed
import sdc_lib.pretraining
"""
ADDED = """
import sys
import torch, torchvision, lightning_fabric
before = set(sys.modules)
import sdc_lib.pretraining
print(sorted(set(sys.modules) - before))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_pretraining_runs_without_the_packages_of_evaluation_and_notebooks() -> None:
    assert run(PRETRAINING) == ""


@pytest.mark.slow
def test_pretraining_itself_loads_none_of_them() -> None:
    added = run(ADDED)
    assert "'sdc_lib.pretraining'" in added
    assert [name for name in NEVER if f"'{name}'" in added] == []
