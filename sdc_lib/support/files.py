"""Files written beside their place and renamed, whole or not there; lines of errors."""

import contextlib
import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdc_lib.support.processes import lives_since

_NAME_BYTES = 255
_PART = re.compile(r"\.(.*)\.(\d+)\.part(\.[^.]*)?", re.DOTALL)


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; after the block it takes the place of ``path``.

    It has the same suffix. An error in the block leaves ``path`` as it was, and nothing else.

    Raises:
        OSError: If it cannot be written; it names ``path``.
    """
    stem, suffix = _ends(path)
    beside = path.with_name(f".{stem}.{os.getpid()}.part{suffix}")
    with naming(path, beside):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers left of one file, or of all files of a folder.

    What a living writer of this machine has begun stays. One of another machine is taken for dead:
    where several share a folder, only call this while no other one writes.
    """
    only = None if path.is_dir() else _ends(path)
    folder = path if only is None else path.parent
    if folder.is_dir():
        for other in folder.iterdir():
            part = _PART.fullmatch(other.name)
            if part and only in (None, (part[1], part[3] or "")) and not _is_written(other, part):
                other.unlink(missing_ok=True)


def _is_written(beside: Path, part: re.Match[str]) -> bool:
    """Whether the writer whose number is in a name still lives."""
    try:  # the time of the last change: that of the content may be copied from elsewhere
        return lives_since(int(part[2]), beside.lstat().st_ctime)
    except FileNotFoundError:  # it has just finished
        return True


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that it is either there and whole, or as it was before.

    Raises:
        OSError: If it cannot be written; it names the file, and nothing is left behind.
    """
    with written_beside(path) as beside, beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def read_facts(path: Path) -> dict[str, Any]:
    """What a JSON file with an object holds, names and their values.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is none; the message names it.
    """
    facts = read_json(path)
    if not isinstance(facts, dict):
        raise ValueError(f"{path} holds a {type(facts).__name__}; names with values are expected")
    return facts


def check_writable(path: Path) -> None:
    """Find out whether a file can be written, before the work that fills it.

    Nothing is made: where folders are missing, the one that they will be made in is tried.

    Raises:
        OSError: If it cannot; it names the file.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, a file is needed", str(path))
    check_writable_folder(path.parent, path)


def check_writable_folder(folder: Path, asked: Path | None = None) -> None:
    """Find out whether files can be written into a folder, which may have to be made.

    Raises:
        OSError: If they cannot; it names ``asked``, the folder by default.
    """
    with naming(asked or folder):
        there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        for part in (asked or folder).relative_to(there).parts:
            with contextlib.suppress(FileNotFoundError):
                os.lstat(there / part)  # refuses a name that is too long
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"0")


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type if it has none; no number of the system."""
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip())
    return (text or type(error).__name__).splitlines()[0]


def type_and_first_line(error: BaseException) -> str:
    """The same after the error's type, for errors that may be of any kind."""
    kind = type(error).__name__
    return f"{kind}: {first_line(error)}" if str(error).strip() else kind


def too_long(path: Path) -> str:
    """Why a file cannot be written whose name or path the system finds too long."""
    name, whole = (len(os.fsencode(part)) for part in (path.name, os.path.abspath(path)))
    return f"the name of its copy is too long: {name} bytes, {whole} with its folders"


@contextlib.contextmanager
def naming(path: Path, beside: Path | None = None) -> Iterator[None]:
    """Put the name of the file that was asked for into errors; a full disk names none.

    With ``beside``, errors about files that are read meanwhile keep their names.
    """
    try:
        yield
    except OSError as error:
        if beside and error.filename not in (None, "", str(beside), str(path.parent)):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ends(path: Path) -> tuple[str, str]:
    """Stem and suffix for a file beside, whose name must fit even where that of the file just does.

    The stem is cut; a suffix that would leave no room for it is a part of a title with a dot.
    """
    stem, suffix = path.stem, path.suffix
    if len(os.fsencode(suffix)) > _NAME_BYTES // 2:
        stem, suffix = path.name, ""
    room = _NAME_BYTES - len(os.fsencode(suffix)) - len("..0000000000.part")
    return os.fsencode(stem)[:room].decode(errors="ignore"), suffix
