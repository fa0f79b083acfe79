"""Open files with PyAV, choose the stream that counts, and turn its frames into RGB images."""

from __future__ import annotations

import os
import struct
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from sdc_lib.video.error import PathLike

_ATTACHED_PICTURE = 0x400
_SIDE_DATA: Any = SideDataContainer  # its stub knows no arguments


def open_options(version: str = av.__version__) -> dict[str, Any]:
    """Keywords for ``av.open``: titles in unknown encodings are no reason to refuse a video.

    PyAV 19 keeps such titles as they are and no longer has the keyword; older ones raise without.
    """
    return {"metadata_errors": "ignore"} if _major(version) < 19 else {}


def convert_options(version: str = av.__version__) -> dict[str, Any]:
    """Keywords for every conversion of a picture: one thread, the others belong to other workers.

    PyAV before 17 never takes more and does not know the keyword.
    """
    return {"threads": 1} if _major(version) >= 17 else {}


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def open_container(path: PathLike) -> av.container.InputContainer:
    """Open a file with PyAV; close it, or use it in a ``with`` statement.

    The path becomes absolute, for FFmpeg takes ``name:rest`` for a network protocol.

    Raises:
        av.error.FFmpegError: It cannot be opened.
    """
    container: av.container.InputContainer = av.open(os.path.abspath(path), **open_options())
    return container


def best_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The one video stream that everything reads: FFmpeg's best that is not an attached picture.

    It decodes with one thread, the others belong to other workers.

    Raises:
        ValueError: There is none that FFmpeg has a decoder for.
    """
    usable = [
        stream
        for stream in container.streams.video
        if getattr(stream, "codec_context", None) is not None
        and not int(getattr(stream, "disposition", 0)) & _ATTACHED_PICTURE
    ]
    if not usable:
        raise ValueError("it holds no video that can be decoded")
    best = container.streams.best("video")
    chosen = next((stream for stream in usable if stream is best), None)
    chosen = chosen or max(usable, key=lambda stream: stream.width * stream.height)
    chosen.codec_context.thread_count = 1
    return chosen


def frame_rate(stream: av.VideoStream) -> float:
    """Frames per second, 0.0 where nothing is known."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else 0.0


class ToRgb:
    """Turns decoded frames into upright RGB images.

    Frames of another size are scaled, as players do where the size changes.

    Args:
        width: Pixels before an image is turned upright; those of the first frame if 0.
        height: The same.
    """

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self._convert = VideoReformatter()
        self._options = convert_options()
        self._size = (width, height)

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Convert one frame.

        Returns:
            uint8 ``(H, W, 3)``; a view of memory that lives as long as the array.
        """
        if not all(self._size):
            self._size = (frame.width, frame.height)
        picture = self._convert.reformat(frame, *self._size, "rgb24", **self._options)
        plane: Any = picture.planes[0]  # a buffer at run time
        rows = np.frombuffer(plane, np.uint8).reshape(picture.height, plane.line_size)
        image = rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
        return upright(image, orientation(frame))


def orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """What a frame's display matrix asks for, to the nearest right angle.

    Returns:
        Whether to exchange rows and columns; then whether to flip from left to right; then whether
        to flip from top to bottom.
    """
    # `frame.side_data` is this and keeps it in the frame: a circle, and megabytes a frame wait for
    # the garbage collector
    side_data = _SIDE_DATA(frame)
    data = side_data.get(Type.DISPLAYMATRIX) if len(side_data) else None
    if data is None:
        return False, False, False
    # a point (x, y) is shown at (ax + cy, bx + dy); y points down
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def upright(image: NDArray[np.uint8], turn: tuple[bool, bool, bool]) -> NDArray[np.uint8]:
    """An image ``(H, W, 3)`` as ``orientation`` says it is to be shown; a view."""
    exchange, mirror, upside_down = turn
    image = image.swapaxes(0, 1) if exchange else image
    image = image[:, ::-1] if mirror else image
    return image[::-1] if upside_down else image
