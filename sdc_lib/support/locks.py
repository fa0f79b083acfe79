"""Folders in which one process works at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have a folder, which is made where it is missing, for this process until the block ends.

    Raises:
        ValueError: If another process has it; the message says which.
        OSError: If it cannot be written.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise ValueError(
            f"another process{_owner(path)} is working in {folder}; wait for it, or choose another "
            "folder"
        ) from error
    except OSError as error:
        raise OSError(error.errno, f"cannot write into {folder}: {error.strerror}") from error
    try:
        with contextlib.suppress(OSError):  # Windows lets nobody write to a file that is locked
            path.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        lock.release()


def _owner(path: Path) -> str:
    """What a locked file says of who locked it."""
    with contextlib.suppress(OSError):
        number = path.read_text(encoding="ascii", errors="replace").strip()
        if number.isdigit():
            return f" ({number})"
    return ""
