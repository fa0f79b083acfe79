"""What records are called, and which of them may be replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.classification import summarise
from sdc_lib.evaluation.disentanglement import measure_disentanglement
from sdc_lib.evaluation.ledger import write_record
from sdc_lib.evaluation.protocols import EvalSettings
from sdc_lib.evaluation.recording import (
    Asked,
    check_same,
    default_name,
    make_record,
    weights_name,
)
from sdc_lib.presets import PRESETS
from sdc_lib.weights import export_model
from tests.helpers.records import PUBLISHED
from tests.helpers.small_world import MakeFeatures


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


def test_a_record_holds_the_numbers_of_its_results(
    world: tuple[VideoDataset, VideoDataset],
) -> None:
    targets, names = np.array([0, 0, 0, 1]), ("a", "b", "c", "d")
    results = {  # one of three of class 0 and the one of class 1; all
        "motion": summarise("knn", np.eye(2)[[0, 1, 1, 1]], targets, names),
        "appearance": summarise("knn", np.eye(2)[[0, 0, 0, 1]], targets, names),
    }
    asked = Asked("knn", EvalSettings(), tuple(results), None, None, None, "random:ucf101")

    def values(*targets: str) -> dict[str, list[float]]:
        chosen = {target: results[target] for target in targets}
        record = make_record("mine", PRESETS["ucf101"], asked, world, chosen)
        assert record.intervals == {}
        return record.values

    assert values("motion") == {"top-1": [50.0], "mean per class": [pytest.approx(200 / 3)]}
    assert values("motion", "appearance") == {
        "motion, top-1": [50.0],
        "motion, mean per class": [pytest.approx(200 / 3)],
        "appearance, top-1": [100.0],
        "appearance, mean per class": [100.0],
    }


def test_a_record_holds_intervals(
    world: tuple[VideoDataset, VideoDataset], make_features: MakeFeatures
) -> None:
    parts = make_features("train", 64, noise=0.6), make_features("test", 64, noise=0.6)
    found = measure_disentanglement(*parts)
    asked = Asked("disentanglement", EvalSettings(), (), None, None, None, "random:ucf101")
    record = make_record("mine", PRESETS["ucf101"], asked, world, {"factors": found})
    cell = found.distributions["static"]["motion"]
    assert cell.low < cell.value < cell.high
    assert record.values["static half, motion"] == [cell.value]
    assert record.intervals["static half, motion"] == (cell.low, cell.high)
    assert record.values["gap"] == [found.gap.value]
    assert record.intervals["gap"] == (found.gap.low, found.gap.high)
    assert record.intervals.keys() == record.values.keys()


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
