"""Every command of docs/reproduce.md works, in order, at toy size, on a tree as UCF-101 has it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from sdc_lib.commands.app import main
from tests.datasets.trees import real_ucf101

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOY = {
    "pretrain": (
        "--model.backbone tiny --model.num-concepts 12 --data.num-frames 4 --data.workers 0 "
        "--data.augment.size 24 --optim.batch-size 4 --optim.epochs 1 --optim.no-compile "
        "--optim.precision 32-true --accelerator cpu"
    ),
    "evaluate": "--epochs 1 --workers 0 --device cpu",
}


def commands() -> list[str]:
    text = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def test_commands_are_sdc_or_make() -> None:
    words = {command.split()[0] for command in commands()}
    assert words == {"sdc", "make"}


def test_hours_follow_from_the_measured_speed() -> None:
    record = json.loads((ROOT / "results" / "benchmark_step_ucf101_cuda.json").read_text())
    row = next(row for row in record["rows"] if row["name"] == "pretrain")
    text = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    speed, batch, ucf101, kinetics400 = map(
        int,
        re.findall(
            r"measured at (\d+) videos/s \(batches of (\d+).*?about (\d+) hours.*?about (\d+)\.",
            text,
            re.DOTALL,
        )[0],
    )
    assert (batch, record["device"].split()[-1]) == (row["batch"], "H200")
    assert speed == pytest.approx(row["videos_per_s"], rel=0.02)
    assert ucf101 == round(300 * 9_537 / speed / 3600)
    assert kinetics400 == round(100 * 246_535 / speed / 3600)


@pytest.mark.slow
def test_every_command_works_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    real_ucf101(tmp_path / "DATA" / "ucf101")
    for command in commands():
        program, kind, *rest = shlex.split(command)
        if program == "make":  # the rehearsal of the notebooks has a test of its own
            continue
        if "random:ucf101" in rest:  # as large as the real network: its options are checked only
            continue
        extra = shlex.split(TOY.get(kind, ""))
        assert main([kind, *rest, *extra]) == 0, command
    records = sorted(path.name for path in Path("runs/records").iterdir())
    assert len(records) == 3
