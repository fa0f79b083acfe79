"""Motion JPEG by single packets.

`sdc data prepare` writes Motion JPEG: every packet is a whole picture, so a clip costs the pictures
it shows and nothing more, and the container's index says where each one is.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.video.container import ToRgb, best_stream, open_container
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.reader import Frames, error_cause


def picture_times(stream: av.VideoStream) -> list[int]:
    """The times of all pictures of a Motion JPEG stream, from an index that names every packet.

    Empty where there is no such index, or the codec is another one. PyAV before 17 shows none.
    """
    if stream.codec_context.name != "mjpeg":
        return []
    index = getattr(stream, "index_entries", ())
    times = [entry.timestamp for entry in index if entry.size > 0 and not entry.is_discard]
    whole = len(times) == len(index) == stream.frames
    return times if whole and len(set(times)) == len(times) else []


class MotionJpegReader:
    """Motion JPEG in a container with a complete index (MP4, MOV, AVI).

    Args:
        path: The file.

    Raises:
        VideoError: It is no such file.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path
        try:
            self._container = open_container(path)
            # PyAV's own clean-up leaves some hundred bytes of an open container behind.
            weakref.finalize(self, self._container.close)
            self._stream = best_stream(self._container)
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(path, f"not a readable video ({error_cause(error)})") from error
        self._times = picture_times(self._stream)
        self._to_rgb = ToRgb()

    def read(self, indices: Sequence[int]) -> Frames:
        """Decode the packets of the frames asked for, and no others; see `Reader.read`."""
        places: dict[int, list[int]] = {}  # time stamp -> where in the result
        result: Frames | None = None
        try:
            for place, index in enumerate(indices):
                places.setdefault(self._times[index], []).append(place)
            self._container.seek(min(places), stream=self._stream)
            for packet in self._container.demux(self._stream):
                where = places.pop(packet.dts, None) if packet.dts is not None else None
                if where is not None:
                    image = self._picture(packet, indices[where[0]])
                    if result is None:
                        result = np.empty((len(indices), *image.shape), np.uint8)
                    result[where] = image
                if not places and result is not None:
                    return result
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise VideoError(self._path, f"damaged: {error_cause(error)}") from error
        missing = min(place for where in places.values() for place in where)
        raise VideoError(
            self._path, f"damaged: frame {indices[missing]} is listed but cannot be read"
        )

    def _picture(self, packet: av.Packet[Any], number: int) -> NDArray[np.uint8]:
        decoded = self._stream.codec_context.decode(packet)
        if len(decoded) != 1 or decoded[0].is_corrupt:
            raise VideoError(self._path, f"damaged: frame {number} cannot be decoded")
        return self._to_rgb(decoded[0])
