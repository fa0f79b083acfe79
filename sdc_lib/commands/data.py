"""``sdc data``: make, check and prepare data sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.extras import SubcommandApp


@dataclass(frozen=True)
class MakeMotionFactors:
    """Generate MotionFactors: H.264 videos with an appearance and a motion label each."""

    size: Literal["tiny", "standard"] = "tiny"
    """tiny: 1,300 videos of 64x64 pixels; standard: 20,000 videos of 128x128 pixels."""
    root: Path | None = None
    """Folder of the data set; data/motion_factors or data/motion_factors_standard when None."""
    seed: int = 0
    """Same seed, same pixels before encoding."""

    def run(self) -> int:
        """Generate what is missing and print the folder."""
        from sdc_lib.datasets.motion_factors import make_motion_factors

        default = "motion_factors" if self.size == "tiny" else "motion_factors_standard"
        root = self.root if self.root is not None else Path("data") / default
        make_motion_factors(root, size=self.size, seed=self.seed)
        print(f"MotionFactors ({self.size}) is in {root}")
        return 0


def data_app() -> SubcommandApp:
    """What follows ``sdc data``."""
    make = SubcommandApp()
    make.command(name="motion-factors")(MakeMotionFactors)
    app = SubcommandApp()
    app.command(make, name="make", help="Generate a data set.")
    return app
