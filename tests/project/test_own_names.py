"""Nothing is fetched or installed from a name that may belong to somebody else."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {".py", ".pyi", ".md", ".ipynb", ".toml", ".yml", ".yaml", ".sh", ".cff", ""}
# Of this project's name, and of a repository by address: anybody may register either.
FOREIGN = re.compile(
    r"install[^\n]{0,40}sdc-video|git\+(?:https?|ssh)|(?:github\.com|/gh|/github)/sdc-video"
)


def texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = [Path(name) for name in listed.stdout.splitlines()]
    return [ROOT / name for name in names if name.suffix in TEXTS and (ROOT / name).is_file()]


def test_no_name_that_is_not_ours() -> None:
    files = [path for path in texts() if path != Path(__file__).resolve()]
    if not files:
        pytest.skip("not a git checkout")
    found = {
        str(path.relative_to(ROOT)): match.group(0)
        for path in files
        for match in [FOREIGN.search(path.read_text(encoding="utf-8"))]
        if match and path.name != "test_lint.py"
    }
    assert found == {}
