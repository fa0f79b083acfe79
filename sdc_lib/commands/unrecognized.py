"""One line about words that a command does not know, with the nearest that it does know."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

FEW = 6
"""So many options are listed in a line; of more, only those that are like the unknown one."""


class CommandHelp(NamedTuple):
    """What a command understands, read from its help.

    Attributes:
        command: As typed, such as ``"sdc data make motion-factors"``.
        subcommands: One of which must follow; empty for a command that runs.
        options: Such as ``"--seed"``, without ``"--help"``.
    """

    command: str
    subcommands: tuple[str, ...]
    options: tuple[str, ...]


def read_help(text: str) -> CommandHelp:
    """Read the usage line and the options, which stand first in their lines, in the help's box."""
    usage = re.match(r"usage: ([\w -]+?) \[-h\](?: \{([\w,-]+)\})?", text)
    command, subcommands = usage.groups() if usage else ("sdc", None)
    lines = re.findall(r"^[│ ] (--[\w.-]+(?:, --[\w.-]+)*)", text, re.MULTILINE)
    options = tuple(name for line in lines for name in line.split(", "))
    return CommandHelp(command, tuple(subcommands.split(",") if subcommands else ()), options)


def explain(words: Sequence[str], help_of: Callable[[Sequence[str]], str]) -> str | None:
    """What is wrong with words that the parser does not recognise.

    Args:
        words: After ``sdc``.
        help_of: The help of the command that words lead to.

    Returns:
        One line; None where each word is a known option or may be the value of one.
    """
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    known = read_help(help_of(names))
    follow = names[len(known.command.split()) - 1 :]
    if known.subcommands and follow:
        return f"{follow[0]!r} is no command of {known.command}; {_instead(follow, known)}"
    given = [word.partition("=")[0] for word in words if re.match(r"--[a-zA-Z]", word)]
    there = [name.replace("_", "-") for name in known.options]
    unknown = [name for name in dict.fromkeys(given) if name.replace("_", "-") not in there]
    if not unknown:
        return None
    are = "is no option" if len(unknown) == 1 else "are no options"
    return f"{', '.join(unknown)} {are} of {known.command}; {_instead(unknown, known)}"


def _instead(unknown: Sequence[str], known: CommandHelp) -> str:
    """What could have been meant."""
    if known.subcommands:
        if unknown[0].startswith("--"):
            return f"options come after one of {', '.join(known.subcommands)}"
        return f"choose one of {', '.join(known.subcommands)}"
    if known.options and len(known.options) <= FEW:
        return f"it has {', '.join(known.options)}"
    like = [other for name in unknown for other in _like(name, known.options)]
    if like:
        return f"did you mean {' or '.join(dict.fromkeys(like))}?"
    return f"see {known.command} --help"


def _like(name: str, options: Sequence[str]) -> list[str]:
    """The same name in a group (``--lr`` for ``--optim.lr``), or else similar ones."""
    inside = [option for option in options if option.endswith(f".{name.removeprefix('--')}")]
    return inside[:3] or difflib.get_close_matches(name, options, n=3, cutoff=0.7)
