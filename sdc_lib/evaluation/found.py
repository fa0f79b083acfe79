"""Which data sets a folder holds that can be evaluated, and why others cannot."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdc_lib.config import DataConfig
from sdc_lib.datasets.names import DATASETS, open_dataset, own_folder
from sdc_lib.support.files import first_line


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        folds: By data set the numbers of its folds.
        skipped: By data set why it cannot be evaluated.
    """

    folds: dict[str, tuple[int, ...]]
    skipped: dict[str, str]


def folders_of_official(root: str | Path) -> dict[str, tuple[int, ...]]:
    """Official data sets in folders of their names below a folder, with the numbers of their folds.

    Nothing is opened: they may be incomplete.
    """
    root = Path(root)
    return {name: _folds(name) for name in DATASETS if own_folder(root, name) != root}


def found_datasets(data_dir: str | Path, split: Literal["val", "test"] = "test") -> Found:
    """Every data set with labelled videos to learn from and to test that a folder holds, or is.

    Args:
        data_dir: A folder with a folder for each official data set, or that of a single data set.
        split: Which part is tested.

    Raises:
        ValueError: If there is none.
    """
    root = Path(data_dir)
    found = Found({}, {})
    if any((folder / "meta.json").is_file() for folder in (root, *root.glob("motion_factors*"))):
        found.folds["motion-factors"] = (1,)
    for name, folds in folders_of_official(root).items():
        if reason := _hindrance(name, root, split):
            found.skipped[name] = reason
        else:
            found.folds[name] = folds
    if found.folds:
        return found
    for name in (name for name in DATASETS if name not in ("motion-factors", *found.skipped)):
        if not _hindrance(name, root, split):
            found.folds[name] = _folds(name)
            return found
    reasons = "".join(f"; {name}: {reason}" for name, reason in found.skipped.items())
    raise ValueError(
        f"{root} holds no data set with a train and a {split} part; wanted are folders such as "
        f"motion_factors, ucf101 or hmdb51, or folders train and {split}{reasons}"
    )


def _folds(name: str) -> tuple[int, ...]:
    return DATASETS[name].folds or (1,)


def _hindrance(name: str, root: Path, split: Literal["val", "test"]) -> str | None:
    """Why a data set cannot be evaluated: a part, its videos or their labels are missing."""
    labels: tuple[Literal["train", "val", "test"], ...] = ("train", split)
    try:
        for part in labels:
            videos = open_dataset(DataConfig(dataset=name), root, part, checked=False)
            if name in ("folder", "csv"):  # factors do as well
                continue
            if not len(videos):
                return f"none of the {len(videos.left_out)} {part} videos is there"
            videos.targets()
    except (ValueError, OSError) as error:
        return first_line(error)
    return None
