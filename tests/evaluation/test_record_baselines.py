from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import baselines
from sdc_lib.config import AugmentConfig, DataConfig, ModelConfig, PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.presets import PRESETS
from sdc_lib.results import read_record

SMALL = PretrainConfig(
    name="small",
    data=DataConfig(num_frames=4, max_stride=1.0, augment=AugmentConfig(size=16, flip=0.0)),
    model=ModelConfig("tiny", num_concepts=10, projection_dim=8),
)


@pytest.mark.slow
def test_each_baseline_is_recorded_once(
    world: tuple[VideoDataset, VideoDataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        baselines, "open_dataset", lambda data, folder, part: world[int(part == "test")]
    )
    monkeypatch.setitem(PRESETS, "small", SMALL)
    words = ["--preset", "small", "--results", str(tmp_path), "--workers", "0"]
    assert baselines.main([*words, "--seeds", "2", "--epochs", "1"]) == 0
    random = read_record(tmp_path / "baseline-random-small.json")
    pixels = read_record(tmp_path / "baseline-pixels-small.json")
    supervised = read_record(tmp_path / "baseline-supervised-small.json")
    assert random.seeds == supervised.seeds == [0, 1]
    assert len(random.values["gap"]) == 2
    assert random.intervals == {}
    assert pixels.seeds == [0]
    assert "gap" not in pixels.values
    low, high = pixels.intervals["video feature, motion"]
    assert low <= pixels.values["video feature, motion"][0] <= high
    capsys.readouterr()
    baselines.main([*words, "--seeds", "2", "--epochs", "1"])
    assert capsys.readouterr().out.splitlines() == [
        "random weights: recorded",
        "pixels: recorded",
        "supervised: recorded",
    ]
