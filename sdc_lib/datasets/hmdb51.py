"""HMDB-51: 6,766 clips of 51 human actions (Kuehne et al., ICCV 2011)."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from sdc_lib.datasets.listed import (
    Listed,
    ListedVideos,
    Split,
    check_fold,
    check_split,
    existing,
    safe_path,
    shared_sources,
)
from sdc_lib.datasets.names import DATASETS
from sdc_lib.datasets.table import read_lines

_OFFICIAL = DATASETS["hmdb51"]
_LISTS = "testTrainMulti_7030_splits"
_FLAGS = {"0": None, "1": "train", "2": "test"}
_LIST_NAME = re.compile(r"(?P<name>.+)_test_split[123]\.txt")
# <source>_<class>_<body part>_<camera>_<people>_<view>_<quality>_<number>
_PROPERTIES = r"_[fhlu]_(?:nm|cm)_np\d+_(?:ba|bo|fr|le|ri)_(?:bad|goo|med)_\d+$"


class HMDB51(ListedVideos):
    """HMDB-51 in its official layout.

    ``root`` holds ``<class>/*.avi`` (or ``hmdb51_org/<class>/*.avi``) and
    ``testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``. Classes are in alphabetical
    order. The group of a clip is the film that it was cut from, as its name tells,
    whatever its class.

    Args:
        root: The folder.
        split: ``"train"`` or ``"test"``; clips that a fold marks as unused are in neither.
        fold: Official split number, 1 to 3.

    Raises:
        ValueError: The layout is another one, or a list has a line that makes no sense.
    """

    divides_groups = True

    def __init__(self, root: str | os.PathLike[str], split: Split = "train", fold: int = 1) -> None:
        check_split(split, _OFFICIAL.splits, "HMDB51")
        check_fold(fold, _OFFICIAL.folds, "HMDB51")
        base = Path(root)
        lists = existing(base, [_LISTS], "the official lists of HMDB-51")
        names = _class_names(lists)
        places = ["hmdb51_org", "videos", *names]
        found = existing(base, places, "the class folders of HMDB-51")
        folder = base if found.name in names else found
        both: dict[str, list[Listed]] = {"train": [], "test": []}
        without = []
        for label, name in enumerate(names):
            path = lists / f"{name}_test_split{fold}.txt"
            if not path.is_file():
                without.append(path.name)
                continue
            for side, video in _read_list(path, name, label):
                both[side].append(video)
        notes = [f"official split {fold} of 3"]
        if without:
            notes.append(f"lists of this split that are missing: {', '.join(without)}")
        if len(names) != _OFFICIAL.num_classes:
            notes.append(
                f"there are lists for {len(names)} of the official {_OFFICIAL.num_classes} classes"
            )
        groups = {side: [str(video.group) for video in videos] for side, videos in both.items()}
        self.fold = fold
        super().__init__(
            "hmdb51",
            base,
            folder,
            split,
            both[split],
            names,
            _OFFICIAL.official(split, fold),
            [*notes, *shared_sources(groups["train"], groups["test"])],
        )


def _class_names(lists: Path) -> list[str]:
    found = [_LIST_NAME.fullmatch(path.name) for path in lists.iterdir()]
    names = sorted({match["name"] for match in found if match})
    if not names:
        raise ValueError(f"{lists} holds no files <class>_test_split{{1,2,3}}.txt")
    return names


def _read_list(path: Path, class_name: str, label: int) -> list[tuple[str, Listed]]:
    """Lines such as ``April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1``; 1 train, 2 test, 0 unused."""
    videos: list[tuple[str, Listed]] = []
    seen: set[str] = set()
    for line, text in read_lines(path):
        head, _, flag = text.rpartition(" ")
        head = head.strip()
        if flag not in _FLAGS or not head:
            raise ValueError(f"{path}, line {line}: {text!r} is not 'NAME 0', 'NAME 1' or 'NAME 2'")
        name = safe_path(f"{class_name}/{head}", path, line)
        if "/" in head or name in seen:
            problem = "listed twice" if name in seen else "not the name of a file"
            raise ValueError(f"{path}, line {line}: {head!r} is {problem}")
        seen.add(name)
        side = _FLAGS[flag]
        if side is not None:
            videos.append((side, Listed((name,), label, _source(name, class_name))))
    return videos


def _source(name: str, class_name: str) -> str:
    """The film that a clip is from; the clip itself where its name has another form."""
    stem = PurePosixPath(name).stem
    match = re.match(rf"(.+)_{re.escape(class_name)}{_PROPERTIES}", stem)
    return match[1] if match else stem
