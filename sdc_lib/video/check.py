"""Decode a whole file, and see that single frames are found where they are."""

from __future__ import annotations

import random
from collections.abc import Sequence

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from sdc_lib.video.choose import open_reader
from sdc_lib.video.container import convert_options, orientation, upright
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.info import VideoInfo, probe
from sdc_lib.video.reader import frames_in_order

_SEEKS = 8
_SIDE = 16
# Decoders turn colours into RGB in slightly different ways: mean difference, of 255.
_TOLERANCE = 2.0


def check_video(path: PathLike) -> VideoInfo:
    """Decode a whole file in order, then compare a few frames found by seeking.

    Far slower than ``probe``: meant to run once per file, in a child process, because a damaged
    file may crash a decoder.

    Raises:
        VideoError: The file cannot be used, any of its frames cannot be decoded, or seeking finds
            others than those asked for.
    """
    info = probe(path)
    shrink = _Shrink()
    small: list[NDArray[np.int16]] = []
    decoded = 0
    for frame in frames_in_order(path):
        decoded += 1
        if info.access != "order":
            small.append(shrink(frame))
    if decoded < info.num_frames:
        raise VideoError(path, f"damaged: {info.num_frames} frames listed, {decoded} decode")
    if small:
        _compare(info, small, shrink)
    return info


class _Shrink:
    """A frame as a tiny upright square."""

    def __init__(self) -> None:
        self._convert = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.int16]:
        small = self._convert.reformat(
            frame, _SIDE, _SIDE, "rgb24", interpolation=Interpolation.AREA, **convert_options()
        )
        image = np.asarray(small.to_ndarray(), np.uint8)
        return upright(image, orientation(frame)).astype(np.int16)


def _compare(info: VideoInfo, small: Sequence[NDArray[np.int16]], shrink: _Shrink) -> None:
    """Frames read singly must be nearest to themselves among all frames of the file."""
    chosen = random.Random(info.num_frames).sample(range(info.num_frames), min(_SEEKS, len(small)))
    for index in chosen:
        (image,) = open_reader(info).read([index])
        found = shrink(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"))
        differences = np.abs(np.stack(small) - found).mean(axis=(1, 2, 3))
        nearest = int(differences.argmin())
        if differences[index] > differences[nearest] + _TOLERANCE:
            raise VideoError(
                info.path, f"damaged: seeking to frame {index} finds frame {nearest} instead"
            )
