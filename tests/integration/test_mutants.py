"""Damage the method on purpose and see the tests notice.

Each mutant is one small replacement in a copy of the library; the tests of that copy must fail.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """One planted bug and the tests that should find it."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = {
    "Sinkhorn scales samples where it should scale concepts": Mutant(
        "codebook.py",
        "log_q.log_softmax(dim=-2)  # concepts share alike\n"
        "        log_q = log_q.log_softmax(dim=-1)",
        "log_q.log_softmax(dim=-1)  # concepts share alike\n"
        "        log_q = log_q.log_softmax(dim=-2)",
        ("tests/test_codebook.py",),
    ),
    "Sinkhorn lets gradients through": Mutant(
        "codebook.py",
        "@torch.no_grad()\n@full_precision\ndef sinkhorn",
        "@full_precision\ndef sinkhorn",
        ("tests/test_codebook.py",),
    ),
    "InfoNCE's key is not detached": Mutant(
        "contrast.py",
        "key = F.normalize(key.detach(), dim=-1)",
        "key = F.normalize(key, dim=-1)",
        ("tests/test_contrast.py",),
    ),
    "local contrast's key is not detached": Mutant(
        "attention.py",
        "descriptors.detach().flip(1)",
        "descriptors.flip(1)",
        ("tests/test_attention_local.py",),
    ),
    "the halves of the codebook are swapped in diversity": Mutant(
        "objective.py",
        "torch.stack([differences, stills])",
        "torch.stack([stills, differences])",
        ("tests/test_objective.py",),
    ),
    "the halves of the codebook are swapped": Mutant(
        "model/heads.py",
        '"static": codebook.static, "dynamic": codebook.dynamic}',
        '"static": codebook.dynamic, "dynamic": codebook.static}',
        ("tests/model/test_heads.py",),
    ),
    "InfoNCE forgets its temperature": Mutant(
        "contrast.py",
        "(query @ key.mT / temperature).log_softmax",
        "(query @ key.mT).log_softmax",
        ("tests/test_contrast.py",),
    ),
    "alignment forgets its temperature": Mutant(
        "codebook.py",
        "logits = scores / temperature",
        "logits = scores",
        ("tests/test_codebook.py",),
    ),
    "negatives are divided by B instead of B - 1": Mutant(
        "attention.py",
        "negative / (samples - 1)",
        "negative / samples",
        ("tests/test_attention_local.py",),
    ),
    "an active concept takes the first sample for its own": Mutant(
        "attention.py",
        "device=rows.device), rows]",
        "device=rows.device), 0 * rows]",
        ("tests/test_attention_local.py",),
    ),
    "the margin has the wrong sign": Mutant(
        "attention.py",
        "F.relu(margin - distance)",
        "F.relu(distance - margin)",
        ("tests/test_attention_local.py",),
    ),
    "the filter keeps its threshold": Mutant(
        "attention.py",
        "else both > threshold",
        "else both >= threshold",
        ("tests/test_attention_local.py",),
    ),
    "fidelity's target is not detached": Mutant(
        "regularizers.py",
        "F.normalize(features.detach(), dim=-1)",
        "F.normalize(features, dim=-1)",
        ("tests/test_regularizers.py",),
    ),
    "the queue never advances": Mutant(
        "codebook.py",
        "self.scores = torch.cat([self.scores[len(new) :], new])",
        "self.scores = torch.cat([self.scores[: -len(new)], new])",
        ("tests/test_codebook_queue.py",),
    ),
}


def run_tests(root: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run test files in a copy of the project."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1800)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the library and of its tests."""
    for name in ("sdc_lib", "tests", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.mutants
def test_without_damage_all_tests_pass(copy: Path) -> None:
    tests = {test for mutant in MUTANTS.values() for test in mutant.tests}
    done = run_tests(copy, tuple(sorted(tests)))
    assert done.returncode == 0, done.stdout


@pytest.mark.mutants
@pytest.mark.parametrize("name", list(MUTANTS))
def test_damage_is_noticed(name: str, copy: Path) -> None:
    mutant = MUTANTS[name]
    path = copy / "sdc_lib" / mutant.file
    path.write_text(path.read_text().replace(mutant.old, mutant.new))
    done = run_tests(copy, mutant.tests)
    assert done.returncode == 1, f"nobody noticed that {name}\n{done.stdout}{done.stderr}"
    assert "AssertionError" in done.stdout or "assert " in done.stdout, done.stdout


@pytest.mark.parametrize("name", list(MUTANTS))
def test_each_mutant_still_fits_the_code(name: str) -> None:
    mutant = MUTANTS[name]
    assert (ROOT / "sdc_lib" / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert all((ROOT / test).exists() for test in mutant.tests)
