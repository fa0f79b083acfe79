"""Read a list of videos that somebody typed, exported or generated.

Such lists come in any encoding, with commas, semicolons, tabs or spaces, with a first line that
names the columns or without one. What can be read is read as it was meant; anything else is one
line that names the file and the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sdc_lib.datasets.files import VIDEO_SUFFIXES, is_video

ROLES: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "video_path", "videopath", "file_path", "filepath", "clip_path", "rel_path"),
        *("relative_path", "relpath", "file", "filename", "file_name", "fname", "video"),
        *("video_file", "video_name", "videoname", "vid_name", "clip", "clip_name", "name"),
        *("video_id", "videoid", "clip_id", "vid", "id"),
    ),
    "label": (
        *("label", "labels", "class", "class_name", "classname", "label_name", "class_label"),
        *("category", "target", "action", "activity", "cls", "class_id", "classid", "label_id"),
        *("class_idx", "y"),
    ),
    "group": ("group", "group_id", "groupid"),
    "split": ("split", "subset"),
}
"""Words that people put over a column, by what it holds; an earlier word counts before a later."""

_SPACE = " "
_BLANK = ",;|\x1a"
"""What spreadsheets leave of empty lines, and how DOS ends a file."""
_SEPARATORS = (",", "\t", ";", "|")
_ENDS = "|".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
_VIDEO_AND_MORE = re.compile(rf"(.*\.(?:{_ENDS}))\s+(\S.*)", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Line(NamedTuple):
    """A line that is not blank, stripped, and its number from 1."""

    number: int
    text: str


class Row(NamedTuple):
    """The cells of a line, one a column."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A list of videos.

    Attributes:
        columns: Names of the columns in lower case; ``path``, ``label`` and ``group`` where the
            list has no first line that names them.
        roles: Where the columns ``path``, ``label``, ``group`` and ``split`` are, if they are.
        rows: The lines below the names.
    """

    columns: tuple[str, ...]
    roles: Mapping[str, int]
    rows: tuple[Row, ...]


def read_text(path: Path) -> str:
    """Decode a text file: by its byte order mark, as UTF-8, or else as Western European.

    Raises:
        ValueError: It is no text.
    """
    data = path.read_bytes()
    encodings = ["utf-8", "cp1252", "latin-1"]
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data, encodings = data[len(mark) :], [encoding]
            break
    else:
        if b"\0" in data:  # UTF-16 without a mark: every other byte of plain letters is zero
            little = data[1::2].count(0) > data[::2].count(0)
            encodings = ["utf-16-le" if little else "utf-16-be"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path} is not a text file, though it begins like one in {encodings[0]}")


def read_lines(path: Path) -> list[Line]:
    """Lines of a text file that are not blank, stripped.

    Raises:
        ValueError: It is no text.
    """
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    lines = [Line(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    for number, line in lines:
        strange = next((c for c in line if c < " " and c not in "\t\x1a"), None)
        if strange is not None:
            raise ValueError(
                f"{path}, line {number}: holds the character U+{ord(strange):04X}; a text file is "
                "expected, not a spreadsheet, archive or video"
            )
    return [line for line in lines if line.text.strip(_BLANK)]


def read_table(path: Path) -> Table:
    """Read a list of videos.

    Raises:
        ValueError: It is empty or no text, its first line names no column of paths, or a line has
            another number of cells.
    """
    lines = read_lines(path)
    given = re.fullmatch(r'"?sep=(.)"?', lines[0].text) if lines else None
    if given:  # Excel may write the separator into the first line
        lines = lines[1:]
    if not lines:
        raise ValueError(f"{path} is empty; lines of path[,label] are expected")
    for separator in (given[1],) if given else (*_SEPARATORS, _SPACE):
        cells = _attempt(lines[0].text.lstrip("# "), separator)
        names = tuple(re.sub(r"[\s-]+", "_", cell.casefold()) for cell in cells)
        if set(names) & set(ROLES["path"]) and not any(map(is_video, cells)):
            return _named(path, lines, names, separator)
    return _unnamed(path, lines, given[1] if given else _guess(lines[0].text))


def _named(path: Path, lines: Sequence[Line], names: tuple[str, ...], separator: str) -> Table:
    """The table below a first line that names its columns."""
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{path}, line {lines[0].number}: two columns are called {twice!r}")
    found = {
        role: next((word for word in words if word in names), None) for role, words in ROLES.items()
    }
    roles = {role: names.index(word) for role, word in found.items() if word is not None}
    if len(names) == 1 and len(lines) > 1:
        separator = _guess(lines[1].text)
    return Table(names, roles, _rows(path, lines[1:], separator, len(names)))


def _unnamed(path: Path, lines: Sequence[Line], separator: str) -> Table:
    """The table of lines that all list a video."""
    first = lines[0]
    if len(lines) > 1 and not is_video(_attempt(first.text, separator)[0]):
        second = lines[1].text
        if is_video(_attempt(second, _guess(second))[0]):
            raise ValueError(
                f"{path}, line {first.number}: {first.text!r} names no column of paths; call it "
                "path, video, file or filename"
            )
    rows = _rows(path, lines, separator)
    usual = ("path", "label") if separator == _SPACE else ("path", "label", "group")
    if len(rows[0].cells) > len(usual):
        raise ValueError(
            f"{path}, line {first.number}: {len(rows[0].cells)} cells; more than "
            f"{', '.join(usual)} need a first line that names the columns, such as path,label"
        )
    columns = usual[: len(rows[0].cells)]
    return Table(columns, {name: place for place, name in enumerate(columns)}, rows)


def _guess(text: str) -> str:
    """What separates the path, in the first column, from the rest; empty where it is alone."""
    for separator in _SEPARATORS:
        cells = _attempt(text, separator)
        if len(cells) > 1 and is_video(cells[0]):
            return separator
    if is_video(text.strip('"')):
        return ""
    if _VIDEO_AND_MORE.fullmatch(text) or re.fullmatch(r"\S+\s+\d+", text):
        return _SPACE
    return next((separator for separator in _SEPARATORS if separator in text), "")


def _rows(path: Path, lines: Sequence[Line], separator: str, columns: int = 0) -> tuple[Row, ...]:
    """Split lines into ``columns`` cells, or as many as the first one has."""
    rows: list[Row] = []
    for number, text in lines:
        try:
            cells = _cells(text, separator, columns)
        except csv.Error as error:
            raise ValueError(f"{path}, line {number}: {error}: {text!r}") from error
        while 0 < columns < len(cells) and not cells[-1]:
            cells = cells[:-1]  # spreadsheets fill lines up with separators
        columns = columns or len(cells)
        if len(cells) != columns:
            raise ValueError(
                f"{path}, line {number}: {len(cells)} cells, {columns} expected: {text!r}"
            )
        rows.append(Row(number, cells))
    return tuple(rows)


def _attempt(text: str, separator: str) -> tuple[str, ...]:
    """The cells of a line if this is its separator; the whole line where it cannot be."""
    try:
        return _cells(text, separator)
    except csv.Error:
        return (text,)


def _cells(text: str, separator: str, columns: int = 0) -> tuple[str, ...]:
    """Split a line; quotes keep separators inside a cell."""
    if separator == _SPACE:
        return _spaced(text, columns)
    if not separator:
        return (text.strip('"'),)
    (cells,) = csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True)
    return tuple(cell.strip() for cell in cells)


def _spaced(text: str, columns: int) -> tuple[str, ...]:
    """Split at spaces a path, which may hold some itself, and what follows it."""
    match = _VIDEO_AND_MORE.fullmatch(text)
    if match and columns in (0, 2) and not re.search(r"\d\s+\d", match[2]):
        return match[1].strip('"'), match[2].strip('"')
    return tuple(text.split() if columns == 0 else text.rsplit(None, columns - 1))
