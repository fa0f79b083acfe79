"""What is known of every file of a data set: checked once, kept beside the data.

The manifest is a csv file, ``sdc_manifest.csv`` in the data set's root, or in the user's cache
where that folder is read-only. Checked again are files whose size or time of change differs, those
that took too long where there is more time now, and those whose check was ended from outside.
"""

from __future__ import annotations

import copy
import csv
import dataclasses
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tqdm import tqdm

from sdc_lib.datasets.base import LeftOut, VideoDataset
from sdc_lib.datasets.verdicts import FIELDS, TASK, FileCheck, read_rows, verdict
from sdc_lib.support.files import naming, remove_leftovers, write_atomically
from sdc_lib.support.processes import available_cores
from sdc_lib.video import VideoInfo, probe
from sdc_lib.video.isolate import run_isolated

MANIFEST_NAME = "sdc_manifest.csv"


class Manifest:
    """Verdicts on the files of a data set.

    Args:
        root: The data set's root.
        checks: The verdicts.

    Attributes:
        root: As given.
        checks: Verdict by name, sorted.
    """

    def __init__(self, root: Path, checks: Iterable[FileCheck]) -> None:
        self.root = Path(root)
        self.checks: Mapping[str, FileCheck] = {
            check.name: check for check in sorted(checks, key=lambda check: check.name)
        }

    @property
    def unusable(self) -> tuple[FileCheck, ...]:
        """The files that are not ``"ok"``."""
        return tuple(check for check in self.checks.values() if check.verdict != "ok")

    def of(self, path: Path) -> FileCheck | None:
        """The verdict on a file, which may be out of date, if there is one."""
        return self.checks.get(Path(os.path.relpath(path, self.root)).as_posix())

    def check(self, path: Path) -> VideoInfo:
        """Describe a file from its verdict, or with `probe` where there is no current one.

        This is what ``VideoFolder(root, check=manifest.check)`` wants.

        Raises:
            VideoError: The file cannot be used.
        """
        known = self.of(path)
        if known is None or not known.is_current(path):
            return probe(path)
        return known.info(path)

    def save(self) -> Path:
        """Write the csv file, complete or not at all, and return its path."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(FIELDS)
        writer.writerows(dataclasses.astuple(check) for check in self.checks.values())
        path = manifest_path(self.root)
        write_atomically(path, text.getvalue().encode(errors="surrogateescape"))
        return path

    def report(self) -> str:
        """Counts by verdict, then one line for every file that cannot be used."""
        counts = Counter(check.verdict for check in self.checks.values())
        counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
        lines = [f"{len(self.checks)} files checked: {counted or 'none'}"]
        lines += [f"  {check.verdict}: {check.name}: {check.cause}" for check in self.unusable]
        return "\n".join(lines)


def manifest_path(root: str | os.PathLike[str]) -> Path:
    """Where the manifest of a data set is, or would be."""
    folder = Path(root)
    beside = folder / MANIFEST_NAME
    if beside.exists() or os.access(folder, os.W_OK):
        return beside
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(os.path.abspath(folder).encode(errors="surrogateescape")).hexdigest()
    return cache / "sdc" / "manifests" / f"{key[:16]}.csv"


def load_manifest(root: str | os.PathLike[str]) -> Manifest | None:
    """The manifest of a data set, ``None`` where there is none.

    The last line of an interrupted check may be incomplete; such lines, and any others that make no
    sense, are passed over, and their files are checked again.
    """
    path = manifest_path(root)
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return Manifest(Path(root), read_rows(file))


def nearest_manifest(folder: str | os.PathLike[str]) -> Manifest | None:
    """The manifest of a folder or of one of the three around it, ``None`` where there is none."""
    inner = Path(os.path.abspath(folder))
    for place in (inner, *inner.parents[:3]):
        found = load_manifest(place)
        if found is not None:
            return found
    return None


def check_dataset(
    videos: VideoDataset,
    workers: int = 0,
    timeout: float = 120.0,
    progress: bool = True,
    again: bool = False,
) -> Manifest:
    """Decode every file of a data set completely, in child processes, and keep the verdicts.

    Files with a settled verdict are passed over, see `FileCheck.is_settled`. Verdicts are written
    as they come, so that an interrupted check goes on where it was.

    Args:
        videos: The files.
        workers: Child processes; 0 for one a core.
        timeout: Seconds that one file may take.
        progress: Show a bar.
        again: Check all files, whatever is known of them.

    Returns:
        The manifest of ``videos.root``, files of other splits that were checked before included.
    """
    known = load_manifest(videos.root)
    kept = dict(known.checks) if known is not None else {}
    paths = {file.name: file.path for file in videos}
    due = [
        name
        for name, path in paths.items()
        if again or name not in kept or not kept[name].is_settled(path, timeout)
    ]
    if known is not None and not due:
        return known
    for name in due:
        kept.pop(name, None)
    target = Manifest(videos.root, kept.values()).save()
    remove_leftovers(target)
    jobs = [{"path": str(paths[name]), "name": name} for name in due]
    bar = tqdm(total=len(jobs), desc="decoding", unit="video", disable=not progress)
    count = workers or available_cores()
    with (
        naming(target, target),
        target.open("a", newline="", encoding="utf-8", errors="surrogateescape") as file,
        bar,
    ):
        writer = csv.writer(file)
        for outcome in run_isolated(TASK, jobs, workers=count, timeout=timeout):
            check = verdict(outcome, timeout)
            kept[check.name] = check
            writer.writerow(dataclasses.astuple(check))
            file.flush()
            bar.update()
    manifest = Manifest(videos.root, kept.values())
    manifest.save()
    return manifest


def apply_manifest(videos: VideoDataset, manifest: Manifest) -> VideoDataset:
    """The same data set without the files that the check found unusable.

    They are listed in ``left_out`` with the cause; what the check found out of the others is filled
    in. Files without verdict stay as they are, and so do those that were exchanged since.
    """
    files, left_out = [], []
    for file in videos:
        known = manifest.of(file.path)
        if known is None or not known.is_current(file.path):
            files.append(file)
        elif known.verdict == "ok":
            info = known.info(file.path)
            files.append(dataclasses.replace(file, num_frames=known.frames, info=info))
        else:
            left_out.append(LeftOut(file.name, f"{known.verdict}: {known.cause}"))
    usable = copy.copy(videos)
    usable.files = tuple(files)
    usable.left_out = (*videos.left_out, *left_out)
    return usable


def with_manifest(videos: VideoDataset) -> VideoDataset:
    """`apply_manifest` with the manifest of the data set or of a folder around it, if any."""
    manifest = nearest_manifest(videos.root)
    return videos if manifest is None else apply_manifest(videos, manifest)


def unopened(path: Path) -> VideoInfo:
    """Describe nothing: with it, ``VideoFolder`` lists files that might crash a decoder."""
    return VideoInfo(path, 0, 0.0, 0, 0)
