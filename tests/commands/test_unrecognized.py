"""Words that a command does not know: one short line, with what that very command knows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sdc_lib.commands.app import build_app, main
from sdc_lib.commands.unrecognized import CommandHelp, read_help


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> CommandHelp:
    with pytest.raises(SystemExit):
        build_app().cli(prog="sdc", args=[*command.split(), "--help"])
    return read_help(capsys.readouterr().out)


def test_a_help_names_the_command_and_what_may_follow(capsys: pytest.CaptureFixture[str]) -> None:
    make = help_of("data make motion-factors", capsys)
    assert make == ("sdc data make motion-factors", (), ("--size", "--root", "--seed"))
    assert help_of("data", capsys) == ("sdc data", ("make", "check", "prepare"), ())
    pretrain = help_of("pretrain motion_factors_tiny", capsys)
    assert pretrain.command == "sdc pretrain motion-factors-tiny"
    assert {"--out", "--dry-run", "--no-dry-run", "--optim.lr"} <= set(pretrain.options)
    assert len(pretrain.options) > 40


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "data make motion-factors --out X",
            "--out is no option of sdc data make motion-factors; it has --size, --root, --seed",
        ),
        (
            "data make motion_factors --aa=3 --root x --bb 5",
            "--aa, --bb are no options of sdc data make motion-factors; "
            "it has --size, --root, --seed",
        ),
        (
            "evaluate x --dataset ucf101 --protcol knn",
            "--protcol is no option of sdc evaluate; did you mean --protocol?",
        ),
        (
            "pretrain motion_factors_tiny --max-step 3",
            "--max-step is no option of sdc pretrain motion-factors-tiny; "
            "did you mean --max-steps?",
        ),
        (
            "pretrain motion_factors_tiny --lr 3 --max_steps 2",
            "--lr is no option of sdc pretrain motion-factors-tiny; did you mean --optim.lr?",
        ),
        (
            "pretrain motion_factors_tiny --zzzz",
            "--zzzz is no option of sdc pretrain motion-factors-tiny; "
            "see sdc pretrain motion-factors-tiny --help",
        ),
        ("doctor --foo", "--foo is no option of sdc doctor; see sdc doctor --help"),
        (
            "data frob --seed 3",
            "'frob' is no command of sdc data; choose one of make, check, prepare",
        ),
        (
            "data --seed 3 make",
            "--seed is no option of sdc data; options come after one of make, check, prepare",
        ),
        ("search a b c", "Unrecognized options: c; For full helptext, run sdc --help"),
    ],
)
def test_the_line(words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    assert capsys.readouterr() == ("", f"sdc: {line}\n")


@pytest.mark.parametrize("columns", ["60", "80", "200"])
@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("evaluate", "sdc: WEIGHTS is missing; see sdc evaluate --help"),
        ("search", "sdc: FILE, QUERY are missing; see sdc search --help"),
        ("embed", "sdc: WEIGHTS, VIDEOS, --out PATH are missing; see sdc embed --help"),
        ("data", "sdc: a word is missing; it must be one of make, check, prepare"),
        ("evaluate x --split all", "sdc: --split is 'all'; it must be one of val, test"),
    ],
)
def test_what_is_missing_takes_one_line_however_wide_the_terminal(
    words: str,
    line: str,
    columns: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip() == line


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m sdc_lib pretrain ucf101 --help | head -n 1"
    shell = ["bash", "-c", f"set -o pipefail; {command}"]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
