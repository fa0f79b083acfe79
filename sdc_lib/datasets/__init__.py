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

__all__ = [
    "EvalClips",
    "EvalSample",
    "LeftOut",
    "PairClips",
    "PairSample",
    "SampleKey",
    "TrainClips",
    "TrainSample",
    "VideoDataset",
    "VideoFile",
    "VideoFolder",
]
