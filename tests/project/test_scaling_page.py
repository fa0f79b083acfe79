"""The scaling page shows what was measured and counted."""

from pathlib import Path

import pytest

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


@pytest.mark.parametrize("preset", ["released_kinetics400", "released_ucf101"])
def test_counts_are_what_the_code_counts(preset: str) -> None:
    counted = count(PRESETS[preset])
    cells = f"{counted.parameters / 1e6:.2f} M | {counted.flops / 1e12:.4f} |"
    assert f"{cells} {counted.saved / 1e9:.2f} GB" in PAGE
