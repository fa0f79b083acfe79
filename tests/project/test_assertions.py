"""Every test asserts something, expects an error, or calls a helper that asserts.

Whether what it asserts could be false is not seen here.
"""

from __future__ import annotations

import ast
from pathlib import Path

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


def test_every_test_asserts_something() -> None:
    found = {str(path.relative_to(TESTS)): silent(path.read_text("utf-8")) for path in FILES}
    assert len(found) > 100
    assert {name: tests for name, tests in found.items() if tests} == {}


def test_silence_is_heard() -> None:
    helper = "def check(x): assert x\n"
    loud = "def test_a(): check(1)\ndef test_b(): raises(ValueError)\n"
    assert silent(f"{helper}{loud}def test_c(): print(check)\n") == ["test_c"]
