"""Copy a data set into a form that is fast to read, keeping its layout."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sdc_lib.datasets.base import LeftOut
from sdc_lib.datasets.files import Walk, videos_below
from sdc_lib.support.files import remove_leftovers, too_long, write_atomically, written_beside
from sdc_lib.support.locks import alone_in
from sdc_lib.support.processes import available_cores
from sdc_lib.video.isolate import run_isolated
from sdc_lib.video.transcode import CONTAINERS

SETTINGS_NAME = "sdc_prepared.json"
_TASK = "sdc_lib.video.tasks:prepare"
_ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip"})


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        folder: Where the copies are.
        made: Videos written now.
        kept: Videos that were there already.
        copied: Other files, annotations above all.
        failed: Videos without a copy, and why.
        left_out: Folders not looked into and other files not copied, and why.
        size_before: Bytes of the originals that have a copy.
        size_after: Bytes of the copies.
    """

    folder: Path
    made: int
    kept: int
    copied: int
    failed: tuple[LeftOut, ...]
    left_out: tuple[LeftOut, ...]
    size_before: int
    size_after: int

    def report(self) -> str:
        """Counts, sizes, and one line for all that is left out or failed."""
        lines = [
            f"{self.made} videos prepared, {self.kept} were there already, {self.copied} other "
            f"files copied to {self.folder}",
            f"{self.size_before / 1e6:.1f} MB of video became {self.size_after / 1e6:.1f} MB",
        ]
        lines += [f"left out: {out.name}: {out.cause}" for out in self.left_out]
        if self.failed:
            lines.append(f"{len(self.failed)} videos cannot be prepared:")
        return "\n".join([*lines, *(f"  {out.name}: {out.cause}" for out in self.failed)])


def prepare(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    short_side: int = 128,
    quality: int = 5,
    workers: int = 0,
    timeout: float = 600.0,
    progress: bool = True,
) -> Prepared:
    """Write a small Motion JPEG copy of every video below a folder.

    Names stay, but for suffixes other than ``.avi``, ``.m4v``, ``.mov`` and ``.mp4``, which become
    ``.mp4``; the readers of official data sets find them all the same. Annotation files are copied,
    archives and hidden files are not. Run it again after an interruption, or when originals were
    added or changed: what is there is kept.

    Args:
        src: Folder of the originals.
        dst: Folder of the copies, outside ``src``.
        short_side: Pixels of the shorter side; smaller videos keep their size.
        quality: JPEG quantiser, 2 (best) to 31.
        workers: Child processes; 0 for one a core.
        timeout: Seconds that one video may take.
        progress: Show a bar.

    Raises:
        ValueError: ``src`` holds no videos, ``dst`` is inside it or around it or was made with
            other settings, another process works in it, or two originals would get the same name.
        OSError: ``dst`` is full or read-only; what is there stays, to go on from.
    """
    source, target = Path(src), Path(dst)
    found = videos_below(source)
    videos = _plan(found, source, target)
    with alone_in(target):
        _settle(target, {"codec": "mjpeg", "short_side": short_side, "quality": quality})
        due = [name for name in videos if not _same_time(source / name, target / videos[name])]
        scale = {"short_side": short_side, "quality": quality}
        jobs = [
            {"source": str(source / name), "target": str(target / videos[name]), **scale}
            for name in due
        ]
        try:
            failed = _transcode(jobs, source, workers or available_cores(), timeout, progress)
        finally:
            for parent, _, _ in os.walk(target):
                remove_leftovers(Path(parent))  # of processes that were killed, now or earlier
        copied, skipped = _copy_others(found, source, target)
    without = {out.name for out in failed}
    have = [name for name in videos if name not in without]
    return Prepared(
        folder=target,
        made=len(due) - len(failed),
        kept=len(videos) - len(due),
        copied=copied,
        failed=tuple(sorted(failed, key=lambda out: out.name)),
        left_out=(*found.left_out, *skipped),
        size_before=sum((source / name).stat().st_size for name in have),
        size_after=sum((target / videos[name]).stat().st_size for name in have),
    )


def _transcode(
    jobs: list[dict[str, Any]], source: Path, workers: int, timeout: float, progress: bool
) -> list[LeftOut]:
    """Write the copies in child processes; returns the videos that got none."""
    failed = []
    with tqdm(total=len(jobs), desc="preparing", unit="video", disable=not progress) as bar:
        for outcome in run_isolated(_TASK, jobs, workers=workers, timeout=timeout):
            bar.update()
            if "no_room" in outcome.result:
                number = int(outcome.result["no_room"])
                raise OSError(number, os.strerror(number), str(outcome.job["target"]))
            if outcome.status != "ok":
                name = Path(outcome.job["source"]).relative_to(source).as_posix()
                failed.append(LeftOut(name, outcome.cause))
    return failed


def _plan(found: Walk, source: Path, target: Path) -> dict[str, str]:
    """The name of the copy of every video."""
    inner, outer = target.resolve(), source.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise ValueError(f"{target} and {source} overlap; copies belong in a folder of their own")
    names = [path.relative_to(source).as_posix() for path in found.videos]
    planned: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in names:
        known = Path(name).suffix.lower() in CONTAINERS
        planned[name] = name if known else Path(name).with_suffix(".mp4").as_posix()
        other = owners.setdefault(planned[name], name)
        if other != name:
            raise ValueError(
                f"{source}: {other!r} and {name!r} would both become {planned[name]!r}; rename one"
            )
    return planned


def _settle(target: Path, settings: Mapping[str, Any]) -> None:
    """Write down how the copies are made; refuse to mix two ways in one folder."""
    path = target / SETTINGS_NAME
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    found = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if found.strip() and found != text:
        raise ValueError(
            f"{target} was made with other settings, {' '.join(found.split())} in {path.name}; use "
            "another folder"
        )
    write_atomically(path, text.encode())


def _same_time(original: Path, copy: Path) -> bool:
    """Whether a file is there and carries the original's time of change."""
    try:
        return copy.stat().st_mtime_ns == original.stat().st_mtime_ns
    except OSError:
        return False


def _copy_others(found: Walk, source: Path, target: Path) -> tuple[int, list[LeftOut]]:
    """Copy what is neither video nor archive nor hidden, unless it is there.

    Returns:
        How many were copied, and what cannot be.
    """
    copied = 0
    left_out: list[LeftOut] = []
    for original in found.others:
        name = original.relative_to(source).as_posix()
        if original.suffix.lower() in _ARCHIVES or _same_time(original, target / name):
            continue
        if not os.path.isfile(original):
            left_out.append(LeftOut(name, "not a file, or a link to nothing"))
            continue
        try:
            with written_beside(target / name) as beside:
                shutil.copy2(original, beside)
            copied += 1
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                left_out.append(LeftOut(name, too_long(target / name)))
            elif error.filename == str(original):
                left_out.append(LeftOut(name, str(error.strerror)))
            else:
                raise  # the copy cannot be written, nor could the next
    return copied, left_out
