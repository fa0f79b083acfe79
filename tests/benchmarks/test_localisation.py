from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import localisation
from sdc_lib.datasets import MotionFactors
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
    plain, shuffled, enlarged, untrained = (
        read_record(tmp_path / f"{name}{suffix}.json")
        for suffix in ("", "-shuffled", "-enlarged", "-untrained")
    )
    assert plain.evaluated == shuffled.evaluated == enlarged.evaluated == 3
    assert "size=32" in plain.protocol
    assert "size=64" in enlarged.protocol
    sharpest = "the shape itself on the shape"
    assert enlarged.values[sharpest][0] > plain.values[sharpest][0]  # finer maps can be sharper
    assert plain.values["dynamic concepts on the shape"][0] > 0
    assert set(plain.intervals) == set(plain.values)
    assert untrained.seeds == [0, 1]
    assert len(set(untrained.values["static concepts on the shape"])) == 2
    assert untrained.row == "motion_factors_tiny, untrained heads"
    assert "attention mass / area" in capsys.readouterr().out
