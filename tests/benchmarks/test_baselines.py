from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import baselines
from benchmarks.baseline_runs import PRETRAINED
from sdc_lib import pretraining
from sdc_lib.config import (
    AugmentConfig,
    CurriculumConfig,
    DataConfig,
    ModelConfig,
    OptimConfig,
    PretrainConfig,
)
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.ledger import read_record
from sdc_lib.presets import PRESETS

SMALL = PretrainConfig(
    name="small",
    data=DataConfig(num_frames=4, max_stride=1.0, augment=AugmentConfig(size=16, flip=0.0)),
    model=ModelConfig("tiny", num_concepts=10, projection_dim=8),
    optim=OptimConfig(epochs=1, batch_size=4),
    curriculum=CurriculumConfig(queue_size=8),
)


@pytest.mark.slow
def test_each_seed_of_each_baseline_is_recorded_once(
    world: tuple[VideoDataset, VideoDataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (baselines, pretraining):
        monkeypatch.setattr(
            module, "open_dataset", lambda data, folder, part="train": world[int(part == "test")]
        )
    monkeypatch.setitem(PRESETS, "small", SMALL)
    words = ["--preset", "small", "--results", str(tmp_path), "--runs", str(tmp_path / "runs")]
    words += ["--workers", "0", "--epochs", "1"]
    assert baselines.main([*words, "--seeds", "1", "--only", "random"]) == 0
    alone = read_record(tmp_path / "baseline-random-small.json")
    low, high = alone.intervals["gap"]
    assert low <= alone.values["gap"][0] <= high
    assert baselines.main([*words, "--seeds", "2"]) == 0
    random, pixels, supervised, contrast, swav = (
        read_record(tmp_path / f"baseline-{key}-small.json") for key in baselines.KEYS
    )
    assert random.seeds == supervised.seeds == [0, 1]
    assert random.values["gap"][0] == alone.values["gap"][0]
    assert random.intervals == {}
    assert pixels.seeds == contrast.seeds == swav.seeds == [0]
    assert "gap" not in pixels.values
    assert contrast.config != swav.config
    assert (tmp_path / "runs" / "contrast-small" / "seed-0" / "model.safetensors").exists()
    capsys.readouterr()
    baselines.main([*words, "--seeds", "2"])
    assert capsys.readouterr().out.splitlines() == [
        "random weights, seed 0: recorded",
        "random weights, seed 1: recorded",
        "pixels, seed 0: recorded",
        "supervised, seed 0: recorded",
        "supervised, seed 1: recorded",
        "contrast alone, seed 0: recorded",
        "alignment of the video alone (as SwAV), seed 0: recorded",
    ]


def test_the_pretrained_baselines_change_nothing_but_the_objective() -> None:
    for change in PRETRAINED.values():
        changed = change(SMALL)
        assert changed.name != SMALL.name
        assert (changed.data, changed.model, changed.optim) == (
            SMALL.data,
            SMALL.model,
            SMALL.optim,
        )
    contrast, swav = (PRETRAINED[key](SMALL) for key in ("contrast", "swav"))
    assert not contrast.objective.align_video_alone
    assert (contrast.weights.contrast, contrast.weights.align) == (1.0, 0.0)
    assert swav.objective.align_video_alone
    assert (swav.weights.contrast, swav.weights.align) == (0.0, 1.0)
