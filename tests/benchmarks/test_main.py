"""`make bench` runs every measurement and goes on after a failure."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.__main__ import available, main


def test_every_measurement_runs_and_a_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def broken(_: list[str]) -> int:
        raise RuntimeError("no clock")

    names = available()
    assert "objective" in names
    for name in names:
        stand_in = SimpleNamespace(main=broken if name == "objective" else ran.append)
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", stand_in)
    assert main(["--out", str(tmp_path)]) == 1
    others = [name for name in names if name != "objective"]
    assert ran == [["--out", str(tmp_path / f"{name}.json")] for name in others]
    captured = capsys.readouterr()
    assert "failed: objective" in captured.out
    assert "no clock" in captured.err


def test_only_what_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setitem(sys.modules, "benchmarks.objective", SimpleNamespace(main=ran.append))
    assert main(["--only", "objective", "--out", str(tmp_path / "new")]) == 0
    assert ran == [["--out", str(tmp_path / "new" / "objective.json")]]
    assert "records are in" in capsys.readouterr().out
