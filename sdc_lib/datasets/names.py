"""Open a data set by its name in the configuration."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.manifest import load_manifest, unopened, with_manifest

Split = Literal["train", "val", "test"]

DATASETS = ("motion-factors", "ucf101", "hmdb51", "diving48", "kinetics400", "folder", "csv")


def open_dataset(
    config: DataConfig, data_dir: str | Path, split: Split = "train", checked: bool = True
) -> VideoDataset:
    """Open the data set that a configuration names.

    Args:
        config: Its ``dataset``, ``size`` and ``split`` (the official fold).
        data_dir: The data set's own folder, or one that holds it under its name; for ``csv`` the
            list itself. MotionFactors is made in ``data_dir/motion_factors`` if it is missing.
        split: Which part; data sets without a validation part use their test part for ``"val"``.
        checked: Leave out, and list, what ``sdc data check`` found unusable. ``False`` lists all
            files and opens none.

    Returns:
        The videos.

    Raises:
        ValueError: If the name is unknown or the data is not there.
    """
    root = Path(data_dir)
    if config.dataset not in DATASETS:
        raise ValueError(
            f"unknown data set {config.dataset!r}; choose one of {', '.join(DATASETS)}"
        )
    if config.dataset == "motion-factors":
        return _motion_factors(config, root, split)
    if config.dataset == "folder":
        return _folder(root / split if (root / split).is_dir() else root, checked)
    if config.dataset == "csv":
        from sdc_lib.datasets.csv_list import VideoCSV

        videos: VideoDataset = VideoCSV(root)
    else:
        videos = _official(config, own_folder(root, config.dataset), split)
    return with_manifest(videos) if checked else videos


def _folder(root: Path, checked: bool) -> VideoDataset:
    from sdc_lib.datasets.folder import VideoFolder

    if not checked:
        return VideoFolder(root, check=unopened)
    known = load_manifest(root)
    return VideoFolder(root) if known is None else VideoFolder(root, check=known.check)


def _official(config: DataConfig, root: Path, split: Split) -> VideoDataset:
    if config.dataset == "kinetics400":
        from sdc_lib.datasets.kinetics400 import Kinetics400

        return Kinetics400(root, split)
    part: Literal["train", "test"] = "train" if split == "train" else "test"
    if config.dataset == "diving48":
        from sdc_lib.datasets.diving48 import Diving48

        return Diving48(root, part)
    if config.dataset == "hmdb51":
        from sdc_lib.datasets.hmdb51 import HMDB51

        return HMDB51(root, part, config.split)
    from sdc_lib.datasets.ucf101 import UCF101

    return UCF101(root, part, config.split)


def _motion_factors(config: DataConfig, data_dir: Path, split: Split) -> VideoDataset:
    from sdc_lib.datasets.motion_factors import SIZES, MotionFactors, make_motion_factors

    wanted = asdict(SIZES[config.size])
    own = data_dir / ("motion_factors" if config.size == "tiny" else "motion_factors_standard")
    for folder in (data_dir, data_dir / "motion_factors", own):
        meta = folder / "meta.json"
        if meta.exists() and json.loads(meta.read_text(encoding="utf-8")).get("size") == wanted:
            return MotionFactors(folder, split, config.size)
    make_motion_factors(own, config.size)
    return MotionFactors(own, split, config.size)


def own_folder(root: Path, name: str) -> Path:
    """The folder of a data set: the one of its name below ``root``, or else ``root`` itself."""
    for candidate in (root / name, root / name.upper()):
        if candidate.is_dir():
            return candidate
    return root
