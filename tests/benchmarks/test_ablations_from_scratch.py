from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import ablations_from_scratch as scratch
from benchmarks.seeds import Measured, measure_seeds
from sdc_lib import pretraining
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.ledger import Record, read_record
from sdc_lib.presets import PRESETS
from sdc_lib.terms import term_weights
from tests.benchmarks.test_baselines import SMALL


@pytest.mark.slow
def test_variants_are_trained_once_a_seed_and_drawn(
    world: tuple[VideoDataset, VideoDataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (scratch, pretraining):
        monkeypatch.setattr(
            module, "open_dataset", lambda data, folder, part="train": world[int(part == "test")]
        )
    monkeypatch.setitem(PRESETS, "small", SMALL)
    words = ["--preset", "small", "--epochs", "1", "--workers", "0", "--results", str(tmp_path)]
    words += ["--runs", str(tmp_path / "runs"), "--plot", str(tmp_path / "plots" / "plot.png")]
    words += ["--only", "everything", "no contrast"]
    assert scratch.main([*words, "--seeds", "2"]) == 0
    whole, part = (
        read_record(tmp_path / f"from_scratch-{word}.json")
        for word in ("everything", "no-contrast")
    )
    assert whole.seeds == part.seeds == [0, 1]
    assert whole.config != part.config
    assert {"gap", "video feature, motion"} <= set(whole.values)
    assert (tmp_path / "plots" / "plot.png").stat().st_size > 0
    assert len(list((tmp_path / "runs").glob("*/seed-*/model.safetensors"))) == 4
    capsys.readouterr()
    scratch.main([*words, "--seeds", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.endswith(": recorded") for line in lines[:-1])
    assert lines[-1].startswith("2 variants are recorded")


def test_the_picture_of_the_docs_shows_all_variants_or_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, Path]] = []
    monkeypatch.setattr(scratch, "draw", lambda records, path: drawn.append((len(records), path)))

    def measure(row: str, config: PretrainConfig, seeds: list[int], _: object) -> Record:
        blank = scratch.blank_record(row, config)
        return measure_seeds(blank, seeds, lambda _: Measured({"gap": 1.0}, (7, 8)), tmp_path)

    monkeypatch.setattr(scratch, "measure", measure)
    words = ["--results", str(tmp_path), "--seeds", "1"]
    few = ["--only", "everything", "no contrast"]
    scratch.main([*words, *few])
    assert drawn == []
    scratch.main([*words, *few, "--plot", str(tmp_path / "few.png")])
    scratch.main(words)
    scratch.main([*words, *few])
    assert drawn == [(2, tmp_path / "few.png"), *[(len(scratch.CHANGES), scratch.PLOT)] * 2]


def test_each_variant_turns_off_what_its_name_says() -> None:
    config = PRESETS["motion_factors_small"]
    changed = {row: change(config) for row, change in scratch.CHANGES.items()}
    assert changed.pop("everything") == config
    assert len({run.hash() for run in changed.values()} | {config.hash()}) == len(changed) + 1
    off = {
        row: {
            name.split("_")[0] for name, weight in term_weights(run.weights).items() if not weight
        }
        for row, run in changed.items()
    }
    assert off["no alignment"] == {"align"}
    assert off["no local terms"] == {"local"}
    assert off["contrast alone"] == {"align", "diversity", "fidelity", "local"}
    assert off["no queue"] == off["no concept filter"] == set()
    assert changed["no queue"].curriculum.queue_size == 0
    assert changed["no concept filter"].objective.filter_top_k == 0


def test_a_shortened_run_keeps_the_shares_of_its_phases() -> None:
    config = PRESETS["motion_factors_small"]
    short = scratch.shortened(config, config.optim.epochs // 2)
    assert short.optim.warmup_epochs == config.optim.warmup_epochs / 2
    assert short.curriculum.local_from_epoch == config.curriculum.local_from_epoch // 2
    assert scratch.shortened(config, config.optim.epochs) == config
