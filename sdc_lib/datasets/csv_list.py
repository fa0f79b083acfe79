"""Videos listed in a csv file of one's own."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from sdc_lib.datasets.listed import Listed, ListedVideos, safe_path

_COLUMNS = ("path", "label", "group")


class VideoCSV(ListedVideos):
    """The videos that a csv file lists.

    Columns are ``path``, then ``label`` and ``group`` if wanted; the first line may name them, in
    any order, and must where there are more. Labels are names or numbers, quoted where they hold
    commas. Classes are the labels that occur, sorted (numbers by value).

    Args:
        file: The csv file.
        root: Folder that the paths are relative to; the csv file's own by default.
        split: Name given to it.
        class_names: All classes in order, where this file may lack some, as a test list may.

    Raises:
        ValueError: The file is missing or empty, a line makes no sense, a label is not in
            ``class_names``, or only some videos have a label.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        root: str | os.PathLike[str] | None = None,
        split: str = "all",
        class_names: Sequence[str] | None = None,
    ) -> None:
        path = Path(file)
        if not path.is_file():
            raise ValueError(f"{path} is not a file; a csv file of path[,label] is expected")
        folder = path.parent if root is None else Path(root)
        rows = _read(path)
        found = {label for _, label, _ in rows}
        if "" in found and len(found) > 1:
            without = next(name for name, label, _ in rows if not label)
            raise ValueError(f"{path}: {without!r} has no label, but others have one")
        names = list(class_names) if class_names is not None else _sorted(found - {""})
        strange = sorted(found - {""} - set(names))
        if strange:
            raise ValueError(f"{path}: label {strange[0]!r} is not one of {', '.join(names)}")
        labels = {name: label for label, name in enumerate(names)}
        listed = [Listed((name,), labels.get(label), group or None) for name, label, group in rows]
        super().__init__(path.stem, folder, folder, split, listed, names)


def _read(path: Path) -> list[tuple[str, str, str]]:
    """Path, label and group of every line; the last two are empty where they are not given."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, skipinitialspace=True)
        rows = [
            (reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    if not rows:
        raise ValueError(f"{path} is empty; lines of path[,label] are expected")
    header = [cell.lower() for cell in rows[0][1]]
    named = "path" in header
    columns = header if named else list(_COLUMNS[: len(header)])
    result = []
    for line, cells in rows[1:] if named else rows:
        if len(cells) != len(columns):
            raise ValueError(f"{path}, line {line}: {len(cells)} cells, {len(columns)} expected")
        fields = dict(zip(columns, cells, strict=True))
        name = safe_path(fields["path"], path, line)
        result.append((name, fields.get("label", ""), fields.get("group", "")))
    return result


def _sorted(labels: set[str]) -> list[str]:
    if all(label.isdecimal() for label in labels):
        return sorted(labels, key=int)
    return sorted(labels)
