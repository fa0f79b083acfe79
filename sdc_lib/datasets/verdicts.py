"""The verdict on one file: what a check in a child process found, and its row in a manifest."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from sdc_lib.video import VideoError, VideoInfo
from sdc_lib.video.info import Access
from sdc_lib.video.isolate import Outcome, run_isolated

TASK = "sdc_lib.video.tasks:check"
_VERDICTS: Mapping[str, str] = {"ok": "ok", "error": "broken"}


@dataclass(frozen=True)
class FileCheck:
    """The verdict on one file in one state.

    Attributes:
        name: Path below the root, with forward slashes.
        size: Bytes.
        mtime_ns: Time of its last change, in nanoseconds.
        frames: Number of frames; 0 unless the verdict is ``"ok"``, as all further numbers.
        fps: Frames per second.
        width: Pixels.
        height: Pixels.
        verdict: ``"ok"``; ``"broken"``: the decoder refuses it; ``"crashed"``: it ended the
            decoder's process; ``"killed"``: something else did, such as a system short of
            memory; ``"timeout"``: it took longer than ``limit``.
        cause: Why it is not ``"ok"``.
        access: How single frames are found, see `VideoInfo`.
        limit: Seconds that it was given.
    """

    name: str
    size: int
    mtime_ns: int
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    verdict: str = "ok"
    cause: str = ""
    access: Access = "order"
    limit: float = 0.0

    def is_current(self, path: Path) -> bool:
        """Whether the file still is what was checked, or still cannot be reached."""
        try:
            state = path.stat()
        except OSError:
            return (self.size, self.mtime_ns) == (0, 0)
        return (self.size, self.mtime_ns) == (state.st_size, state.st_mtime_ns)

    def is_settled(self, path: Path, timeout: float) -> bool:
        """Whether another check of the file, with so many seconds for it, has nothing to add.

        A file that took too long may only need more time than it was given then; what was killed
        from outside says nothing about itself.
        """
        if self.verdict == "timeout" and timeout > self.limit:
            return False
        return self.verdict != "killed" and self.is_current(path)

    def info(self, path: Path) -> VideoInfo:
        """What `probe` found when the file at ``path`` was checked.

        Raises:
            VideoError: It cannot be used.
        """
        if self.verdict != "ok":
            raise VideoError(path, self.cause)
        size, state = (self.width, self.height), (self.size, self.mtime_ns)
        return VideoInfo(path, self.frames, self.fps, *size, self.access, state)


FIELDS = tuple(field.name for field in dataclasses.fields(FileCheck))


def check_file(path: Path, timeout: float = 120.0) -> FileCheck:
    """Decode a single file completely, in a child process, and keep nothing."""
    jobs = [{"path": str(path), "name": path.name}]
    (outcome,) = run_isolated(TASK, jobs, workers=1, timeout=timeout)
    return verdict(outcome, timeout)


def verdict(outcome: Outcome, timeout: float) -> FileCheck:
    """What one call of `TASK`, with so many seconds for it, means for its file."""
    name, path = str(outcome.job["name"]), Path(outcome.job["path"])
    try:
        state = path.stat()
    except OSError as error:
        cause = str(error.strerror)
        return FileCheck(name, 0, 0, verdict="broken", cause=cause, limit=timeout)
    return FileCheck(
        name,
        state.st_size,
        state.st_mtime_ns,
        **outcome.result,
        verdict=_VERDICTS.get(outcome.status, outcome.status),
        cause=" ".join(outcome.cause.split()),
        limit=timeout,
    )


def read_rows(file: Iterable[str]) -> Iterator[FileCheck]:
    """The verdicts in a csv file; lines that make no sense are passed over."""
    for row in _readable(csv.reader(file)):
        if len(row) != len(FIELDS) or row == list(FIELDS):
            continue
        name, size, mtime_ns, frames, fps, width, height, verdict, cause, access, limit = row
        try:
            numbers = int(size), int(mtime_ns), int(frames), float(fps), int(width), int(height)
            seconds = float(limit)
        except ValueError:
            continue
        if access in get_args(Access):
            yield FileCheck(name, *numbers, verdict, cause, cast(Access, access), seconds)


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            yield next(rows)
        except csv.Error:
            continue
        except StopIteration:
            return
