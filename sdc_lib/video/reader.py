"""What reads the frames of an open file, and the reader that all others are measured by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.support.files import first_line
from sdc_lib.video.container import ToRgb, best_stream, open_container
from sdc_lib.video.error import PathLike, VideoError

Frames = NDArray[np.uint8]
"""uint8 ``(T, H, W, 3)``, RGB, upright."""


class Reader(Protocol):
    """An open file. None outlives the call that opened it."""

    def read(self, indices: Sequence[int]) -> Frames:
        """Decode frames.

        Args:
            indices: Frame numbers inside the video, at least one; increasing ones are read best.

        Returns:
            uint8 ``(T, H, W, 3)``, RGB, upright.

        Raises:
            VideoError: They cannot be decoded, or not by this reader.
        """


class SequentialReader:
    """Any file, decoded by PyAV from its first frame on.

    Slow for frames far from the start, and right by definition. It goes on where the last call
    ended if it can.

    Args:
        path: The file.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path
        self._to_rgb = ToRgb()
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next: int | None = None

    def read(self, indices: Sequence[int]) -> Frames:
        """As `Reader.read`."""
        if self._next is None or min(indices) < self._next:
            self._frames, self._next = frames_in_order(self._path), 0
        places: dict[int, list[int]] = {}
        for place, index in enumerate(indices):
            places.setdefault(index, []).append(place)
        result: Frames | None = None
        for frame in self._frames:
            if self._next == 0:
                self._to_rgb = ToRgb(frame.width, frame.height)
            where = places.pop(self._next, None)
            self._next += 1
            if where is None:
                continue
            image = self._to_rgb(frame)
            if result is None:
                result = np.empty((len(indices), *image.shape), np.uint8)
            result[where] = image
            if not places:
                return result
        raise VideoError(self._path, f"damaged: frame {min(places)} is listed but not there")


def frames_in_order(path: PathLike) -> Iterator[av.VideoFrame]:
    """Decode a file with PyAV from its first frame on; what is not to be shown is left out.

    Raises:
        VideoError: A frame cannot be decoded, or is marked as corrupt.
    """
    number = 0
    try:
        with open_container(path) as container:
            for frame in container.decode(best_stream(container)):
                if frame.is_corrupt:
                    raise VideoError(path, f"damaged: frame {number} is marked as corrupt")
                yield frame
                number += 1
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(path, f"damaged after frame {number}: {error_cause(error)}") from error


def error_cause(error: Exception) -> str:
    """The cause that an error of PyAV names, without the path."""
    cause = getattr(error, "strerror", None)
    return cause if isinstance(cause, str) else first_line(error)[:160]
