"""Badges are written for whoever hosts a copy, and taken out again without a trace."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.notebooks.made_up import made_up, save
from tools.badges import main


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(made_up("print(PROFILE)"), tmp_path / "01_first.ipynb")


def first_cell(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[0].source)


def test_badges_stand_below_the_promise_and_name_the_host(path: Path) -> None:
    assert main(["--folder", str(path.parent), "--repo", "some.one/a-copy"]) == 0
    title, promise, badges, *_ = first_cell(path).split("\n\n")
    assert title.startswith("# ")
    assert promise.startswith("It shows")
    assert badges.count("\n") == 1
    assert badges.count("some.one/a-copy/") == 2
    assert badges.count("notebooks/01_first.ipynb") == 2


def test_writing_twice_changes_nothing_more_and_no_name_takes_them_out(path: Path) -> None:
    before = first_cell(path)
    for repo in ("a/b", "c/d"):
        main(["--folder", str(path.parent), "--repo", repo])
    assert first_cell(path).count("mybinder.org/v2/gh/c/d/") == 1
    assert "a/b" not in first_cell(path)
    main(["--folder", str(path.parent)])
    assert first_cell(path) == before.rstrip()


def test_a_name_that_is_no_repository_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = path.read_bytes()
    assert main(["--folder", str(path.parent), "--repo", "https://example.org/x"]) == 2
    assert "'https://example.org/x'; it must be owner/name" in capsys.readouterr().err
    assert path.read_bytes() == before
