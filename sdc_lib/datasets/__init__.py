"""Data sets of videos, and the clips taken from them."""

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.clips import (
    EvalClips,
    EvalSample,
    PairClips,
    PairSample,
    SampleKey,
    TrainClips,
    TrainSample,
)
from sdc_lib.datasets.folder import VideoFolder
from sdc_lib.datasets.motion_factors import MotionFactors, make_motion_factors
from sdc_lib.datasets.samples import sample_clips

__all__ = [
    "EvalClips",
    "EvalSample",
    "LeftOut",
    "MotionFactors",
    "PairClips",
    "PairSample",
    "SampleKey",
    "TrainClips",
    "TrainSample",
    "VideoDataset",
    "VideoFile",
    "VideoFolder",
    "make_motion_factors",
    "sample_clips",
]
