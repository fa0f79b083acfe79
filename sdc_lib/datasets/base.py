"""What every data set is here: an immutable list of video files with their labels.

A data set opens no video. Clips are taken from it by `sdc_lib.datasets.clips`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # lists of files need no decoder
    from sdc_lib.video import VideoInfo

_LISTED_IN_SUMMARY = 5


@dataclass(frozen=True)
class VideoFile:
    """One video and what is known of it."""

    path: Path
    """Where it is."""
    name: str
    """Its path below the data set's root, with forward slashes; unique in the data set."""
    label: int | None = None
    """Class, an index into ``class_names``."""
    group: str | None = None
    """Videos of one group (one source, one performer) must not be split between train and test."""
    factors: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Further labels, each an index into ``factor_names``."""
    num_frames: int | None = None
    """Length, where it is known without opening the file."""
    info: VideoInfo | None = field(default=None, compare=False)
    """What a check found out about reading it, for the file as it was then."""


@dataclass(frozen=True)
class LeftOut:
    """A file that was listed or found, but is not part of the data set."""

    name: str
    cause: str


class VideoDataset(Sequence[VideoFile]):
    """A named, picklable list of videos.

    Args:
        name: Name of the data set, for messages and records.
        root: Folder below which the files are.
        split: Name of the split.
        files: The videos, in a fixed order.
        class_names: Names of the labels.
        factor_names: Names of the values of every further factor.
        left_out: What was found or listed, but cannot be used, and why.
        notes: Further lines of the summary.

    Raises:
        ValueError: Two files share a name, or a label has no class name.
    """

    divides_groups: ClassVar[bool] = False
    """The official train and test lists share groups, and are kept as they are."""
    _listed: int | None = None

    def __init__(
        self,
        name: str,
        root: Path,
        split: str,
        files: Iterable[VideoFile],
        class_names: Sequence[str] = (),
        factor_names: Mapping[str, Sequence[str]] = MappingProxyType({}),
        left_out: Iterable[LeftOut] = (),
        notes: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.root = Path(root)
        self.split = split
        self.files = tuple(files)
        self.class_names = tuple(class_names)
        self.factor_names: Mapping[str, tuple[str, ...]] = {
            factor: tuple(names) for factor, names in factor_names.items()
        }
        self.left_out = tuple(left_out)
        self.notes = tuple(notes)
        self._check()

    def _check(self) -> None:
        twice = [name for name, n in Counter(file.name for file in self.files).items() if n > 1]
        if twice:
            raise ValueError(f"{self.name}: {twice[0]!r} is listed more than once")
        for file in self.files:
            if file.label is not None and not 0 <= file.label < len(self.class_names):
                raise ValueError(
                    f"{self.name}: {file.name!r} has label {file.label}, but there are "
                    f"{len(self.class_names)} classes"
                )
            for factor, value in file.factors.items():
                if not 0 <= value < len(self.factor_names.get(factor, ())):
                    raise ValueError(
                        f"{self.name}: {file.name!r} has {factor} {value}, which has no name"
                    )

    @staticmethod
    def splits_in(root: str | os.PathLike[str]) -> tuple[str, ...] | None:
        """The splits that a folder holds; ``None`` where a data set always has all of its own."""
        return None

    @overload
    def __getitem__(self, index: int) -> VideoFile: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[VideoFile, ...]: ...
    def __getitem__(self, index: int | slice) -> VideoFile | tuple[VideoFile, ...]:
        """One video, or several as a tuple."""
        return self.files[index]

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.files)

    def __iter__(self) -> Iterator[VideoFile]:
        """Go through the videos in order."""
        return iter(self.files)

    def __repr__(self) -> str:
        """Name, split and length."""
        return f"{type(self).__name__}({self.name!r}, split={self.split!r}, videos={len(self)})"

    @property
    def official(self) -> int:
        """Videos that the split lists; those of the whole split where this is a part of it."""
        return len(self.files) + len(self.left_out) if self._listed is None else self._listed

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every video."""
        return tuple(file.name for file in self.files)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of every video; a video without one is a group of its own."""
        return tuple(file.group if file.group is not None else file.name for file in self.files)

    def targets(self, factor: str | None = None) -> NDArray[np.int64]:
        """Labels of all videos.

        Args:
            factor: One of ``factor_names``; ``None`` for the class label.

        Returns:
            int64 array ``(N,)``.

        Raises:
            ValueError: Unknown factor, or a video without that label.
        """
        if factor is not None and factor not in self.factor_names:
            known = ", ".join(self.factor_names) or "none"
            why = "".join(f"; {note}" for note in self.notes if repr(factor) in note)
            raise ValueError(f"{self.name} has no factor {factor!r}; it has: {known}{why}")
        values = [f.label if factor is None else f.factors.get(factor) for f in self.files]
        missing = [f.name for f, value in zip(self.files, values, strict=True) if value is None]
        if missing:
            what = "class label" if factor is None else factor
            raise ValueError(f"{self.name}: {len(missing)} videos have no {what}: {missing[0]}")
        return np.array(values, dtype=np.int64)

    def column(self, name: str) -> tuple[str, ...]:
        """What every video has in a column, as text; to form folds, for example.

        Args:
            name: ``"label"``, ``"group"`` or one of ``factor_names``.

        Raises:
            ValueError: Unknown column, or a video without a value in it.
        """
        if name == "group":
            return self.groups
        if name == "label" and name not in self.factor_names:
            return tuple(self.class_names[label] for label in self.targets())
        values = self.targets(name)
        return tuple(self.factor_names[name][value] for value in values)

    def subset(self, indices: Iterable[int]) -> VideoDataset:
        """The videos at ``indices``, in that order, with the same classes and official number."""
        part = copy.copy(self)
        part.files = tuple(self.files[index] for index in indices)
        part._listed = self.official
        part._check()
        return part

    def thinned(self, most: int) -> VideoDataset:
        """At most so many videos, evenly spaced, since lists are often sorted by class.

        Raises:
            ValueError: ``most`` is below 1.
        """
        if most < 1:
            raise ValueError(f"videos is {most}; it must be at least 1")
        kept = min(most, len(self))
        return self.subset(i * len(self) // kept for i in range(kept))

    def fingerprint(self) -> str:
        """Hash of names, labels and order, the same wherever the files are; 16 hex digits."""
        content: list[Any] = [self.name, self.split, self.class_names, dict(self.factor_names)]
        content += [[f.name, f.label, f.group, sorted(f.factors.items())] for f in self.files]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def summary(self) -> str:
        """How many videos of how many, what is special, and what is left out and why."""
        lines = [
            f"{self.name} ({self.split}): {len(self)} of {self.official} videos in {self.root}"
        ]
        if self.class_names:
            lines[0] += f", {len(self.class_names)} classes"
        lines += [f"  {note}" for note in self.notes]
        shown = self.left_out[:_LISTED_IN_SUMMARY]
        lines += [f"  left out: {out.name}: {out.cause}" for out in shown]
        if len(self.left_out) > len(shown):
            lines.append(f"  and {len(self.left_out) - len(shown)} more left out")
        return "\n".join(lines)
