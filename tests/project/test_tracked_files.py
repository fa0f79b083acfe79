"""What is committed can be used where it is cloned."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 8_000_000
"""Bytes; the largest files are weights."""


def tracked() -> dict[str, str]:
    """Path -> mode of every committed file."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    entries = [entry.partition("\t") for entry in listed.stdout.split("\0") if entry]
    if not entries:
        pytest.skip("not a git checkout")
    return {name: stage.split()[0] for stage, _, name in entries}


def test_there_are_files_only_and_no_links_to_places_of_one_machine() -> None:
    modes = tracked()
    assert {name: mode for name, mode in modes.items() if mode not in ("100644", "100755")} == {}


def test_no_file_is_larger_than_weights_may_be() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in tracked() if (ROOT / name).is_file()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
