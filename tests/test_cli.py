"""`sdc`: help, exit status, and errors that take one line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from sdc_lib import cli, doctor
from sdc_lib.cli import MakeMotionFactors, main, parse
from sdc_lib.doctor import Check
from sdc_lib.video import VideoError

COMMANDS = ["doctor", "data make motion-factors"]


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
    assert f"usage: sdc {command}".strip() in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_gives_every_flag_a_default_or_calls_it_required(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    flags = re.split(r" (?=--[a-z])", text.partition("show this help message and exit")[2])[1:]
    assert [flag for flag in flags if "(default: " not in flag and "(required)" not in flag] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pretnd"], "pretnd"),
        ([], "Expected one of"),
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
        (FileNotFoundError(2, "No such file", "x.csv"), "[Errno 2] No such file: 'x.csv'"),
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
    monkeypatch.setattr(cli, "parse", lambda _: run_that_raises(error)())
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == f"sdc: {line}\n"


def test_debug_adds_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "parse", lambda _: run_that_raises(ValueError("size is 0"))())
    assert main(["doctor", "--debug"]) == 1
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.endswith("sdc: size is 0\n")


def test_interrupt_is_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "parse", lambda _: run_that_raises(KeyboardInterrupt())())
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


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sdc_lib", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: sdc ")


def test_help_imports_neither_torch_nor_the_decoder() -> None:
    code = (
        "import sys; from sdc_lib.cli import build_app; build_app()\n"
        "print([m for m in ('torch', 'decord', 'av', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
