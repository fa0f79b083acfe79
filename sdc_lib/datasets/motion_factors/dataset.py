"""MotionFactors: generated videos whose appearance, motion and scene are known and independent.

`make_motion_factors` writes real H.264 files, `MotionFactors` reads them like any other data.
What is to be seen in them is in `sdc_lib.datasets.motion_factors.world`.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.listed import safe_path
from sdc_lib.datasets.motion_factors.generate import make_motion_factors
from sdc_lib.datasets.motion_factors.plan import (
    GENERATOR_VERSION,
    SIZES,
    SPLITS,
    Planned,
    Size,
    name_of,
    size_named,
)
from sdc_lib.datasets.motion_factors.scenes import SCENES
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES
from sdc_lib.datasets.motion_factors.tracks import MOTIONS
from sdc_lib.datasets.motion_factors.world import Masks, render_masks
from sdc_lib.datasets.table import read_text
from sdc_lib.support.files import read_facts

__all__ = [
    "APPEARANCES",
    "MOTIONS",
    "SIZES",
    "SPLITS",
    "MotionFactors",
    "Size",
    "make_motion_factors",
]


class MotionFactors(VideoDataset):
    """One split of a generated MotionFactors; the class label is the motion.

    Its factors are appearance, motion and, where backgrounds are shared, scene.

    Args:
        root: The folder given to ``make_motion_factors``, or the one above it if the former is
            called ``motion_factors``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        size: Size expected there; ``None`` takes what there is.

    Raises:
        ValueError: No complete data set there, another size, an unknown split, or annotations
            that do not fit.
    """

    def __init__(
        self, root: str | os.PathLike[str], split: str = "train", size: str | Size | None = None
    ) -> None:
        folder = Path(root)
        if not (folder / "meta.json").exists() and (folder / "motion_factors").is_dir():
            folder = folder / "motion_factors"
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}")
        self.meta = _read_meta(folder)
        found = Size(**self.meta["size"])
        if size is not None and size_named(size) != found:
            raise ValueError(f"{folder} holds MotionFactors of {found}, not {size_named(size)}")
        seed, background = self.meta["seed"], self.meta["background"]
        shared = background == "shared"
        files: list[VideoFile] = []
        left_out: list[LeftOut] = []
        rows = [row for row in _read_annotations(folder) if row.split == split]
        if len(rows) != getattr(found, split):
            raise ValueError(
                f"{folder / 'annotations.csv'} lists {len(rows)} {split} videos, not "
                f"{getattr(found, split)}: delete the folder and make it again"
            )
        for row in rows:
            path = folder / row.path
            if not path.is_file():
                left_out.append(LeftOut(row.path, "no such file"))
                continue
            factors = {"appearance": row.appearance, "motion": row.motion}
            if shared:
                factors["scene"] = row.scene
            files.append(
                VideoFile(path, row.path, row.motion, str(row.seed), factors, found.num_frames)
            )
        names: dict[str, tuple[str, ...]] = {"appearance": APPEARANCES, "motion": MOTIONS}
        if shared:
            names["scene"] = SCENES
        name = name_of(found, seed, background)
        super().__init__(name, folder, split, files, MOTIONS, names, left_out)

    def masks(self, index: int) -> Masks:
        """Where shape and distractor are in a video, frame by frame, ``(T, side, side)`` each."""
        file, size = self.files[index], self.meta["size"]
        return render_masks(
            file.factors["appearance"],
            file.factors["motion"],
            int(file.group or 0),
            size["side"],
            size["num_frames"],
        )


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    if not path.is_file():
        raise ValueError(
            f"{folder} holds no complete MotionFactors ({path.name} is missing); make it with: "
            f"sdc data make motion-factors --root {folder}"
        )
    meta = read_facts(path)
    if meta.get("name") != "motion-factors" or meta.get("generator") != GENERATOR_VERSION:
        raise ValueError(
            f"{path} is of {meta.get('name')} version {meta.get('generator')}, not of "
            f"motion-factors version {GENERATOR_VERSION}: delete the folder and make it again"
        )
    return meta


def _read_annotations(folder: Path) -> Iterator[Planned]:
    path = folder / "annotations.csv"
    with io.StringIO(read_text(path), newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                appearance = APPEARANCES.index(row["appearance"])
                motion = MOTIONS.index(row["motion"])
                scene = SCENES.index(row["scene"]) if row["scene"] else 0
                seed = int(row["seed"])
                planned = Planned(row["path"], row["split"], appearance, motion, scene, seed)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {line}: {row} ({error})") from error
            safe_path(planned.path, path, line)
            yield planned
