"""Videos listed in a file of one's own, with a label, factors and a split if wanted."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdc_lib.datasets.files import FileFinder
from sdc_lib.datasets.listed import Listed, ListedVideos, safe_path
from sdc_lib.datasets.splits import SplitFile, refuse_shared_videos, split_named
from sdc_lib.datasets.table import read_table


@dataclass(frozen=True)
class _Entry:
    """One line of a list."""

    place: str
    """File and line, for messages."""
    name: str
    label: str
    group: str
    split: str | None
    values: Mapping[str, str]
    """What stands in the further columns, by their names."""


class VideoCSV(ListedVideos):
    """The videos that a list names.

    A list is a text file with one video a line: its path, then its label and its group if wanted.
    A first line may name the columns, in any order and in the usual words (``path``, ``video``,
    ``file``; ``label``, ``class``, ``category``); every further column then is a factor, and a
    column ``split`` holds train, val and test. Cells are separated by commas, tabs, semicolons or
    spaces. Classes and values are what occurs in the whole list, sorted (numbers by value), so
    that every split numbers them alike.

    Args:
        file: The list, or a folder with ``train.csv``, ``val.csv`` and ``test.csv``.
        root: Folder that the paths are relative to; that of the list by default.
        split: ``"train"``, ``"val"``, ``"test"`` or ``"all"``; a list without splits is all for
            training.
        class_names: All classes in order, where the list may lack some.

    Raises:
        ValueError: The list is missing or empty, a line makes no sense, a label is not in
            ``class_names``, only some videos have a label, there is no such split, a split has
            classes that train lacks, or a video is in two splits.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        root: str | os.PathLike[str] | None = None,
        split: str = "all",
        class_names: Sequence[str] | None = None,
    ) -> None:
        path = Path(file)
        entries = _entries(path)
        folder = Path(root) if root is not None else path if path.is_dir() else path.parent
        names = _class_names(entries, class_names, split)
        values, notes = _values(entries)
        chosen = _of_split(entries, split, path)
        if split in ("val", "test") and any(entry.split for entry in entries):
            _refuse_shared(entries, folder, path)
        places = {factor: {v: i for i, v in enumerate(known)} for factor, known in values.items()}
        labels = {name: label for label, name in enumerate(names)}
        listed = [
            Listed(
                _places(entry.name),
                labels.get(entry.label),
                entry.group or None,
                {factor: numbers[entry.values[factor]] for factor, numbers in places.items()},
            )
            for entry in chosen
        ]
        name = path.resolve().name if path.is_dir() else path.stem
        notes += _classes_without(split, chosen, names)
        super().__init__(
            name, folder, folder, split, listed, names, notes=notes, factor_names=values
        )

    @staticmethod
    def splits_in(file: str | os.PathLike[str]) -> tuple[str, ...]:
        """The parts of a list or a folder of lists; a list without splits is all for training."""
        found = {entry.split for entry in _entries(Path(file))}
        return tuple(split for split in ("train", "val", "test") if split in found) or ("train",)


def _entries(path: Path) -> list[_Entry]:
    """All lines of a list, or of the lists in a folder.

    Raises:
        ValueError: There is no list, or a line of it makes no sense.
    """
    if path.is_dir():
        lists = _lists_in(path)
        entries = [entry for split, file in lists.items() for entry in _read(file, split)]
    elif path.is_file():
        entries = _read(path)
    else:
        raise ValueError(f"{path} is not a file; a list of path[,label] is expected")
    if not entries:
        raise ValueError(f"{path} lists no videos")
    known: dict[str, _Entry] = {}
    for entry in entries:
        other = known.setdefault(entry.name.replace("\\", "/"), entry)
        if other is not entry:
            both = f", in {other.split} and in {entry.split}" if other.split != entry.split else ""
            raise ValueError(f"{entry.place}: {entry.name!r} is already in {other.place}{both}")
    return entries


def _lists_in(folder: Path) -> dict[str, Path]:
    """The list of every split in a folder."""
    lists: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = split_named(file.stem)
        if split and file.suffix.lower() in (".csv", ".tsv", ".txt"):
            other = lists.setdefault(split, file)
            if other != file:
                raise ValueError(f"{folder} holds two lists for {split}: {other.name}, {file.name}")
    if not lists:
        raise ValueError(
            f"{folder} is a folder without train.csv, val.csv or test.csv; give the list itself"
        )
    return lists


def _read(path: Path, split: str | None = None) -> list[_Entry]:
    table = read_table(path)
    further = {
        name: place
        for place, name in enumerate(table.columns)
        if name and place not in table.roles.values()
    }
    if further and "label" in table.roles:  # one factor among others
        further[table.columns[table.roles["label"]]] = table.roles["label"]
    entries = []
    for line, cells in table.rows:
        place = f"{path}, line {line}"
        found = {role: cells[column] for role, column in table.roles.items()}
        stated = _split(found["split"], place) if "split" in found else split
        if split and stated != split:
            raise ValueError(f"{place}: split {found['split']!r} in the list of {split}")
        name = safe_path(found["path"], path, line)
        values = {name: _composed(cells[place]) for name, place in further.items()}
        label, group = _composed(found.get("label", "")), found.get("group", "")
        entries.append(_Entry(place, name, label, group, stated, values))
    without = {entry.split: entry for entry in entries if not entry.label}
    for entry in entries:
        if entry.label and entry.split in without:
            other = without[entry.split]
            raise ValueError(f"{other.place}: {other.name!r} has no label, but others have one")
    return entries


def _split(word: str, place: str) -> str:
    split = split_named(word)
    if split is None:
        raise ValueError(f"{place}: split {word!r} is not one of train, val, test")
    return split


def _composed(text: str) -> str:
    """A name with every accent on its letter: the same word typed on any system."""
    return unicodedata.normalize("NFC", text)


def _class_names(entries: Sequence[_Entry], given: Sequence[str] | None, split: str) -> list[str]:
    """All classes in order.

    Raises:
        ValueError: A label is not among those given, or is in the split but not in train.
    """
    names = list(given) if given is not None else _sorted({entry.label for entry in entries} - {""})
    trained = {entry.label for entry in entries if entry.split == "train"} - {""}
    for entry in entries:
        if entry.label and entry.label not in names:
            raise ValueError(
                f"{entry.place}: label {entry.label!r} is not one of {', '.join(names)}"
            )
        unknown = entry.label and entry.label not in trained
        if given is None and trained and unknown and entry.split == split:
            raise ValueError(
                f"{entry.place}: class {entry.label!r} is in {entry.split} but not in train; all "
                "splits must have the same classes"
            )
    return names


def _values(entries: Iterable[_Entry]) -> tuple[dict[str, list[str]], list[str]]:
    """The values in every further column, in order, and notes on columns that lack some."""
    found: dict[str, set[str]] = {}
    notes: dict[str, str] = {}
    for entry in entries:
        for name, value in entry.values.items():
            found.setdefault(name, set()).add(value)
            if not value:
                notes.setdefault(name, f"column {name!r} is no factor: empty in {entry.place}")
    full = {name: _sorted(values) for name, values in found.items() if name not in notes}
    return full, list(notes.values())


def _of_split(entries: list[_Entry], split: str, path: Path) -> list[_Entry]:
    counts = Counter(entry.split for entry in entries if entry.split)
    if split == "all" or (split == "train" and not counts):
        return entries
    if not counts:
        raise ValueError(f"{path} has no split {split!r}, for it has no parts: only train and all")
    if split not in counts:
        known = ", ".join(f"{name} ({number})" for name, number in counts.items())
        raise ValueError(f"{path} lists no {split} videos; it has {known}")
    return [entry for entry in entries if entry.split == split]


def _refuse_shared(entries: Iterable[_Entry], folder: Path, path: Path) -> None:
    finder = FileFinder(folder)
    found = ((entry, finder.find(_places(entry.name))) for entry in entries)
    refuse_shared_videos(
        [SplitFile(entry.split or "", entry.name, file) for entry, file in found if file], str(path)
    )


def _places(name: str) -> tuple[str, ...]:
    """Where a listed video may be; lists made on Windows separate folders by backslashes."""
    return (name, name.replace("\\", "/")) if "\\" in name else (name,)


def _classes_without(split: str, chosen: Iterable[_Entry], names: Sequence[str]) -> list[str]:
    """A note on classes that a split has no video of."""
    without = sorted(set(names) - {entry.label for entry in chosen})
    if not without or len(without) == len(names):
        return []
    return [f"{len(without)} of {len(names)} classes have no video in {split}: {without[0]!r} ..."]


def _sorted(words: Iterable[str]) -> list[str]:
    """In order; numbers by value, and equal ones as words."""
    known = sorted(set(words))
    return sorted(known, key=int) if all(word.isdecimal() for word in known) else known
