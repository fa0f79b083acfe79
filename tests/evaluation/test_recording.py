"""What records are called, and which of them may be replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.ledger import write_record
from sdc_lib.evaluation.recording import check_same, default_name, weights_name
from sdc_lib.presets import PRESETS
from sdc_lib.weights import export_model
from tests.helpers.records import PUBLISHED


def test_weights_are_called_after_their_file_or_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS["motion_factors_tiny"]
    model = random_model(preset.model)
    for name in ("shipped.safetensors", "runs/lr0.1/model.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        export_model(model, preset, tmp_path / name, {})
    monkeypatch.setenv("SDC_WEIGHTS", str(tmp_path))
    assert weights_name("shipped") == "shipped"
    assert weights_name(tmp_path / "shipped.safetensors") == "shipped"
    assert weights_name(tmp_path / "runs" / "lr0.1") == "lr0.1"
    assert weights_name("random:ucf101") == "random-ucf101"
    monkeypatch.chdir(tmp_path / "runs" / "lr0.1")
    assert weights_name(".") == weights_name("model.safetensors") == "lr0.1"


def test_options_that_are_not_the_default_are_in_the_name() -> None:
    usual = {"fold": 1, "split": "test", "seed": 0, "clips": "own", "factors": None}
    assert default_name("random:a", "b", "knn", usual) == "random-a-b-knn"
    other = {**usual, "fold": 2, "seed": 3, "factors": ("scene", "motion")}
    expected = "random-a-b-knn-fold-2-seed-3-factors-scene+motion"
    assert default_name("random:a", "b", "knn", other) == expected


def test_a_record_without_inputs_is_told_by_its_configuration(tmp_path: Path) -> None:
    old = replace(PUBLISHED, name="old", config="abc")
    check_same("old", tmp_path, "1", "abc")
    write_record(old, tmp_path)
    check_same("old", tmp_path, "1", "abc")
    with pytest.raises(ValueError, match="give the new record another name or folder"):
        check_same("old", tmp_path, "1", "other")
    write_record(replace(old, inputs="1"), tmp_path)
    check_same("old", tmp_path, "1", "abc")
    with pytest.raises(ValueError, match="holds numbers of other weights"):
        check_same("old", tmp_path, "2", "abc")
