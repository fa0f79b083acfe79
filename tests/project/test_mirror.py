"""The tests mirror the package: what a file tests can be read off its name."""

from pathlib import Path

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


def has_a_module(path: Path) -> bool:
    """Whether a module, or the folder, gives a file of tests its name."""
    folder = ROOT / "sdc_lib" / path.parent
    modules = {entry.stem for entry in folder.iterdir()} if folder.is_dir() else set()
    name = path.stem.removeprefix("test_")
    return any(
        name == module or name.startswith(f"{module}_") for module in modules | {path.parent.name}
    )


def test_files_are_named_after_their_modules() -> None:
    assert len(FILES) > 80
    assert [str(path) for path in FILES if not has_a_module(path)] == []


def test_only_these_folders_stand_beside_the_mirror() -> None:
    mirrored = {path.name for path in (ROOT / "sdc_lib").iterdir() if path.is_dir()}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert {name for name in folders if not name.startswith("_")} <= mirrored | OTHERS
