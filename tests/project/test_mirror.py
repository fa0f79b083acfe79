"""The tests mirror the package: what a file tests can be read off its name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Folders of tests that are of no one module.
OTHERS = {
    "benchmarks",
    "browser",
    "helpers",
    "integration",
    "notebooks",
    "project",
    "reference",
}
FILES = sorted(
    path.relative_to(ROOT / "tests")
    for path in (ROOT / "tests").rglob("test_*.py")
    if path.relative_to(ROOT / "tests").parts[0] not in OTHERS
)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_is_named_after_its_module(path: Path) -> None:
    folder = ROOT / "sdc_lib" / path.parent
    names = {entry.stem for entry in folder.iterdir()} | {path.parent.name}
    name = path.stem.removeprefix("test_")
    assert any(name == module or name.startswith(f"{module}_") for module in names)


def test_only_these_folders_stand_beside_the_mirror() -> None:
    mirrored = {path.name for path in (ROOT / "sdc_lib").iterdir() if path.is_dir()}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert {name for name in folders if not name.startswith("_")} <= mirrored | OTHERS
