"""What the readers of annotation files share: safe paths, finding files, counting.

An annotation file is somebody else's text: every name in it is checked before it becomes a path.
Files it lists but that are not there are counted and named, never an error, for hardly any copy of
a large data set is complete; a folder laid out differently is an error that says what is wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Literal

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.files import FileFinder

Split = Literal["train", "test"]


class MissingDataError(ValueError):
    """A data set, or a part of it, is not where it should be."""


@dataclass(frozen=True)
class Listed:
    """One video of an annotation file."""

    names: tuple[str, ...]
    """Paths below the folder of videos at which it may be, the official one first."""
    label: int | None = None
    group: str | None = None
    factors: Mapping[str, int] = field(default_factory=dict)


class ListedVideos(VideoDataset):
    """A data set that an annotation file defines.

    Args:
        name: Name of the data set.
        root: Its root folder.
        folder: The folder of videos, ``root`` or below it.
        split: Name of the split.
        listed: What the annotation file lists for it, in order.
        class_names: Names of the labels.
        official: Number of videos in the official list; ``None`` where there is none.
        notes: Further lines for the summary.
        left_out: Listed videos that must not be used, and why.
        factor_names: Names of the values of every further factor.

    Raises:
        MissingDataError: Not one of the listed videos is where it should be.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        folder: Path,
        split: str,
        listed: Sequence[Listed],
        class_names: Sequence[str],
        official: int | None = None,
        notes: Iterable[str] = (),
        left_out: Iterable[LeftOut] = (),
        factor_names: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        if not listed:
            raise ValueError(f"{name} ({split}): the annotation files below {root} list no videos")
        unusable = tuple(left_out)
        files, missing = _find(listed, root, folder)
        if not files:
            raise MissingDataError(
                f"{name} ({split}): none of the {len(listed)} listed videos is below {folder}; "
                f"the first is {missing[0].cause}"
            )
        total = len(listed) + len(unusable)
        super().__init__(
            name,
            root,
            split,
            files,
            class_names,
            factor_names,
            [*missing, *unusable],
            _account(total, len(missing), official, folder, notes),
        )


def _find(
    listed: Iterable[Listed], root: Path, folder: Path
) -> tuple[list[VideoFile], list[LeftOut]]:
    """The listed videos that are below a folder, by their names below the root, and the others."""
    finder = FileFinder(folder)
    files: list[VideoFile] = []
    missing: list[LeftOut] = []
    for video in listed:
        path = finder.find(video.names)
        if path is None:
            missing.append(LeftOut(video.names[0], finder.absence(video.names[0])))
        else:
            inside = path.relative_to(root).as_posix()
            files.append(VideoFile(path, inside, video.label, video.group, video.factors))
    return files, missing


def _account(
    listed: int, missing: int, official: int | None, folder: Path, notes: Iterable[str]
) -> Iterator[str]:
    """Listed of official, what is missing and where it belongs, and what else is to be said."""
    if official is not None and listed != official:
        how_many = f"{abs(listed - official)} {'fewer' if listed < official else 'more'}"
        yield f"listed: {listed}, {how_many} than the official {official}"
    elif official is not None:
        yield f"listed: {listed}, as in the official list"
    if missing:
        yield f"missing: {missing} of {listed} listed videos; they belong below {folder}"
    for note in notes:
        yield f"note: {note}"


def safe_path(text: str, source: Path, line: int) -> str:
    """Check that a listed name stays below the folder that it is relative to.

    Args:
        text: The name, with forward slashes.
        source: The annotation file, for the message.
        line: Line or entry number in it, for the message.

    Returns:
        The name without ``.`` parts and doubled slashes.

    Raises:
        ValueError: The name is empty, absolute, or climbs with ``..``.
    """
    windows = PureWindowsPath(text)
    bad = not text.strip() or "\0" in text or text.startswith("/") or bool(windows.anchor)
    if bad or ".." in windows.parts or PurePosixPath(text) == PurePosixPath("."):
        raise ValueError(
            f"{source}, line {line}: {text!r} is refused; names must be relative paths that stay "
            "inside the folder of videos"
        )
    return PurePosixPath(text).as_posix()


def existing(root: Path, candidates: Sequence[str], what: str, hint: str = "") -> Path:
    """The first candidate below ``root`` that exists.

    Args:
        root: Root folder of the data set.
        candidates: Relative paths, the official one first; ``"."`` is the root itself.
        what: What it is, for the message.
        hint: What to do where none exists.

    Raises:
        MissingDataError: ``root`` is no folder, or no candidate exists.
    """
    if not root.is_dir():
        raise MissingDataError(f"{root} is not a folder; it should hold {what}")
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    wanted = " or ".join(str(root / candidate) for candidate in candidates)
    raise MissingDataError(f"{what} not found: expected {wanted}{'; ' if hint else ''}{hint}")


def check_split(split: str, known: Sequence[str], name: str) -> None:
    """Raise ``ValueError`` unless ``split`` is one of ``known``."""
    if split not in known:
        raise ValueError(f"{name} has no split {split!r}; it has: {', '.join(known)}")


def check_fold(fold: int, known: Sequence[int], name: str) -> None:
    """Raise ``ValueError`` unless ``fold`` is one of ``known``."""
    if fold not in known:
        raise ValueError(f"{name} has no fold {fold!r}; it has: {', '.join(map(str, known))}")


def check_disjoint(train: Collection[str], test: Collection[str], what: str, where: str) -> None:
    """Raise ``ValueError`` when train and test share something that must be on one side only."""
    shared = sorted(set(train) & set(test))
    if shared:
        raise ValueError(
            f"{where}: {len(shared)} {what} are in both train and test, for example {shared[0]!r}; "
            "these are not the official lists, or they were edited"
        )


def shared_sources(train: Iterable[str], test: Iterable[str]) -> tuple[str, ...]:
    """A note on sources that an official split has on both sides; empty where there are none."""
    shared = sorted(set(train) & set(test))
    if not shared:
        return ()
    return (
        f"{len(shared)} sources have videos in both train and test, for example {shared[0]!r}; "
        "the official lists are kept as they are",
    )
