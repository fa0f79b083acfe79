"""Write which keywords PyAV takes in every version that requirements.lock pins.

PyAV's functions are compiled and carry no signatures, but every wheel has type stubs. The tests
compare the keywords that this repository passes with them, for Pythons that are not at hand too.
Run ``python -m tools.pyav_signatures`` after the lock has changed.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests" / "video" / "pyav_signatures.json"
SOURCES = ("sdc_lib", "tests", "benchmarks", "tools")
ANYTHING = "**"
_OF_PILLOW = {"save"}
Signatures = Mapping[str, set[str]]


def locked_versions() -> tuple[str, ...]:
    """The versions of PyAV in requirements.lock."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return tuple(re.findall(r"^av==(\S+)", text, flags=re.MULTILINE))


def signatures(stubs: Iterable[str]) -> dict[str, set[str]]:
    """Keywords by name of the function, over all classes and overloads of type stubs.

    ``av.open`` is a function of a module, ``seek`` a method of any class, and ``VideoFrame`` the
    ``__init__`` of a class. ``ANYTHING`` stands for ``**kwargs``.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for text in stubs:
        for owner in ast.walk(ast.parse(text)):
            for node in owner.body if isinstance(owner, ast.Module | ast.ClassDef) else ():
                if isinstance(node, ast.FunctionDef):
                    name = node.name if isinstance(owner, ast.ClassDef) else f"av.{node.name}"
                    if isinstance(owner, ast.ClassDef) and name == "__init__":
                        name = owner.name
                    found[name] |= {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
                    found[name] |= {ANYTHING} if node.args.kwarg else set()
    return dict(found)


def keyword_calls(known: Iterable[str]) -> dict[str, set[str]]:
    """Keywords that the repository passes to PyAV, by function name.

    Args:
        known: PyAV's functions. In files that import ``av``, every call of such a name counts.
    """
    names = set(known) - _OF_PILLOW
    found: dict[str, set[str]] = defaultdict(set)
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if re.search(r"^\s*(import av\b|from av[. ])", text, flags=re.MULTILINE):
                for node in ast.walk(ast.parse(text)):
                    name = _called(node)
                    if isinstance(node, ast.Call) and name in names:
                        found[name] |= {word.arg for word in node.keywords if word.arg}
    return {name: words for name, words in found.items() if words}


def installed_stubs(package: Path) -> list[str]:
    """The type stubs of an unpacked PyAV."""
    return [path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.pyi"))]


def _called(node: ast.AST) -> str:
    """Name of the function that a node calls, as ``signatures`` has it; empty for other nodes."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if not isinstance(node.func, ast.Attribute):
        return ""
    of_module = isinstance(node.func.value, ast.Name) and node.func.value.id == "av"
    is_function = of_module and not node.func.attr[0].isupper()
    return f"av.{node.func.attr}" if is_function else node.func.attr


def _wheel_stubs(version: str, folder: Path) -> list[str]:
    """Fetch one wheel and return its stubs; stubs do not depend on the platform."""
    for python in ("3.12", "3.11", "3.10"):
        command = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", f"av=={version}"]
        command += ["--python-version", python, "--dest", str(folder / version)]
        if subprocess.run([sys.executable, "-m", "pip", *command], check=False).returncode == 0:
            (wheel,) = (folder / version).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                members = [name for name in archive.namelist() if name.endswith(".pyi")]
                return [archive.read(name).decode() for name in members]
    raise SystemExit(f"no wheel of av {version} for any Python from 3.10 to 3.12")


def main() -> None:
    """Write the file that the tests read."""
    with tempfile.TemporaryDirectory() as folder:
        stubs = {version: _wheel_stubs(version, Path(folder)) for version in locked_versions()}
    taken = {version: signatures(texts) for version, texts in stubs.items()}
    ours = keyword_calls(set().union(*taken.values()))
    table = {
        version: {name: sorted(known.get(name, ())) for name in sorted(ours)}
        for version, known in taken.items()
    }
    TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"{len(ours)} functions of {len(table)} versions written to {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
