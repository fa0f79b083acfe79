"""The benchmark of the objective, at its smallest, and the record that it left."""

import json
import math
import platform
from pathlib import Path

import pytest
import torch

from benchmarks import objective
from benchmarks.objective import (
    Cost,
    Kind,
    device_name,
    measure,
    measure_apart,
    random_output,
    table,
    total,
)

RECORD = Path(__file__).parents[2] / "results" / "benchmark_objective.json"


def test_both_sides_compute_the_same_total() -> None:
    output = random_output(3, 10, "cpu", dim=4)
    ours, loops = total("ours", output), total("loops", output)
    assert math.isclose(ours.item(), loops.item(), rel_tol=1e-5)  # float32


@pytest.mark.parametrize(("kind", "seconds"), [("ours", 2.0), ("loops", 5.0)])
def test_a_measurement_is_the_best_time_and_the_memory_on_top(
    kind: Kind, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, memory = iter([0.0, 5.0, 10.0, 12.0]), iter([4 * 2**20, 7 * 2**20])
    monkeypatch.setattr(objective, "REPEATS", 2)
    monkeypatch.setattr("benchmarks.objective.time.process_time", lambda: next(clock))
    monkeypatch.setattr(objective, "_peak_bytes", lambda _: next(memory))
    assert measure(kind, 2, 10, "cpu", dim=4) == Cost(seconds, 3.0)


@pytest.mark.slow
def test_a_measurement_that_takes_too_long_is_stopped() -> None:
    assert measure_apart("loops", 64, 200, "cpu", limit=1) is None


def test_table_says_what_was_stopped() -> None:
    row = {
        "batch": 16,
        "concepts": 50,
        "ours_seconds": 0.125,
        "ours_mebibytes": 50.4,
        "loops_seconds": None,
        "loops_mebibytes": None,
    }
    lines = table({"rows": [row], "limit_seconds": 30.0}).splitlines()
    assert lines[-1] == "| 16 | 50 | 0.125 | over 30 | 50 | - |"


def test_every_row_is_written_and_hopeless_ones_are_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def measured(kind: Kind, b: int, k: int, device: str, limit: float) -> Cost | None:
        tried.append((kind, b, k))
        return Cost(0.5, 2.0) if kind == "ours" or (b, k) == (16, 50) else None

    monkeypatch.setattr(objective, "measure_apart", measured)
    out = tmp_path / "new" / "record.json"
    record = objective.benchmark([16, 32], [50, 100], "cpu", 7, out)
    assert json.loads(out.read_text()) == record
    assert [row["loops_seconds"] for row in record["rows"]] == [0.5, None, None, None]
    # (16, 100) and (32, 50) took too long, so (32, 100) would
    assert ("loops", 32, 100) not in tried
    assert ("ours", 32, 100) in tried


def test_the_processor_has_the_name_that_linux_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(objective, "Path", lambda _: info)
    assert device_name("cpu") == (platform.processor() or platform.machine())
    info.write_text("processor\t: 0\nmodel name\t: Quick 9000\nmodel name\t: Other\n")
    assert device_name("cpu") == "Quick 9000"


def test_the_record_states_what_it_ran_on() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert record["device"]
    assert record["threads"] == 1
    assert record["torch"].split(".")[0] == torch.__version__.split(".")[0]
    assert record["rows"]
    for row in record["rows"]:
        if row["loops_seconds"] is not None:
            assert row["ours_seconds"] > 0
            assert row["ours_seconds"] < row["loops_seconds"]
