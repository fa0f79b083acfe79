"""Train, validation and test parts of data of one's own: their names, and that they fit together.

Two mistakes make numbers that look right and are not: parts that number their classes each for
itself, and videos that are in two parts.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validate", "validation"),
    "test": ("test", "testing"),
}
_END_BYTES = 1 << 16


class SplitFile(NamedTuple):
    """A video and the part that it is in."""

    split: str
    name: str
    path: Path


def split_named(word: str) -> str | None:
    """``train``, ``val`` or ``test`` for what people call them, ``None`` for another word."""
    plain = word.strip().casefold()
    return next((split for split, words in _SPLITS.items() if plain in words), None)


def refuse_unequal_classes(classes: Mapping[str, Collection[str]], where: str, advice: str) -> None:
    """Refuse parts whose classes differ; a part without classes is one without labels.

    Args:
        classes: Names of the classes of every part.
        where: Folder or list, for the message.
        advice: What would be right, for the message.

    Raises:
        ValueError: A part lacks a class of another.
    """
    labelled = {split: set(names) for split, names in classes.items() if names}
    for split, names in labelled.items():
        for other, others in labelled.items():
            if names - others:
                raise ValueError(
                    f"{where}: class {min(names - others)!r} is in {split} but not in {other} "
                    f"({len(names - others)} such in all); {advice}"
                )


def refuse_shared_videos(files: Iterable[SplitFile], where: str) -> None:
    """Refuse videos that two parts share, under whatever names.

    Files of one size are compared by their first and last 64 KiB, and only what agrees in these is
    read to the end.

    Args:
        files: All videos.
        where: Folder or list, for the message.

    Raises:
        ValueError: The same content is in two parts.
    """
    shared = [[file for file in files if _size(file.path)]]
    for key in (_size, _digest_of_ends, _digest):
        shared = [group for alike in shared for group in _across_splits(alike, key)]
    if shared:
        first = shared[0][0]
        twin = next(file for file in shared[0] if file.split != first.split)
        raise ValueError(
            f"{where}: {first.name!r} ({first.split}) and {twin.name!r} ({twin.split}) are the "
            f"same video ({len(shared)} such in all); a video may be in one part only"
        )


def _across_splits(
    files: Iterable[SplitFile], key: Callable[[Path], Hashable]
) -> list[list[SplitFile]]:
    """Groups of files with the same key that are not all in one part."""
    groups: dict[Hashable, list[SplitFile]] = defaultdict(list)
    for file in files:
        groups[key(file.path)].append(file)
    return [group for group in groups.values() if len({file.split for file in group}) > 1]


def _size(path: Path) -> int:
    """Bytes; 0 for a file that cannot be seen, or is empty and therefore no video."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest_of_ends(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(_END_BYTES)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _END_BYTES))
            return hashlib.sha256(start + file.read(_END_BYTES)).digest()
    except OSError:
        return os.fsencode(path)  # like no other


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return os.fsencode(path)
    return digest.digest()
