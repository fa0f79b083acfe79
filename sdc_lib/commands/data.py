"""``sdc data``: make, check and prepare data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.extras import SubcommandApp

from sdc_lib.datasets.names import DatasetName, motion_factors_folder, open_dataset, splits_in
from sdc_lib.support.settings import Fold, Positive, Range, Seed, Workers

if TYPE_CHECKING:
    from sdc_lib.datasets.base import VideoDataset


@dataclass(frozen=True)
class MakeMotionFactors:
    """Generate MotionFactors: H.264 videos with appearance, motion and scene as labels."""

    size: Literal["toy", "tiny", "small", "standard"] = "tiny"
    """toy: 300 videos of 32x32 pixels; tiny: 1,300 videos of 64x64 pixels; small: 9,900; standard:
    20,000 of 128x128 pixels."""
    root: Path | None = None
    """Folder of the data set; data/motion_factors, data/motion_factors_small, ... when None."""
    seed: Seed = 0
    """Same seed, same pixels before encoding."""

    def run(self) -> int:
        """Generate what is missing and print the folder."""
        from sdc_lib.datasets.motion_factors import make_motion_factors

        root = self.root or motion_factors_folder(self.size, Path("data"))
        make_motion_factors(root, size=self.size, seed=self.seed)
        print(f"MotionFactors ({self.size}) is in {root}")
        return 0


@dataclass(frozen=True)
class CheckData:
    """Decode every file once, in child processes, and remember the broken ones in a manifest.

    Files that were checked before and have not changed are passed over. The exit status is 1 if a
    file is missing or cannot be used; a run leaves such files out by itself.
    """

    root: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="ROOT")]
    """The data set's own folder; for csv the list."""
    dataset: DatasetName
    """Which layout to expect."""
    fold: Fold = 1
    """Official split number, where there are several."""
    workers: Workers = 0
    """Child processes; 0 for one a core."""
    timeout: Positive = 120.0
    """Seconds that one file may take."""
    again: bool = False
    """Check all files, whatever the manifest knows of them."""

    def run(self) -> int:
        """Print counts, what is missing and what is broken."""
        from sdc_lib.datasets.manifest import check_dataset, manifest_path

        broken = 0
        splits = list(self._splits())
        for videos in splits:
            print(videos.summary())
            known = check_dataset(videos, self.workers, self.timeout, again=self.again)
            names = {file.name for file in videos}
            unusable = [check for check in known.unusable if check.name in names]
            print(f"  decoded: {len(names) - len(unusable)} of {len(names)} videos to the end")
            for check in unusable:
                print(f"  {check.verdict}: {check.name}: {check.cause}")
            broken += len(unusable) + len(videos.left_out)
        print(f"manifest: {manifest_path(splits[0].root)}")
        return 1 if broken else 0

    def _splits(self) -> Iterator[VideoDataset]:
        """The parts that there are."""
        from sdc_lib.config import DataConfig
        from sdc_lib.datasets.motion_factors import MotionFactors

        if not self.root.exists():
            raise FileNotFoundError(f"{self.root} does not exist")
        config = DataConfig(dataset=self.dataset, fold=self.fold)
        for split in splits_in(self.dataset, self.root):
            if self.dataset == "motion-factors":  # to open it by name would make what is missing
                yield MotionFactors(self.root, split)
            else:
                yield open_dataset(config, self.root, split, checked=False)


@dataclass(frozen=True)
class PrepareData:
    """Copy a data set as small Motion JPEG videos, which decode fast; run it again to continue.

    The exit status is 1 if a video has no copy or a folder was left out.
    """

    src: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SRC")]
    """Folder of the originals."""
    dst: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DST")]
    """Folder of the copies, outside SRC; names and annotation files stay."""
    short_side: Annotated[int, Range(2, 16384)] = 128
    """Pixels of the shorter side; smaller videos keep their size."""
    quality: Annotated[int, Range(2, 31)] = 5
    """JPEG quantiser, 2 (best) to 31."""
    workers: Workers = 0
    """Child processes; 0 for one a core."""
    timeout: Positive = 600.0
    """Seconds that one video may take."""

    def run(self) -> int:
        """Print counts, sizes and what failed."""
        from sdc_lib.datasets.prepare import prepare

        done = prepare(
            self.src, self.dst, self.short_side, self.quality, self.workers, self.timeout
        )
        print(done.report())
        return 1 if done.failed or done.left_out else 0


def data_app() -> SubcommandApp:
    """What follows ``sdc data``."""
    make = SubcommandApp()
    make.command(name="motion-factors")(MakeMotionFactors)
    app = SubcommandApp()
    app.command(make, name="make", help="Generate a data set.")
    app.command(name="check")(CheckData)
    app.command(name="prepare")(PrepareData)
    return app
