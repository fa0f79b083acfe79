"""MotionFactors: generated videos whose factors are known and independent."""

from sdc_lib.datasets.motion_factors.dataset import MotionFactors
from sdc_lib.datasets.motion_factors.generate import make_motion_factors
from sdc_lib.datasets.motion_factors.plan import SIZES, SPLITS, Size
from sdc_lib.datasets.motion_factors.scenes import SCENES
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES
from sdc_lib.datasets.motion_factors.tracks import MOTIONS

__all__ = [
    "APPEARANCES",
    "MOTIONS",
    "SCENES",
    "SIZES",
    "SPLITS",
    "MotionFactors",
    "Size",
    "make_motion_factors",
]
