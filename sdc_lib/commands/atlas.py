"""``sdc atlas``: one page that shows what every concept responds to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sdc_lib.datasets.names import DatasetName, Split
from sdc_lib.support.settings import Count, Fold, TopVideos, Workers


@dataclass(frozen=True)
class Atlas:
    """Write one HTML page that shows what every concept responds to."""

    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")]
    """A .safetensors file, the folder of a finished run, or the name of weights that ship."""
    out: Path = Path("atlas.html")
    """The page; it needs no other file and no network."""
    dataset: DatasetName = "motion-factors"
    """Data set to look through; MotionFactors is made if it is missing."""
    split: Split = "test"
    """Which part of it; all for a folder or list that has no parts."""
    data_dir: Path = Path("data")
    """Where data sets are."""
    size: Literal["toy", "tiny", "small", "standard"] | None = None
    """Which MotionFactors; the one that the weights were trained on when None."""
    fold: Fold = 1
    """Official split number, where there are several."""
    top: TopVideos = 6
    """Videos a concept."""
    batch_size: Count = 64
    """Clips a forward pass."""
    workers: Workers = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    cache_dir: Path | None = None
    """Keep features there and reuse them."""

    def run(self) -> int:
        """Print the concepts in numbers, and where the page is."""
        from sdc_lib.datasets.usable import open_usable
        from sdc_lib.evaluation.atlas import check_target, write_atlas
        from sdc_lib.evaluation.protocols import settings_for
        from sdc_lib.support.devices import pick_device
        from sdc_lib.support.files import check_writable_folder
        from sdc_lib.weights import load, load_config

        device = pick_device(self.device)
        check_target(self.out)
        if self.cache_dir is not None:
            check_writable_folder(self.cache_dir)
        model, config = load(self.weights), load_config(self.weights)
        size = self.size or config.data.size
        data = replace(config.data, dataset=self.dataset, fold=self.fold, size=size)
        videos = open_usable(data, self.data_dir, self.split, self.workers)
        report = write_atlas(
            model.to(device),
            videos,
            self.out,
            settings_for("own", config).clips,
            top=self.top,
            title=f"Concept atlas: {self.weights} on {self.dataset}",
            batch_size=self.batch_size,
            workers=self.workers,
            cache_dir=self.cache_dir,
        )
        for left in videos.left_out:
            print(f"left out: {left.name}: {left.cause}")
        print(report)
        print(f"wrote {self.out}")
        return 0
