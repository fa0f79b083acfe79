"""Copy a data set into a form that is fast to read, keeping its layout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sdc_lib.datasets.base import LeftOut
from sdc_lib.datasets.files import walk
from sdc_lib.support.files import available_cores, remove_leftovers, written_beside
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
        size_before: Bytes of the originals that have a copy.
        size_after: Bytes of the copies.
    """

    folder: Path
    made: int
    kept: int
    copied: int
    failed: tuple[LeftOut, ...]
    size_before: int
    size_after: int

    def report(self) -> str:
        """Counts, sizes, and one line for every video that failed."""
        lines = [
            f"{self.made} videos prepared, {self.kept} were there already, {self.copied} other "
            f"files copied to {self.folder}",
            f"{self.size_before / 1e6:.1f} MB of video became {self.size_after / 1e6:.1f} MB",
        ]
        if self.failed:
            lines.append(f"{len(self.failed)} videos cannot be prepared:")
        return "\n".join([*lines, *(f"  {out.name}: {out.cause}" for out in self.failed)])


def prepare(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    short_side: int = 128,
    quality: int = 5,
    workers: int | None = None,
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
        workers: Child processes; as many as cores by default.
        timeout: Seconds that one video may take.
        progress: Show a bar.

    Raises:
        ValueError: ``src`` holds no videos, ``dst`` is inside it or around it or was made with
            other settings, or two originals would get the same name.
    """
    source, target = Path(src), Path(dst)
    videos = _plan(source, target)
    _settle(target, {"codec": "mjpeg", "short_side": short_side, "quality": quality})
    due = [name for name in videos if not _same_time(source / name, target / videos[name])]
    scale = {"short_side": short_side, "quality": quality}
    jobs = [
        {"source": str(source / name), "target": str(target / videos[name]), **scale}
        for name in due
    ]
    count = available_cores() if workers is None else workers
    failed = _transcode(jobs, source, count, timeout, progress)
    without = {out.name for out in failed}
    have = [name for name in videos if name not in without]
    return Prepared(
        folder=target,
        made=len(due) - len(failed),
        kept=len(videos) - len(due),
        copied=_copy_others(source, target),
        failed=tuple(sorted(failed, key=lambda out: out.name)),
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
            if outcome.status != "ok":
                name = Path(outcome.job["source"]).relative_to(source).as_posix()
                remove_leftovers(Path(outcome.job["target"]))
                failed.append(LeftOut(name, outcome.cause))
    return failed


def _plan(source: Path, target: Path) -> dict[str, str]:
    """The name of the copy of every video."""
    inner, outer = target.resolve(), source.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise ValueError(f"{target} and {source} overlap; copies belong in a folder of their own")
    names = [path.relative_to(source).as_posix() for path in walk(source).videos]
    if not names:
        raise ValueError(f"{source} holds no videos to prepare")
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
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{path} tells that {target} was made with other settings "
                f"({' '.join(path.read_text(encoding='utf-8').split())}); use another folder"
            )
        return
    target.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _same_time(original: Path, copy: Path) -> bool:
    """Whether a file is there and carries the original's time of change."""
    try:
        return copy.stat().st_mtime_ns == original.stat().st_mtime_ns
    except OSError:
        return False


def _copy_others(source: Path, target: Path) -> int:
    """Copy what is neither video nor archive nor hidden, unless it is there; return how many."""
    copied = 0
    for original in walk(source).others:
        copy = target / original.relative_to(source)
        if original.suffix.lower() in _ARCHIVES or _same_time(original, copy):
            continue
        with written_beside(copy) as beside:
            shutil.copy2(original, beside)
        copied += 1
    return copied
