from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import localisation
from sdc_lib.config import ModelConfig
from sdc_lib.datasets import MotionFactors
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.ledger import read_record
from tests.helpers.small_gallery import save_weights


def test_variants_are_recorded(
    motion_factors_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    videos = MotionFactors(motion_factors_root, "test")
    videos.files = videos.files[:3]
    monkeypatch.setattr(localisation, "open_dataset", lambda data, folder, part: videos)
    weights = save_weights(tmp_path / "random.safetensors", seed=0)
    words = [str(weights), "--results", str(tmp_path), "--seeds", "2"]
    assert localisation.main(words) == 0
    name = "localisation-motion_factors_tiny"
    plain, shuffled, enlarged, dense, untrained = (
        read_record(tmp_path / f"{name}{suffix}.json")
        for suffix in ("", "-shuffled", "-enlarged", "-dense", "-untrained")
    )
    assert plain.evaluated == shuffled.evaluated == enlarged.evaluated == 3
    assert "size=32" in plain.protocol
    assert "size=64" in enlarged.protocol
    sharpest = "the shape itself on the shape"
    assert enlarged.values[sharpest][0] > plain.values[sharpest][0]  # finer maps can be sharper
    assert dense.protocol == plain.protocol
    assert dense.values[sharpest][0] > plain.values[sharpest][0]
    assert plain.values["dynamic concepts on the shape"][0] > 0
    assert set(plain.intervals) == set(plain.values)
    assert untrained.seeds == [0, 1]
    assert len(set(untrained.values["static concepts on the shape"])) == 2
    assert untrained.row == "motion_factors_tiny, untrained heads"
    assert "attention mass / area" in capsys.readouterr().out


def test_without_its_last_stride_a_network_computes_what_it_did_and_the_places_between() -> None:
    model = random_model(ModelConfig(backbone="tiny", num_concepts=4, projection_dim=8), seed=0)
    finer = localisation.without_last_stride(model)
    clips = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        before, after = model.encode(clips).local, finer.encode(clips).local
    assert after.shape == (*before.shape[:3], 8, 8)
    torch.testing.assert_close(after[..., ::2, ::2], before)
    assert not torch.allclose(after[..., 1::2, 1::2], before)
