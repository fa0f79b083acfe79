"""No test that cannot fail: each asserts, expects an error, or calls a helper that asserts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("test_*.py"))


def asserts(function: ast.FunctionDef, helpers: frozenset[str] = frozenset()) -> bool:
    """Whether a function asserts, itself or by calling one of the helpers."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if "assert" in name or name in {"raises", "warns", "fail"} or name in helpers:
                return True
    return False


def silent(source: str) -> list[str]:
    """Tests of a file that assert nothing."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    helpers = frozenset(f.name for f in functions if not f.name.startswith("test_") and asserts(f))
    return [f.name for f in functions if f.name.startswith("test_") and not asserts(f, helpers)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_every_test_of_a_file_can_fail(path: Path) -> None:
    assert silent(path.read_text(encoding="utf-8")) == []


def test_silence_is_heard() -> None:
    helper = "def check(x): assert x\n"
    loud = "def test_a(): check(1)\ndef test_b(): raises(ValueError)\n"
    assert silent(f"{helper}{loud}def test_c(): print(check)\n") == ["test_c"]
