"""Heads of several seeds and settings are trained on one backbone, which encodes once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import heads
from sdc_lib import pretraining
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import read_record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.model import build_model
from sdc_lib.presets import PRESETS
from sdc_lib.training.run_folder import differences
from sdc_lib.weights import export_model, load
from tests.benchmarks.test_baselines import SMALL
from tests.helpers.small_runs import changed

SHIPS = build_model(SMALL.model)
CONFIG = replace(
    changed(SMALL, optim={"freeze_backbone": True, "stored_passes": 1}), init_backbone="backbone"
)


@pytest.fixture
def words(
    world: tuple[VideoDataset, VideoDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    for name in ("small", "backbone"):
        export_model(SHIPS, SMALL, tmp_path / "weights" / f"{name}.safetensors", {"steps": "1"})
    monkeypatch.setenv("SDC_WEIGHTS", str(tmp_path / "weights"))
    for module in (heads, pretraining):
        monkeypatch.setattr(
            module, "open_dataset", lambda data, folder, part="train": world[int(part != "train")]
        )
    monkeypatch.setitem(PRESETS, "small", CONFIG)
    words = ["--preset", "small", "--workers", "0", "--results", str(tmp_path)]
    return [*words, "--runs", str(tmp_path / "runs")]


@pytest.mark.slow
def test_seeds_share_the_backbone_and_are_measured_as_alone(
    world: tuple[VideoDataset, VideoDataset], tmp_path: Path, words: list[str]
) -> None:
    assert heads.main(["seeds", *words, "--seeds", "2"]) == 0
    record = read_record(tmp_path / "disentanglement-small-heads-on-small.json")
    assert record.seeds == [0, 1]
    assert record.intervals == {}
    (weights,) = tmp_path.glob("runs/small/seed-*/model.safetensors")  # seed 0 ships
    clips = settings_for("own", CONFIG).clips
    for i, network in enumerate((SHIPS, load(weights))):
        alone = metrics_of(disentanglement(network, *world, clips, workers=0))
        for name, values in record.values.items():
            expected = getattr(alone[name], "value", alone[name])
            assert values[i] == pytest.approx(expected, abs=0.01), name


@pytest.mark.slow
def test_settings_are_trained_and_recorded_once(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["settings", *words, "--only", "as it ships", "one temperature of 0.06"]
    assert heads.main(words) == 0
    records = [
        read_record(tmp_path / f"head_settings-{word}.json")
        for word in ("as-it-ships", "one-temperature-of-0.06")
    ]
    for record in records:
        assert (record.seeds, record.dataset) == ([1], "motion-factors-small/val")
        halves = [name for name in record.values if " half, " in name]
        assert (len(halves), list(record.values)) == (4, [*halves, "gap"])
    assert records[0].config != records[1].config
    capsys.readouterr()
    heads.main(words)
    assert all(line.endswith(": recorded") for line in capsys.readouterr().out.splitlines())


def test_a_setting_changes_what_its_name_says_and_no_setting_has_local_terms() -> None:
    preset = PRESETS["motion_factors_small_decorrelated"]
    base = heads.changed(preset, "as it ships")
    assert [name for name, *_ in differences(preset, base)] == ["curriculum.local_from_epoch"]
    assert base.curriculum.local_from_epoch > 2 * preset.optim.epochs
    found = {
        setting: {name: new for name, _, new in differences(base, heads.changed(preset, setting))}
        for setting in heads.SETTINGS
    }
    one = {"objective.dynamic_alignment_temperature": None}
    assert found["dynamic temperature 0.05"] == {"objective.dynamic_alignment_temperature": 0.05}
    assert found["one temperature"] == one
    lower = {**one, "objective.alignment_temperature": 0.06}
    assert found["one temperature of 0.06"] == lower
    assert found["one temperature, weight 200"] == {**one, "curriculum.decorrelation": 200.0}
    assert found["one temperature, 192 concepts"] == {**one, "model.num_concepts": 192}
    assert found["one temperature, twice the steps"] == {
        **one,
        "optim.epochs": 2 * preset.optim.epochs,
        "optim.milestones": tuple(2 * epoch for epoch in preset.optim.milestones),
    }
