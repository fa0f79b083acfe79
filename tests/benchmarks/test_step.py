"""The benchmark of a step, rehearsed with small clips; its goals, on numbers made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import step, step_report, step_rows
from benchmarks.step_rows import Step, Variant
from sdc_lib.presets import PRESETS, at_toy_size

CONFIG = at_toy_size(PRESETS["ucf101"])


@pytest.mark.slow
def test_a_rehearsal_measures_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "step.json"
    assert step.main(["--toy", "--device", "cpu", "--row-seconds", "0.2", "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    names = [row["name"] for row in record["rows"]]
    assert names[:4] == [step_report.OURS, step_report.COPIED, step_report.FED, "reference"]
    assert all(row["videos_per_s"] > 0 for row in record["rows"])
    assert record["left_out"] == []
    assert set(record["loader_alone"]) == {"crop", "crop, flip and colours"}
    assert record["tflop_per_video"]["computed"] < record["tflop_per_video"]["six full views"]
    printed = capsys.readouterr().out
    assert "Goal not measured: at least 200 videos/s at 128 px." in printed


def test_without_time_rows_are_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "step.json"
    short = ["--device", "cpu", "--toy", "--max-minutes", "0", "--row-seconds", "0.1"]
    monkeypatch.setattr(step.Bench, "_feed", lambda *_: None)
    monkeypatch.setattr(step.Bench, "_count", lambda _: None)
    step.main([*short, "--out", str(out)])
    assert json.loads(out.read_text())["left_out"][0] == "reference"


def test_a_row_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any) -> None:
        raise RuntimeError("out of memory\nby far")

    monkeypatch.setattr(step, "prepared", out_of_memory)
    monkeypatch.setattr(step.Bench, "_count", lambda _: None)
    out = tmp_path / "step.json"
    step.main(["--device", "cpu", "--toy", "--out", str(out)])
    record = json.loads(out.read_text())
    assert {row["error"] for row in record["rows"]} == {"RuntimeError: out of memory"}
    assert {goal["met"] for goal in record["goals"]} == {None}


@pytest.mark.parametrize("in_hardware", [True, False])
def test_a_processor_is_tried_in_bfloat16_where_it_multiplies_it(
    in_hardware: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_rows, "multiplies_bf16", lambda _: in_hardware)
    rows = step_rows.cpu_variants(4)
    with_bf16 = [row.name for row in rows if step_rows.Step(row, CONFIG, "cpu").half]
    assert with_bf16 == (["in bf16"] if in_hardware else [])


@pytest.mark.parametrize("variant", step_rows.gpu_variants(4, 8), ids=lambda v: v.name)
def test_every_variant_of_a_gpu_makes_a_step_here(variant: Variant) -> None:
    with step_rows.prepared(variant, CONFIG, "cpu") as made:
        assert torch.isfinite(made.once())


def test_static_views_of_full_length_cost_the_same_loss() -> None:
    losses = []
    for short in (True, False):
        with step_rows.prepared(Variant("", 4, short_stills=short), CONFIG, "cpu") as made:
            losses.append(float(made.once()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_objective_and_optimiser_can_run_alone() -> None:
    made = Step(Variant("", 4), CONFIG, "cpu")
    made.once()
    assert set(step_rows.shares(made, 1.0)) == {"objective", "optimizer"}


def test_goals_are_met_or_not() -> None:
    rows = [
        {"name": step_report.OURS, "videos_per_s": 190.0, "peak_gib": 20.0, "host_syncs": 0},
        {"name": step_report.LARGE, "videos_per_s": 210.0, "peak_gib": 60.0},
        {"name": step_report.DRAFT, "videos_per_s": 50.0, "peak_gib": 41.0},
        {"name": step_report.FED, "videos_per_s": 189.0, "peak_gib": 20.0},
    ]
    record = {"rows": rows, "clip": "16 frames, 128 px", "clock": "GPU, events"}
    assert [goal["met"] for goal in step_report.goals(record)] == [
        True,
        False,
        True,
        True,
        True,
        None,
    ]
    assert [goal["value"] for goal in step_report.goals(record)][:2] == [210.0, 3.8]
