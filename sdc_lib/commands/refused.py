"""One line about what is missing, or not taken: the flag, the value, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"Error parsing (--[\w.-]+): .*?(int\(\)|float).*?: ('.*?');")
_CHOICE = re.compile(r"invalid choice ('.*?') for argument '(--[\w.-]+)'.*?\(('.*?)\)[; ]*\.")
_MISSING = re.compile(r"Missing from (sdc[\w -]*): (.*) \(required\)")
_COMMAND = re.compile(r"Missing subcommand; Expected one of \{(.*?)\}")
_WANTED = {"int()": "a whole number", "float": "a number"}


def empty(words: Sequence[str]) -> str | None:
    """What is wrong with words of which one is empty: as a path, it would be the current folder.

    Args:
        words: After ``sdc``.
    """
    for before, word in zip(("", *words), words, strict=False):
        flag, equals, value = word.partition("=")
        if not word or (flag.startswith("--") and equals and not value):
            name = flag or (before if before.startswith("--") else "an argument")
            return f"{name} is ''; it must not be empty: is a variable of the shell not set?"
    return None


def refused(message: str) -> str | None:
    """The parser's message about a number, a choice or a gap, in the words of all others.

    Args:
        message: In one line.

    Returns:
        One line; None where the message is about something else.
    """
    if found := _NUMBER.search(message):
        flag, kind, value = found.groups()
        return f"{flag} is {value}; it must be {_WANTED[kind]}"
    if found := _CHOICE.search(message):
        value, flag, choices = found.groups()
        wanted = ", ".join(re.findall("'(.*?)'", choices))
        return f"{flag} is {value}; it must be one of {wanted}"
    if found := _MISSING.search(message):
        command, options = found.groups()
        names = [option.split(";")[0].strip() for option in options.split("(required);")]
        is_missing = "is missing" if len(names) == 1 else "are missing"
        return f"{', '.join(names)} {is_missing}; see {command} --help"
    if found := _COMMAND.search(message):
        return f"a word is missing; it must be one of {found.group(1).replace(';', '')}"
    return None
