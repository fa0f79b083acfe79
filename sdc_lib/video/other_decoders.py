"""Decoders that find a frame by seeking: decord, and torchcodec where it is chosen.

Only for files that `sdc_lib.video.seekable` found fit for it.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

from sdc_lib.support.files import first_line
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.reader import Frames

# Share of frames that decord may replace by a neighbour before it says so: none.
_NO_REPLACED_FRAMES = 1e-9


class DecordReader:
    """Read with decord, in one thread.

    Args:
        path: The file.

    Raises:
        ImportError: decord2 is not installed.
        VideoError: The file cannot be opened.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path
        decord = _decord()
        try:
            # An absolute path, for FFmpeg takes `name:rest` for a network protocol.
            self._reader: Any = decord.VideoReader(
                os.path.abspath(path), num_threads=1, fault_tol=_NO_REPLACED_FRAMES
            )
        except Exception as error:
            raise VideoError(path, f"not a readable video ({_cause(error, path)})") from error

    def __len__(self) -> int:
        """Number of frames that decord lists."""
        return len(self._reader)

    def read(self, indices: Sequence[int]) -> Frames:
        """As `Reader.read`; decord cannot copy frames of some widths (32, 48, 96, 144)."""
        try:
            return cast(Frames, self._reader.get_batch(list(indices)).asnumpy())
        except Exception as error:
            raise VideoError(self._path, f"damaged: {_cause(error, self._path)}") from error


class TorchcodecReader:
    """Read with torchcodec, which brings no FFmpeg of its own.

    Args:
        path: The file.

    Raises:
        ImportError: torchcodec is not installed, or finds no FFmpeg.
        VideoError: The file cannot be opened.
    """

    def __init__(self, path: PathLike) -> None:
        try:
            from torchcodec.decoders import VideoDecoder
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                f"SDC_VIDEO_BACKEND is torchcodec, which cannot be imported ({first_line(error)}); "
                "it needs pip install torchcodec and an installed FFmpeg"
            ) from error
        self._path = path
        try:
            self._decoder: Any = VideoDecoder(
                os.path.abspath(path), num_ffmpeg_threads=1, dimension_order="NHWC"
            )
        except (RuntimeError, ValueError) as error:
            raise VideoError(path, f"not a readable video ({_cause(error, path)})") from error

    def __len__(self) -> int:
        """Number of frames that torchcodec lists."""
        return len(self._decoder)

    def read(self, indices: Sequence[int]) -> Frames:
        """As `Reader.read`."""
        try:
            return cast(Frames, self._decoder.get_frames_at(list(indices)).data.numpy())
        except (RuntimeError, IndexError) as error:
            raise VideoError(self._path, f"damaged: {_cause(error, self._path)}") from error


@functools.cache
def _decord() -> ModuleType:
    """Import decord on first use and keep FFmpeg's warnings off the terminal."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    return cast(ModuleType, decord)


def _cause(error: Exception, path: PathLike) -> str:
    """The message without time stamps, source positions, stack and the whole path."""
    line = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", first_line(error))
    return line.replace(os.path.abspath(path), os.path.basename(path))[:160]
