"""The scaling page shows what was measured and counted."""

import json
from pathlib import Path

import pytest

from benchmarks.step import table
from sdc_lib.presets import PRESETS
from sdc_lib.training.estimate import count

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("benchmark_step_*.json")), ids=str)
def test_measured_tables_are_the_records(path: Path) -> None:
    assert table(json.loads(path.read_text(encoding="utf-8"))) in PAGE


@pytest.mark.parametrize("preset", ["released_kinetics400", "released_ucf101"])
def test_counts_are_what_the_code_counts(preset: str) -> None:
    counted = count(PRESETS[preset])
    cells = f"{counted.parameters / 1e6:.2f} M | {counted.flops / 1e12:.4f} |"
    assert f"{cells} {counted.saved / 1e9:.2f} GB" in PAGE
