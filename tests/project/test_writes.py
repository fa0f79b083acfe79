"""Every file of the package is written whole or not at all, by the writer in support/files.py."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "sdc_lib"
FILES = sorted(ROOT.rglob("*.py"))
OTHERWISE = {
    "support/files.py": "is that writer",
    "support/locks.py": "a number that only a message reads",
    "training/log.py": "appends rows; what was cut short is dropped when a run goes on",
    "datasets/manifest.py": "appends rows; what was cut short is checked again",
    "datasets/motion_factors/generate.py": "appends rows; what was cut short is made again",
    "video/write.py": "inside written_beside",
    "video/transcode.py": "inside written_beside",
}


def writes(source: str) -> list[str]:
    """Calls that change a file where it is."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        words = [*node.args, *(keyword.value for keyword in node.keywords)]
        modes = [w.value for w in words if isinstance(w, ast.Constant) and isinstance(w.value, str)]
        opens = name == "open" and any(
            set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in modes
        )
        if opens or name in {"write_text", "write_bytes", "to_csv", "tofile", "save_file"}:
            found.append(ast.unparse(node))
    return found


def test_no_file_is_written_in_its_place() -> None:
    found = {path.relative_to(ROOT).as_posix(): writes(path.read_text("utf-8")) for path in FILES}
    assert len(found) > 100
    assert {name: calls for name, calls in found.items() if calls and name not in OTHERWISE} == {}
    assert {name: len(found[name]) for name in OTHERWISE} == dict.fromkeys(OTHERWISE, 1)


def test_writing_is_seen() -> None:
    seen = ("open(p, 'w')", "p.open('ab')", "p.open(mode='r+')", "p.write_bytes(b'')")
    assert [writes(line) for line in seen] == [[line] for line in seen]
    assert writes("p.open()\np.open('rb')\nopen(p, encoding='utf-8')") == []
