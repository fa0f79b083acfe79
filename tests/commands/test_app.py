"""`sdc`: help, exit status, and errors that take one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from sdc_lib.commands import app, doctor
from sdc_lib.commands.app import main, parse
from sdc_lib.commands.data import MakeMotionFactors
from sdc_lib.commands.doctor import Check
from sdc_lib.commands.pretrain import Pretrain
from sdc_lib.config import PretrainConfig
from sdc_lib.presets import PRESETS
from sdc_lib.video import VideoError

COMMANDS = [
    "doctor",
    "data make motion-factors",
    "data check",
    "data prepare",
    "atlas",
    "embed",
    "evaluate",
    "search",
    "pretrain motion_factors_tiny",
    "pretrain released_kinetics400",
]


def run_that_raises(error: BaseException) -> type:
    class Broken:
        def run(self) -> NoReturn:
            raise error

    return Broken


@pytest.mark.parametrize("command", ["", "data", "data make", *COMMANDS])
def test_help_answers_with_status_0(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert not stop.value.code
    assert f"usage: sdc {command}".strip().replace("_", "-") in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_gives_every_flag_a_default_or_calls_it_required(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    flags = re.split(r" (?=--[a-z])", text.partition("show this help message and exit")[2])[1:]
    flags = [flag for flag in flags if not flag.endswith(",")]  # "--x, --no-x" is one flag
    assert flags or command == "doctor"
    assert [flag for flag in flags if "(default: " not in flag and "(required)" not in flag] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pretnd"], "pretnd"),
        ([], "it must be one of"),
        (["data", "make", "motion-factors", "--size", "huge"], "tiny"),
        (["data", "make", "motion-factors", "--sede", "1"], "--seed"),
    ],
)
def test_nonsense_is_one_line_and_status_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("sdc: ")
    assert said in captured.err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("size is 0,\n it must be positive"), "size is 0, it must be positive"),
        (VideoError("a.mp4", "is empty"), "a.mp4: is empty"),
        (FileNotFoundError(2, "No such file", "x.csv"), "No such file: 'x.csv'"),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
        (KeyError(), "KeyError"),
    ],
)
def test_errors_take_one_line(
    error: Exception,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app, "parse", lambda _: run_that_raises(error)())
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == f"sdc: {line}\n"


def test_debug_adds_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "parse", lambda _: run_that_raises(ValueError("size is 0"))())
    assert main(["doctor", "--debug"]) == 1
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.endswith("sdc: size is 0\n")


def test_warnings_take_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        warnings.warn("these weights\nare untrained", stacklevel=1)
        return 0

    monkeypatch.setattr(app, "parse", lambda _: SimpleNamespace(run=run))
    assert main(["doctor"]) == 0
    assert capsys.readouterr().err == "sdc: warning: these weights are untrained\n"


def test_interrupt_is_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "parse", lambda _: run_that_raises(KeyboardInterrupt())())
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "sdc: interrupted\n"


@pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 1)])
def test_doctor_status_follows_its_checks(
    ok: bool,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: (Check("disk", ok, "12 GB", "buy one"),))
    assert main(["doctor"]) == status
    assert "12 GB" in capsys.readouterr().out


def test_motion_factors_flags() -> None:
    words = [
        "data",
        "make",
        "motion-factors",
        "--size",
        "standard",
        "--root",
        "there",
        "--seed",
        "4",
    ]
    assert parse(words) == MakeMotionFactors(size="standard", root=Path("there"), seed=4)


def test_pretrain_hands_over_preset_flags_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    stand_in = SimpleNamespace(pretrain=lambda *a, **k: calls.append((a, k)))
    monkeypatch.setitem(sys.modules, "sdc_lib.pretraining", stand_in)
    words = "--out runs/a --max-steps 12 --seed 3 --save-every 2 --data-dir there --quiet"
    flags = "--optim.lr 0.01 --data.augment.flip 0.5 --optim.milestones 2 4"
    assert main(["pretrain", "motion_factors_tiny", *words.split(), *flags.split()]) == 0
    ((config, out), options), *more = calls
    assert more == []
    preset = PRESETS["motion_factors_tiny"]
    augment = replace(preset.data.augment, flip=0.5)
    assert config == replace(
        preset,
        seed=3,
        data=replace(preset.data, augment=augment),
        optim=replace(preset.optim, lr=0.01, milestones=(2, 4)),
    )
    assert out == Path("runs/a")
    assert options == {
        "data_dir": Path("there"),
        "max_steps": 12,
        "save_every": 2,
        "accelerator": "auto",
        "devices": "1",
        "num_nodes": 1,
        "max_minutes": None,
        "tensorboard": False,
        "progress": False,
    }


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_flags_a_preset_is_left_as_it_is(name: str) -> None:
    command = parse(["pretrain", name, "--out", "runs/a"])
    assert isinstance(command, Pretrain)
    assert command.config == PRESETS[name]


def test_dry_run_tells_the_cost_and_needs_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, Any]] = []

    def estimate(config: PretrainConfig, **options: Any) -> str:
        calls.append({"config": config, **options})
        return "12 hours"

    monkeypatch.setitem(
        sys.modules, "sdc_lib.training.estimate", SimpleNamespace(estimate=estimate)
    )
    words = ["pretrain", "kinetics400", "--dry-run", "--devices", "8", "--num-nodes", "2"]
    assert main(words) == 0
    assert capsys.readouterr().out == "12 hours\n"
    assert calls[0]["config"] == PRESETS["kinetics400"]
    assert (calls[0]["devices"], calls[0]["num_nodes"]) == ("8", 2)


def test_pretrain_without_a_folder_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", "ucf101"]) == 1
    assert capsys.readouterr().err == "sdc: --out DIR is missing: the folder that gets the run\n"


def test_evaluate_hands_over_its_flags(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    class Found:
        left_out = ("torn.mp4: broken",)

        def __str__(self) -> str:
            return "| top-1 |"

    def evaluate(*words: Any, **options: Any) -> Found:
        calls.append((words, options))
        return Found()

    monkeypatch.setattr("sdc_lib.evaluation.evaluate", evaluate)
    flags = "--protocol knn --clips coclr --target motion --device cpu --cache-dir there --seed 2"
    more = "--factors scene,gesture --folds fold"
    words = ["evaluate", "random:ucf101", "--dataset", "hmdb51", *flags.split(), *more.split()]
    assert main(words) == 0
    assert capsys.readouterr().out == "| top-1 |\nleft out: torn.mp4: broken\n"
    assert calls[0][0] == ("random:ucf101", "hmdb51", "knn")
    chosen: dict[str, Any] = {
        "clips": "coclr",
        "target": "motion",
        "device": "cpu",
        "seed": 2,
        "folds": "fold",
    }
    chosen["factors"] = ("scene", "gesture")
    chosen |= {"cache_dir": Path("there"), "data_dir": Path("data"), "fold": 1}
    assert calls[0][1].items() >= chosen.items()


@pytest.mark.parametrize("devices", ["many", "0", "100000"])
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_devices_that_are_not_there(
    devices: str, dry: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pretrain", "motion_factors_tiny", "--out", str(tmp_path / "run"), *dry]
    assert main([*words, "--accelerator", "cpu", "--devices", devices]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sdc: devices is '{devices}'; it must be auto or from 1 to ")
    assert not (tmp_path / "run").exists()


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sdc_lib", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: sdc ")


def test_help_imports_neither_torch_nor_the_decoder() -> None:
    code = (
        "import sys; from sdc_lib.commands.app import build_app; build_app()\n"
        "print([m for m in ('torch', 'decord', 'av', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_threads_that_wait_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # comes back as it was
    monkeypatch.delenv("OMP_WAIT_POLICY")
    with pytest.raises(SystemExit):
        main(["doctor", "--nonsense"])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
