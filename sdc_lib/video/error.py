"""The one exception that reading a video raises."""

from __future__ import annotations

import os
from pathlib import Path

PathLike = str | os.PathLike[str]


class VideoError(Exception):
    """A video file that cannot be used.

    Attributes:
        path: The file.
        cause: What is wrong with it, in one line.
    """

    def __init__(self, path: PathLike, cause: str) -> None:
        """Name the file and the cause; both survive pickling between processes."""
        super().__init__(os.fspath(path), cause)
        self.path = Path(path)
        self.cause = cause

    def __str__(self) -> str:
        """Return ``path: cause``."""
        return f"{self.path}: {self.cause}"
