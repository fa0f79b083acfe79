"""The command ``sdc``: parse, run, and report errors in one line.

What a subcommand needs is imported when it runs, so that ``--help`` answers at once and a broken
package breaks only the commands that use it. Exit status: 0 after success, 1 after an error, 2 for
a command line that makes no sense, 130 after an interrupt.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Protocol, cast

from tyro.extras import SubcommandApp

from sdc_lib.commands.atlas import Atlas
from sdc_lib.commands.data import data_app
from sdc_lib.commands.doctor import Doctor
from sdc_lib.commands.evaluation import Evaluate
from sdc_lib.commands.pretrain import pretrain_app
from sdc_lib.commands.refused import empty, refused
from sdc_lib.commands.search import Embed, Search
from sdc_lib.commands.unrecognized import explain
from sdc_lib.support.settings import check_settings

ABOUT = (
    "Static and dynamic concepts from unlabelled video: data, pretraining, evaluation, search. "
    "Errors take one line; --debug, anywhere, adds the traceback."
)


class Command(Protocol):
    """A parsed subcommand."""

    def run(self) -> int:
        """Do it and return the exit status."""


def build_app() -> SubcommandApp:
    """All subcommands, nested as on the command line."""
    app = SubcommandApp()
    app.command(name="doctor")(Doctor)
    app.command(data_app(), name="data", help="Make, check and prepare data sets.")
    app.command(pretrain_app(), name="pretrain", help="Pretrain a preset, or continue a run.")
    app.command(name="evaluate")(Evaluate)
    app.command(name="embed")(Embed)
    app.command(name="search")(Search)
    app.command(name="atlas")(Atlas)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after ``sdc``; those of the process when None.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # before torch: waiting threads must sleep; on a busy machine spinning ones cost time
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold any bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in words
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return parse([word for word in words if word != "--debug"]).run()
    except KeyboardInterrupt:
        print("sdc: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"sdc: {_one_line(error)}", file=sys.stderr)
        return 1


def parse(words: Sequence[str]) -> Command:
    """Turn words into a command.

    Raises:
        ValueError: If a number makes no sense, or a word is empty.
        SystemExit: 0 after ``--help``; 2, with one line on stderr, for words that make no sense.
    """
    printed = io.StringIO()
    if line := empty(words):
        raise ValueError(line)
    try:
        with contextlib.redirect_stderr(printed):
            command = _parse(words)
    except SystemExit as stop:
        if stop.code:
            message = _without_box(printed.getvalue())
            if message.startswith("Unrecognized"):
                message = explain(words, _help_of) or message
            message = refused(message) or message
            print(f"sdc: {message}", file=sys.stderr)
        raise
    check_settings(command, flags=True)
    return cast(Command, command)


def _parse(words: Sequence[str]) -> object:
    return build_app().cli(prog="sdc", description=ABOUT, args=list(words))


def _help_of(words: Sequence[str]) -> str:
    """The help of the command that words lead to; what follows its name does not matter."""
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(SystemExit),
    ):
        _parse([*words, "--help"])
    return printed.getvalue()


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the place in the code that it comes from."""
    print(f"sdc: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    """What went wrong; errors that are not about input also name their type."""
    from sdc_lib.video import VideoError

    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        text = re.sub(r"^\[Errno -?\d+\] ", "", text)  # what it means follows
    if isinstance(error, (VideoError, ValueError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _without_box(text: str) -> str:
    """The parser's message as one line, out of its frame of lines or, in ASCII, of hyphens."""
    lines = [re.sub(r"[│╭╮╰╯─]+|-{3,}", " ", line) for line in text.splitlines()]
    message = "; ".join(" ".join(line.split()) for line in lines if line.strip())
    message = re.sub(r"^([^;]+); (?=\1)", "", message)  # a title that the first line repeats
    return re.sub(r"([:.]);", r"\1", message)
