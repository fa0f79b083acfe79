"""Kinetics-400: about 300,000 ten-second clips of 400 actions (Kay et al., arXiv 1705.06950)."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdc_lib.datasets.base import LeftOut
from sdc_lib.datasets.listed import Listed, ListedVideos, check_split, existing, safe_path
from sdc_lib.datasets.names import DATASETS, Split
from sdc_lib.datasets.table import read_text

_OFFICIAL = DATASETS["kinetics400"]
_ALIASES: Mapping[Split, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "validate", "validation"),
    "test": ("test",),
}
_YOUTUBE_ID = re.compile(r"[\w-]+", re.ASCII)


@dataclass(frozen=True)
class _Row:
    label: str | None
    youtube_id: str
    start: int
    end: int

    @property
    def file(self) -> str:
        return f"{self.youtube_id}_{self.start:06d}_{self.end:06d}.mp4"


class Kinetics400(ListedVideos):
    """Kinetics-400 in its official layout.

    ``root`` (or its folder ``annotations``) holds ``train.csv``, ``val.csv`` or ``validate.csv``
    and ``test.csv``, each ``label,youtube_id,time_start,time_end,split[,is_cc]``; the test file may
    lack the label. Videos are ``<class>/<id>_<start:06d>_<end:06d>.mp4`` below ``<split>``,
    ``videos/<split>``, ``videos`` or ``root``; spaces in class folders may be underscores, and a
    split may have no class folders at all. Classes are in alphabetical order over all csv files
    there are, so that every split numbers them alike. The group is the YouTube video; a training
    clip of a YouTube video that validation or test uses is left out.

    Args:
        root: The folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        ValueError: The layout is another one, or a csv has a line that makes no sense.
    """

    def __init__(self, root: str | os.PathLike[str], split: Split = "train") -> None:
        check_split(split, _OFFICIAL.splits, "Kinetics400")
        base = Path(root)
        files = [f"{place}{name}.csv" for place in ("", "annotations/") for name in _ALIASES[split]]
        existing(base, files, f"the {split} list of Kinetics-400")
        rows = {side: _read_csv(path, side) for side, path in _csv_files(base).items()}
        names = sorted({row.label for side in rows.values() for row in side if row.label})
        elsewhere: dict[str, str] = {}
        if split == "train":
            elsewhere = {
                row.youtube_id: side for side in rows if side != "train" for row in rows[side]
            }
        folder = existing(base, ["videos", "."], "the videos of Kinetics-400")
        labels = {name: label for label, name in enumerate(names)}
        notes = []
        if len(names) != _OFFICIAL.num_classes:
            notes.append(
                f"the csv files name {len(names)} of the official {_OFFICIAL.num_classes} classes"
            )
        super().__init__(
            "kinetics400",
            base,
            folder,
            split,
            [
                Listed(_places(row, split), labels.get(row.label or ""), row.youtube_id)
                for row in rows[split]
                if row.youtube_id not in elsewhere
            ],
            names,
            _OFFICIAL.official(split),
            notes,
            [
                LeftOut(
                    _places(row, split)[0], f"the {elsewhere[row.youtube_id]} list uses it, too"
                )
                for row in rows[split]
                if row.youtube_id in elsewhere
            ],
        )

    @staticmethod
    def splits_in(root: str | os.PathLike[str]) -> tuple[str, ...] | None:
        """The splits that have a csv file; all where there is none, to say what is expected."""
        return tuple(_csv_files(Path(root))) or None


def _csv_files(root: Path) -> dict[Split, Path]:
    """The csv file of every split that has one."""
    found: dict[Split, Path] = {}
    for split, aliases in _ALIASES.items():
        for place in (root, root / "annotations"):
            for name in aliases:
                path = place / f"{name}.csv"
                if split not in found and path.is_file():
                    found[split] = path
    return found


def _places(row: _Row, split: Split) -> tuple[str, ...]:
    """Where the video of a row may be, below the folder of videos."""
    classes: list[str] = []
    if row.label:
        classes = [f"{row.label}/", f"{row.label.replace(' ', '_')}/"]
    splits = [f"{name}/" for name in _ALIASES[split]]
    return tuple(f"{above}{name}{row.file}" for above in [*splits, ""] for name in [*classes, ""])


def _read_csv(path: Path, split: Split) -> list[_Row]:
    rows = []
    with io.StringIO(read_text(path), newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        columns = set(reader.fieldnames or ())
        needed = {"youtube_id", "time_start", "time_end"} | ({"label"} - _optional_columns(split))
        if not needed <= columns:
            raise ValueError(
                f"{path} lacks the columns {', '.join(sorted(needed - columns))}; its first line "
                f"is {','.join(reader.fieldnames or ())!r}"
            )
        for fields in reader:
            rows.append(_row(fields, path, reader.line_num, split))
    return rows


def _optional_columns(split: str) -> set[str]:
    """Columns that the csv file of a split may lack: the test labels were held back."""
    return {"label"} if split == "test" else set()


def _row(fields: dict[str, str], path: Path, line: int, split: Split) -> _Row:
    label = (fields.get("label") or "").strip()
    youtube_id = (fields["youtube_id"] or "").strip()
    stated = (fields.get("split") or split).strip()
    try:
        start, end = (int(float(fields[key])) for key in ("time_start", "time_end"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}, line {line}: the times are not numbers: {fields}") from error
    if not _YOUTUBE_ID.fullmatch(youtube_id) or start < 0:
        raise ValueError(f"{path}, line {line}: {youtube_id!r} from second {start} is no clip")
    if stated not in _ALIASES[split]:
        raise ValueError(f"{path}, line {line}: split {stated!r} in the list of {split}")
    if label:
        safe_path(label, path, line)
        if "/" in label or "\\" in label:
            raise ValueError(f"{path}, line {line}: {label!r} cannot be the name of a folder")
    elif split != "test":
        raise ValueError(f"{path}, line {line}: {youtube_id} has no label")
    return _Row(label or None, youtube_id, start, end)
