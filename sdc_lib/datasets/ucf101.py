"""UCF-101: 13,320 videos of 101 human actions (Soomro, Zamir and Shah, arXiv 1212.0402)."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from sdc_lib.datasets.listed import (
    Listed,
    ListedVideos,
    Split,
    check_disjoint,
    check_fold,
    check_split,
    existing,
    safe_path,
)
from sdc_lib.datasets.names import DATASETS
from sdc_lib.datasets.table import read_lines

_OFFICIAL = DATASETS["ucf101"]
_LISTS = "ucfTrainTestlist"
_GROUP = re.compile(r"_(g\d+)_c\d+$", re.IGNORECASE)


class UCF101(ListedVideos):
    """UCF-101 in its official layout.

    ``root`` holds ``UCF-101/<Class>/v_<Class>_gXX_cYY.avi`` and
    ``ucfTrainTestlist/{classInd,trainlist0N,testlist0N}.txt``. Videos of one group show the same
    people and place; no group is in both train and test of a fold.

    Args:
        root: The folder.
        split: ``"train"`` or ``"test"``.
        fold: Official split number, 1 to 3.

    Raises:
        ValueError: The layout is another one, or the lists contradict each other.
    """

    def __init__(self, root: str | os.PathLike[str], split: Split = "train", fold: int = 1) -> None:
        check_split(split, _OFFICIAL.splits, "UCF101")
        check_fold(fold, _OFFICIAL.folds, "UCF101")
        base = Path(root)
        lists = existing(base, [_LISTS], "the official lists of UCF-101")
        folder = existing(base, ["UCF-101", "videos"], "the class folders of UCF-101")
        names = _class_names(existing(lists, ["classInd.txt"], "the class index"))
        both = {
            side: _read_list(existing(lists, [f"{side}list0{fold}.txt"], f"the {side} list"), names)
            for side in ("train", "test")
        }
        groups = {side: [str(video.group) for video in videos] for side, videos in both.items()}
        check_disjoint(groups["train"], groups["test"], "groups", f"{lists}, fold {fold}")
        notes = [f"official split {fold} of 3"]
        if len(names) != _OFFICIAL.num_classes:
            notes.append(
                f"classInd.txt names {len(names)} of the official {_OFFICIAL.num_classes} classes"
            )
        self.fold = fold
        super().__init__(
            "ucf101",
            base,
            folder,
            split,
            both[split],
            names,
            _OFFICIAL.official(split, fold),
            notes,
        )


def _class_names(path: Path) -> list[str]:
    """Names in the order of ``classInd.txt``: lines such as ``1 ApplyEyeMakeup``."""
    found: dict[int, str] = {}
    for line, text in read_lines(path):
        number, _, name = text.partition(" ")
        if not number.isdecimal() or not name.strip():
            raise ValueError(f"{path}, line {line}: {text!r} is not 'NUMBER NAME'")
        found[int(number)] = name.strip()
    if sorted(found) != list(range(1, len(found) + 1)):
        raise ValueError(f"{path}: the class numbers are not 1 to {len(found)}")
    return [found[number] for number in sorted(found)]


def _read_list(path: Path, class_names: list[str]) -> list[Listed]:
    """Lines such as ``Archery/v_Archery_g08_c01.avi 3``; those of test lists lack the label."""
    labels = {name.casefold(): label for label, name in enumerate(class_names)}
    videos = []
    for line, text in read_lines(path):
        head, _, last = text.rpartition(" ")
        name = safe_path(head.strip() if head and last.isdecimal() else text, path, line)
        parts = PurePosixPath(name)
        label = labels.get(parts.parent.as_posix().casefold())
        group = _GROUP.search(parts.stem)
        if label is None or group is None:
            raise ValueError(
                f"{path}, line {line}: {name!r} is not <Class>/v_<Class>_gXX_cYY.avi with a class "
                "of classInd.txt"
            )
        if head and last.isdecimal() and int(last) != label + 1:
            raise ValueError(
                f"{path}, line {line}: label {last}, but classInd.txt gives {class_names[label]} "
                f"the number {label + 1}"
            )
        group_id = f"{class_names[label]}_{group[1].lower()}"
        videos.append(Listed((name,), label, group_id))
    return videos
