"""The scaling page shows what was measured and counted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.config import PretrainConfig
from sdc_lib.presets import PRESETS
from sdc_lib.training.counting import count
from tools.results import with_speed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_measured_tables_are_the_records(tmp_path: Path) -> None:
    assert with_speed(PAGE, ROOT / "results") == PAGE
    shown = {path.stem for path in (ROOT / "results").glob("benchmark_step_*.json")}
    assert all(f"<!-- speed:{name.removeprefix('benchmark_')} -->" in PAGE for name in shown)
    assert "Not measured yet" in with_speed(PAGE, tmp_path)


RELEASED = PRESETS["released_kinetics400"]


def with_data(**changes: Any) -> PretrainConfig:
    return replace(RELEASED, data=replace(RELEASED.data, **changes))


def with_model(**changes: Any) -> PretrainConfig:
    return replace(RELEASED, model=replace(RELEASED.model, **changes))


def with_size(size: int) -> PretrainConfig:
    return with_data(augment=replace(RELEASED.data.augment, size=size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "configs"),
    [
        ("released (16 frames, 128 px, K=100, one block a stage)", [RELEASED]),
        ("released_ucf101 (K=50)", [PRESETS["released_ucf101"]]),
        ("K=200 / K=400", [with_model(num_concepts=k) for k in (200, 400)]),
        ("8 frames / 32 frames", [with_data(num_frames=frames) for frames in (8, 32)]),
        ("112 px / 160 px / 224 px", [with_size(size) for size in (112, 160, 224)]),
        ("backbone r2plus1d_18 (two blocks)", [with_model(backbone="r2plus1d_18")]),
        ("backbone r3d_18", [with_model(backbone="r3d_18")]),
    ],
)
def test_counts_are_what_the_code_counts(row: str, configs: list[PretrainConfig]) -> None:
    counted = [count(config) for config in configs]
    parameters = dict.fromkeys(f"{one.parameters / 1e6:.2f}" for one in counted)
    flops = " / ".join(f"{one.flops / 1e12:.4f}" for one in counted)
    kept = " / ".join(f"{one.saved / 1e9:.2f}" for one in counted)
    assert f"| {row} | {' / '.join(parameters)} M | {flops} | {kept} GB |" in PAGE
