"""Records that grow seed by seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import ablations, ablations_from_scratch, heads
from benchmarks.ablation_variants import VARIANTS
from benchmarks.seeds import ROOT, Measured, config_hash, file_word, flags, measure_seeds
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.ledger import Record, read_record
from sdc_lib.presets import PRESETS

BLANK = Record(
    name="some",
    table="table",
    row="a row",
    values={},
    config=config_hash("as is"),
    dataset="data",
    protocol="measured",
    column="trained here",
)


def test_an_interrupted_measurement_goes_on_with_the_seeds_that_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails_at_2(seed: int) -> Measured:
        if seed == 2:
            raise KeyboardInterrupt
        return Measured({"gap": Estimate(seed, seed - 1, seed + 1)}, (7, 8), seconds=100)

    with pytest.raises(KeyboardInterrupt):
        measure_seeds(BLANK, range(4), fails_at_2, tmp_path)
    kept = read_record(tmp_path / "some.json")
    assert (kept.seeds, kept.values, kept.intervals) == ([0, 1], {"gap": [0, 1]}, {})
    assert (kept.evaluated, kept.official) == (7, 8)
    assert kept.device.startswith("CPU (")
    assert kept.wall_time is not None
    assert 200 <= kept.wall_time < 201
    capsys.readouterr()
    whole = measure_seeds(BLANK, range(4), lambda seed: Measured({"gap": 0.5}), tmp_path)
    assert whole.values == {"gap": [0, 1, 0.5, 0.5]}
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "a row, seed 0: recorded",
        "a row, seed 1: recorded",
        "a row, seed 2, 0 s: gap 0.5",
        "a row, seed 3, 0 s: gap 0.5",
    ]


def test_other_settings_start_again(tmp_path: Path) -> None:
    measure_seeds(BLANK, [0], lambda seed: Measured({"gap": 1.0}, (7, 8)), tmp_path)
    other = replace(BLANK, config=config_hash("changed"))
    again = measure_seeds(other, [3], lambda seed: Measured({"gap": 2.0}, (7, 8)), tmp_path)
    assert (again.seeds, again.values) == ([3], {"gap": [2.0]})


@pytest.mark.parametrize("changed", ["dataset", "protocol", "notes"])
def test_another_question_starts_again(changed: str, tmp_path: Path) -> None:
    measure_seeds(BLANK, [0], lambda seed: Measured({"gap": 1.0}, (7, 8)), tmp_path)
    other = replace(BLANK, **{changed: "something else"})  # type: ignore[arg-type]
    again = measure_seeds(other, [3], lambda seed: Measured({"gap": 2.0}, (7, 8)), tmp_path)
    assert (again.seeds, again.values) == ([3], {"gap": [2.0]})


def test_shipped_records_answer_what_is_asked_today() -> None:
    small = "motion_factors_small"
    blanks = [ablations.blank_record(row, ablations.Budget(), small, "") for row in VARIANTS]
    options = heads.parse(["settings"])
    config = PRESETS["motion_factors_small_decorrelated"]
    for setting in heads.SETTINGS:
        asked = heads.blank_record(heads.changed(config, setting), "val", options)
        blanks.append(replace(asked, name=f"head_settings-{file_word(setting, keep='.')}"))
    run = ablations_from_scratch.shortened(PRESETS["motion_factors_tiny"], 20)
    blanks += [
        ablations_from_scratch.blank_record(row, change(run))
        for row, change in ablations_from_scratch.CHANGES.items()
    ]
    for blank in blanks:
        shipped = read_record(ROOT / "results" / f"{blank.name}.json")
        assert (shipped.dataset, shipped.protocol) == (blank.dataset, blank.protocol), blank.name


def test_names_become_parts_of_file_names() -> None:
    assert file_word("alignment (as SwAV)") == "alignment--as-SwAV"
    assert file_word("temperature 0.05, K=8", keep=".") == "temperature-0.05--K-8"


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many"])
def test_at_least_one_seed_is_measured(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags("About it.", seeds=5).parse_args(["--seeds", number])
    assert f"{number} is no number of seeds; give 1 or more" in capsys.readouterr().err


def test_a_record_names_the_device_that_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda *_: "A card")
    for device, description in (("cpu", "CPU ("), ("cuda", "A card")):
        measured = Measured({"gap": 1.0}, (7, 8), device=device)
        record = measure_seeds(BLANK, [0], lambda _, one=measured: one, tmp_path / device)  # type: ignore[misc]
        assert record.device.startswith(description)


def test_every_measurement_has_these_flags(tmp_path: Path) -> None:
    options = flags("About it.", seeds=5).parse_args(["--results", str(tmp_path)])
    assert (options.seeds, options.results, options.workers) == (5, tmp_path, 2)
