"""Diving-48, version 2: competitive dives that differ in motion alone (Li et al., ECCV 2018)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sdc_lib.datasets.listed import (
    Listed,
    ListedVideos,
    Split,
    check_disjoint,
    check_split,
    existing,
    safe_path,
    shared_sources,
)
from sdc_lib.datasets.names import DATASETS
from sdc_lib.support.files import read_json

_OFFICIAL = DATASETS["diving48"]
_V1_REFUSED = (
    "version 1 of Diving-48 is refused: its labels were wrong in many places and version 2 "
    "replaced them, so results on the two cannot be compared"
)


class Diving48(ListedVideos):
    """Diving-48 V2 in its official layout.

    ``root`` (or its folder ``annotations``) holds ``Diving48_V2_{train,test}.json`` and
    ``Diving48_vocab.json``; ``rgb``, ``videos`` or ``root`` itself holds ``<vid_name>.mp4``. All 48
    classes of the vocabulary are kept, though one of them has no video in either split. The group
    of a dive is the recording that it was cut from.

    Args:
        root: The folder.
        split: ``"train"`` or ``"test"``.

    Raises:
        ValueError: The layout is another one, the labels are those of version 1, or an entry makes
            no sense.
    """

    divides_groups = True

    def __init__(self, root: str | os.PathLike[str], split: Split = "train") -> None:
        check_split(split, _OFFICIAL.splits, "Diving48")
        base = Path(root)
        names = _vocabulary(_annotation(base, "Diving48_vocab.json"))
        both = {
            side: _read_list(_annotation(base, f"Diving48_V2_{side}.json"), side, len(names))
            for side in ("train", "test")
        }
        ids = {side: [video.names[0] for video in videos] for side, videos in both.items()}
        check_disjoint(ids["train"], ids["test"], "videos", str(base))
        folder = existing(base, ["rgb", "videos", "."], "the videos of Diving-48")
        notes = []
        if len(names) != _OFFICIAL.num_classes:
            notes.append(
                f"the vocabulary has {len(names)} of the official {_OFFICIAL.num_classes} classes"
            )
        groups = {side: [str(video.group) for video in videos] for side, videos in both.items()}
        super().__init__(
            "diving48",
            base,
            folder,
            split,
            both[split],
            names,
            _OFFICIAL.official(split),
            [*notes, *shared_sources(groups["train"], groups["test"])],
        )


def _annotation(root: Path, name: str) -> Path:
    first_version = name.replace("_V2_", "_")
    if name != first_version and not any(
        (root / place / name).exists() for place in (".", "annotations")
    ):
        for place in (".", "annotations"):
            if (root / place / first_version).exists():
                raise ValueError(
                    f"{root / place / first_version}: {_V1_REFUSED}; put {name} beside it"
                )
    return existing(root, [name, f"annotations/{name}"], "the labels of Diving-48 V2")


def _load(path: Path) -> list[Any]:
    content = read_json(path)
    if not isinstance(content, list):
        raise ValueError(f"{path} holds a {type(content).__name__}; a list of entries is expected")
    return content


def _vocabulary(path: Path) -> list[str]:
    """Class names such as ``Back 15som 05Twis FREE``: take-off, somersaults, twists, position."""
    return [
        " ".join(map(str, entry)) if isinstance(entry, list) else str(entry)
        for entry in _load(path)
    ]


def _read_list(path: Path, side: str, num_classes: int) -> list[Listed]:
    entries = _load(path)
    official = _OFFICIAL.official(side)
    if official is not None and len(entries) > official:
        raise ValueError(
            f"{path} lists {len(entries)} videos, V2 has {official}: is it a renamed file? "
            f"{_V1_REFUSED}"
        )
    videos = []
    for number, entry in enumerate(entries, 1):
        name = entry.get("vid_name") if isinstance(entry, dict) else None
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(name, str) or type(label) is not int or not 0 <= label < num_classes:
            raise ValueError(
                f"{path}, entry {number}: {entry!r} needs a vid_name and a label from 0 to "
                f"{num_classes - 1}"
            )
        recording, _, _ = name.rpartition("_")
        videos.append(Listed((safe_path(f"{name}.mp4", path, number),), label, recording or name))
    return videos
