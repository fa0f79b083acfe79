"""Heads of several seeds are trained on one backbone and share what it encodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import head_seeds
from sdc_lib import pretraining
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import read_record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.model import SDC, build_model
from sdc_lib.presets import PRESETS
from sdc_lib.training import state
from sdc_lib.weights import load as load_weights
from tests.benchmarks.test_baselines import SMALL
from tests.helpers.small_runs import changed


@pytest.mark.slow
def test_seeds_share_the_backbone_and_are_measured_as_alone(
    world: tuple[VideoDataset, VideoDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ships = build_model(SMALL.model)

    def load(name: str | Path) -> SDC:
        return ships if name in ("small", "backbone") else load_weights(name)

    monkeypatch.setattr(head_seeds, "load", load)
    monkeypatch.setattr(state, "load", load)
    for module in (head_seeds, pretraining):
        monkeypatch.setattr(
            module, "open_dataset", lambda data, folder, part="train": world[int(part == "test")]
        )
    frozen = changed(SMALL, optim={"freeze_backbone": True, "stored_passes": 1})
    config = replace(frozen, init_backbone="backbone")
    monkeypatch.setitem(PRESETS, "small", config)
    words = ["--preset", "small", "--workers", "0", "--seeds", "2", "--results", str(tmp_path)]
    assert head_seeds.main([*words, "--runs", str(tmp_path / "runs")]) == 0
    record = read_record(tmp_path / "disentanglement-small-heads-on-small.json")
    assert record.seeds == [0, 1]
    assert record.intervals == {}
    (weights,) = tmp_path.glob("runs/small/seed-*/model.safetensors")  # seed 0 ships
    networks, clips = (ships, load_weights(weights)), settings_for("own", config).clips
    for i, network in enumerate(networks):
        alone = metrics_of(disentanglement(network, *world, clips, workers=0))
        for name, values in record.values.items():
            expected = getattr(alone[name], "value", alone[name])
            assert values[i] == pytest.approx(expected, abs=0.01), name
    assert record.values["video feature, motion"][0] == record.values["video feature, motion"][1]
