"""The drill notices what it is there for, and all of it ends right at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import drill
from sdc_lib.datasets import VideoCSV


def test_absurd_values_and_hostile_lists_end_right(tmp_path: Path) -> None:
    values, lists = list(drill.absurd_values()), list(drill.hostile_lists(tmp_path))
    assert len(values) > 150
    assert len(lists) == 320
    assert [case for case in (*values, *lists) if case[1] != "right"] == []


def test_a_wrong_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "check_config", lambda config: None)
    assert {ending for _, ending in drill.absurd_values()} == {"wrong"}

    class Forgetful(VideoCSV):
        def __init__(self, file: Path) -> None:
            super().__init__(file)
            self.class_names = ("walk", "run")

    monkeypatch.setattr(drill, "VideoCSV", Forgetful)
    assert "wrong" in {ending for _, ending in drill.hostile_lists(tmp_path)}


@pytest.mark.slow
def test_kills_and_damaged_files_at_a_small_size(tmp_path: Path) -> None:
    out = tmp_path / "drill.json"
    assert drill.main(["--damaged", "10", "--kills", "1", "--workers", "1", "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    assert record["not_right"] == 0
    assert record["counts"]["kills and signals"] == {"right": 1}
