"""What a module needs at run time; `make lint` checks the directions of imports."""

import resource
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
HEAVY = (*NEVER, "scipy", "pandas", "decord", "tensorboard", "tyro")
NEEDED = "import torch, torchvision, lightning_fabric"
ADDED = f"""
import sys
{NEEDED}
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
    assert [name for name in HEAVY if f"'{name}'" in added] == []


def cpu_seconds(code: str) -> float:
    """Processor time of a fresh interpreter, which other processes change less than the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_pretraining_costs_little_more_than_what_it_stands_on() -> None:
    ratios: list[float] = []
    while not ratios or (len(ratios) < 5 and min(ratios) > 1.5):
        needed = cpu_seconds(NEEDED)
        ratios.append(cpu_seconds("import sdc_lib.pretraining") / needed)
    assert min(ratios) <= 1.5
