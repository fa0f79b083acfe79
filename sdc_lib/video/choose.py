"""The one place that chooses what reads a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.info import VideoInfo
from sdc_lib.video.motion_jpeg import MotionJpegReader
from sdc_lib.video.other_decoders import DecordReader, TorchcodecReader
from sdc_lib.video.reader import Frames, Reader, SequentialReader

_SETTING = "SDC_VIDEO_BACKEND"


class _Seeking(Reader, Protocol):
    def __len__(self) -> int: ...


BACKENDS: Mapping[str, Callable[[PathLike], _Seeking]] = {
    "decord": DecordReader,
    "torchcodec": TorchcodecReader,
}


def video_backend() -> str:
    """The decoder that the environment variable ``SDC_VIDEO_BACKEND`` chooses.

    Returns:
        ``"decord"``, the default, or ``"torchcodec"``.

    Raises:
        ValueError: Another value.
    """
    name = os.environ.get(_SETTING) or "decord"
    if name not in BACKENDS:
        raise ValueError(f"{_SETTING} is {name!r}; it must be one of {', '.join(BACKENDS)}")
    return name


def open_reader(info: VideoInfo, dense: bool = False) -> Reader:
    """Open what reads a file fastest without ever being wrong.

    Args:
        info: The file, from `probe`.
        dense: Whether most of many frames will be read. Decoding in order is as fast then, and
            decord decodes ahead without bound: 3 MB a frame of 1920 x 1080.

    Returns:
        `MotionJpegReader` or the chosen backend, backed by a `SequentialReader`, or that alone.

    Raises:
        ImportError: The chosen backend is not installed.
        ValueError: There is no such backend.
    """
    backend = BACKENDS[video_backend()]
    if info.access == "order" or (info.access == "seek" and dense):
        return SequentialReader(info.path)
    # What a fast reader cannot read is its own limit, or damage that the reference will name.
    with contextlib.suppress(VideoError):
        if info.access == "packet":
            return _Backed(MotionJpegReader(info.path), info)
        seeking = backend(info.path)
        if len(seeking) == info.num_frames:
            return _Backed(seeking, info)
    return SequentialReader(info.path)


class _Backed:
    """A fast reader; from the first frames that it cannot read on, the sequential one."""

    def __init__(self, fast: Reader, info: VideoInfo) -> None:
        self._fast: Reader | None = fast
        self._reference = SequentialReader(info.path)
        self._size = (info.height, info.width)

    def read(self, indices: Sequence[int]) -> Frames:
        if self._fast is not None:
            with contextlib.suppress(VideoError):
                frames = self._fast.read(indices)
                if frames.shape[1:3] == self._size:
                    return frames
            self._fast = None
        return self._reference.read(indices)
