"""The data sets by name: one table of their classes, splits and official sizes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.support.files import read_facts

Split = Literal["train", "val", "test", "all"]


@dataclass(frozen=True)
class Known:
    """One row of the table."""

    home: str
    """``module:Class`` below this package."""
    splits: tuple[Split, ...] = ("train", "val", "test")
    """What its class knows."""
    num_classes: int | None = None
    """Classes officially; ``None`` where that is the user's business."""
    videos: tuple[Mapping[str, int], ...] = ()
    """Videos officially in each split, for one fold after another."""
    mirrors: bool = False
    """A mirror image shows the same class, so training with labels may flip. Not where left and
    right are told apart, and not where that is unknown."""

    @property
    def folds(self) -> tuple[int, ...]:
        """The official split numbers, where there are several."""
        return tuple(range(1, len(self.videos) + 1)) if len(self.videos) > 1 else ()

    def official(self, split: str, fold: int = 1) -> int | None:
        """Videos officially in a split; ``None`` where there is no official list."""
        place = fold - 1 if self.folds else 0
        return self.videos[place].get(split) if 0 <= place < len(self.videos) else None

    def load(self) -> Any:
        """Import the class, a `VideoDataset` that takes its root and a split."""
        module, _, name = self.home.partition(":")
        return getattr(importlib.import_module(f"sdc_lib.datasets.{module}"), name)


DATASETS: Mapping[str, Known] = {
    "motion-factors": Known("motion_factors:MotionFactors"),
    "ucf101": Known(
        "ucf101:UCF101",
        ("train", "test"),
        101,
        (
            {"train": 9_537, "test": 3_783},
            {"train": 9_586, "test": 3_734},
            {"train": 9_624, "test": 3_696},
        ),
        mirrors=True,
    ),
    "hmdb51": Known(
        "hmdb51:HMDB51",
        ("train", "test"),
        51,
        3 * ({"train": 3_570, "test": 1_530},),
        mirrors=True,
    ),
    "diving48": Known(
        "diving48:Diving48", ("train", "test"), 48, ({"train": 15_027, "test": 1_970},)
    ),
    "kinetics400": Known(
        "kinetics400:Kinetics400",
        ("train", "val", "test"),
        400,
        ({"train": 246_535, "val": 19_907, "test": 38_686},),
        mirrors=True,
    ),
    "folder": Known("folder:VideoFolder"),
    "csv": Known("csv_list:VideoCSV"),
}

_WANTED = {
    "folder": "expected a folder {split} beside train, each with the same folders of classes",
    "csv": "expected a column split that holds {split}, or a folder with train.csv and {split}.csv",
}

if TYPE_CHECKING:
    DatasetName = str
else:  # the command line offers these choices
    DatasetName = Literal[tuple(DATASETS)]


def known(name: str) -> Known:
    """A row of the table.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(DATASETS)}")
    return DATASETS[name]


def mirrors(name: str) -> bool:
    """Whether a mirror image is known to show the same class in a data set."""
    return name in DATASETS and DATASETS[name].mirrors


def splits_in(name: str, data_dir: str | Path) -> tuple[Split, ...]:
    """The splits that there are of a data set: copies without a part are common.

    Raises:
        ValueError: There is no data set of that name, or its files make no sense.
    """
    found = known(name).load().splits_in(own_folder(Path(data_dir), name))
    return tuple(split for split in known(name).splits if found is None or split in found)


def open_dataset(
    config: DataConfig, data_dir: str | Path, split: Split = "train", checked: bool = True
) -> VideoDataset:
    """Open the data set that a configuration names.

    Args:
        config: Its ``dataset``, ``size`` and ``fold``.
        data_dir: The data set's own folder, or one that holds it under its name; for ``csv`` the
            list itself, or a folder of lists. MotionFactors is made in
            ``data_dir/motion_factors`` if it is missing, see `find_motion_factors`.
        split: Which part; ``"all"`` for all parts of a folder or list of one's own.
        checked: Leave out, and list, what ``sdc data check`` found unusable. ``False`` lists all
            files and opens none.

    Returns:
        The videos.

    Raises:
        ValueError: If the name is unknown, or the data, the split or the fold is not there.
    """
    from sdc_lib.datasets.listed import check_fold
    from sdc_lib.datasets.manifest import unopened, with_manifest

    entry = known(config.dataset)
    check_fold(config.fold, entry.folds or (1,), config.dataset)
    root = own_folder(Path(data_dir), config.dataset)
    own = config.dataset in ("folder", "csv")
    if split not in entry.splits and not (own and split == "all"):
        raise ValueError(
            f"{config.dataset} has no split {split!r}; it has: {', '.join(entry.splits)}"
        )
    if config.dataset == "motion-factors":
        return _motion_factors(config.size, Path(data_dir), split)
    if own and split != "all" and split not in splits_in(config.dataset, root):
        raise ValueError(
            f"{root} has no {split} part, only {', '.join(splits_in(config.dataset, root))}; "
            f"{_WANTED[config.dataset].format(split=split)}; all of it is the split all, "
            "and a list with a column of folds is evaluated without splits"
        )
    options: dict[str, Any] = {"fold": config.fold} if entry.folds else {}
    if config.dataset == "folder" and not checked:
        options["check"] = unopened
    videos = entry.load()(root, split=split, **options)
    return with_manifest(videos) if checked else videos


def _motion_factors(size: Any, data_dir: Path, split: Split) -> VideoDataset:
    from sdc_lib.datasets.motion_factors import MotionFactors, make_motion_factors

    folder = find_motion_factors(size, data_dir)
    if folder is None:
        folder = motion_factors_folder(size, data_dir)
        make_motion_factors(folder, size)
    return MotionFactors(folder, split, size)


def find_motion_factors(size: Any, data_dir: Path) -> Path | None:
    """Where `open_dataset` finds MotionFactors of a size; None where it would make them.

    Below ``data_dir`` that is the data set of seed 0 with shared scenes alone. ``data_dir`` itself
    may be one of another seed or other scenes, whose name then says so.
    """
    from sdc_lib.datasets.motion_factors import SIZES

    wanted = {"size": asdict(SIZES[size])}
    standard = {**wanted, "seed": 0, "background": "shared"}
    own = motion_factors_folder(size, data_dir)
    for folder, facts in (
        (data_dir, wanted),
        (data_dir / "motion_factors", standard),
        (own, standard),
    ):
        meta = folder / "meta.json"
        if meta.exists() and facts.items() <= read_facts(meta).items():
            return folder
    return None


def motion_factors_folder(size: str, data_dir: Path) -> Path:
    """Where MotionFactors of a size is made below ``data_dir``, unless another place is named."""
    return data_dir / ("motion_factors" if size == "tiny" else f"motion_factors_{size}")


def own_folder(root: Path, name: str) -> Path:
    """Where a data set is: an official one may be in a folder of its name below ``root``."""
    for candidate in (root / name, root / name.upper()):
        if known(name).videos and candidate.is_dir():
            return candidate
    return root
