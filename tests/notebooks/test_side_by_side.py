"""Pieces of work at a time: really at once, the longest first, each after what it needs."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest

from tools.side_by_side import in_order, side_by_side

MINUTES = {"00": 1.0, "01": 0.5, "06": 1.5, "07": 2.5, "08": 1.0}


def meet(name: str, line: int, folder: Path) -> tuple[str, int, int]:
    """Say that it is here, and wait until another one is."""
    (folder / name).touch()
    until = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < until, f"{name} is alone"
        time.sleep(0.01)
    return name, line, os.getpid()


def write(name: str, line: int, folder: Path) -> list[str]:
    """What is done when this begins."""
    found = sorted(path.name for path in folder.iterdir())
    time.sleep(0.2)
    (folder / name).touch()
    return found


@pytest.mark.slow
def test_two_run_at_once_each_with_a_line_of_its_own(tmp_path: Path) -> None:
    results = side_by_side(partial(meet, folder=tmp_path), {"a": 1.0, "b": 2.0}, 2, {})
    assert [name for name, _, _ in results] == ["a", "b"]
    assert {line for _, line, _ in results} == {0, 1}
    assert os.getpid() not in {process for _, _, process in results}


@pytest.mark.slow
def test_what_needs_another_waits_for_it(tmp_path: Path) -> None:
    names = {"07": 2.5, "06": 1.5, "08": 0.1}
    results = side_by_side(partial(write, folder=tmp_path), names, 2, {"07": "06"})
    assert "06" in dict(zip(names, results, strict=True))["07"]


def test_one_at_a_time_runs_here_in_the_order_of_names(tmp_path: Path) -> None:
    results = side_by_side(partial(write, folder=tmp_path), {"a": 1.0, "b": 2.0}, 1, {"a": "b"})
    assert results == [[], ["a"]]


def test_the_longest_way_begins_first() -> None:
    assert in_order(MINUTES, {"07": "06"}) == ["06", "07", "00", "08", "01"]
    assert in_order(MINUTES, {}) == ["07", "06", "00", "08", "01"]
