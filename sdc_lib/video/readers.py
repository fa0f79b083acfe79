"""Readers beside decord's: Motion JPEG by single packets, and torchcodec where it is chosen.

`sdc data prepare` writes Motion JPEG: every packet is a whole picture, so a clip costs the pictures
it shows and nothing more, and the container's index says where each one is.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from sdc_lib.support.files import first_line
from sdc_lib.video.error import PathLike, VideoError

BACKENDS = ("decord", "torchcodec")
_SETTING = "SDC_VIDEO_BACKEND"
_REMEMBERED = 2**16
_other_kinds: set[tuple[str, int, int]] = set()


class FrameReader(Protocol):
    """What `sdc_lib.video.decoders` asks of an open file."""

    def __len__(self) -> int:
        """Number of frames."""

    def get_avg_fps(self) -> float:
        """Frames per second."""

    def read_frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Frames ``(T, H, W, C)``, RGB; raises ``VideoError``."""


def video_backend() -> str:
    """The decoder that the environment variable ``SDC_VIDEO_BACKEND`` chooses.

    Returns:
        ``"decord"``, the default, or ``"torchcodec"``.

    Raises:
        ValueError: Another value.
    """
    name = os.environ.get(_SETTING) or BACKENDS[0]
    if name not in BACKENDS:
        raise ValueError(f"{_SETTING} is {name!r}; it must be one of {', '.join(BACKENDS)}")
    return name


def special_reader(path: PathLike) -> FrameReader | None:
    """A reader for a file that decord is not to read, ``None`` for all others.

    Raises:
        VideoError: The chosen backend refuses the file.
    """
    if video_backend() == "torchcodec":
        return TorchcodecReader(path)
    state = os.stat(path)
    key = (os.path.abspath(path), state.st_size, state.st_mtime_ns)
    if key in _other_kinds:
        return None
    with contextlib.suppress(av.error.FFmpegError, ValueError):
        return JpegReader(path)
    if len(_other_kinds) >= _REMEMBERED:
        _other_kinds.clear()
    _other_kinds.add(key)
    return None


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
        ValueError: It holds no video that FFmpeg has a decoder for.
    """
    container: av.container.InputContainer = av.open(os.path.abspath(path), **open_options())
    streams = container.streams.video
    if not streams or getattr(streams[0], "codec_context", None) is None:
        container.close()
        raise ValueError(f"{path} holds no video that can be decoded")
    return container


class JpegReader:
    """Motion JPEG in a container with a complete index (MP4, MOV, AVI).

    Args:
        path: The file.

    Raises:
        ValueError: It is no such file.
        av.error.FFmpegError: It cannot be opened.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path
        self._container = open_container(path)
        # PyAV's own clean-up leaves some hundred bytes of an open container behind.
        weakref.finalize(self, self._container.close)
        self._stream = self._container.streams.video[0]
        context = self._stream.codec_context
        if context.name != "mjpeg":
            raise ValueError(f"{path} is {context.name}, not Motion JPEG")
        index = getattr(self._stream, "index_entries", ())  # PyAV 17 and later
        self._times = [entry.timestamp for entry in index if entry.size > 0]
        whole = len(self._times) == len(index) == self._stream.frames > 0
        if not whole or len(set(self._times)) != len(self._times):
            raise ValueError(f"{path} has no complete index of its frames")
        context.thread_count = 1

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._times)

    def get_avg_fps(self) -> float:
        """Frames per second."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else 0.0

    def read_frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Decode the packets of the frames asked for, and no others.

        Args:
            indices: Frame numbers in any order, all inside the video.

        Returns:
            uint8 array ``(T, H, W, C)``, RGB.

        Raises:
            VideoError: A frame is missing or damaged.
        """
        places: dict[int, list[int]] = {}  # time stamp -> where in the result
        for place, index in enumerate(indices):
            places.setdefault(self._times[index], []).append(place)
        frames: NDArray[np.uint8] | None = None
        convert = VideoReformatter()
        try:
            self._container.seek(min(places), stream=self._stream)
            for packet in self._container.demux(self._stream):
                where = places.pop(packet.dts, None) if packet.dts is not None else None
                if where is not None:
                    image = self._picture(packet, indices[where[0]], convert)
                    if frames is None:
                        frames = np.empty((len(indices), *image.shape), np.uint8)
                    frames[where] = image
                if not places and frames is not None:
                    return frames
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(self._path, f"damaged: {error}") from error
        missing = min(place for where in places.values() for place in where)
        raise VideoError(
            self._path, f"damaged: frame {indices[missing]} is listed but cannot be read"
        )

    def _picture(
        self, packet: av.Packet[Any], number: int, convert: VideoReformatter
    ) -> NDArray[np.uint8]:
        """RGB ``(H, W, C)``, a view of memory that lives as long as the array."""
        decoded = self._stream.codec_context.decode(packet)
        if len(decoded) != 1 or decoded[0].is_corrupt:
            raise VideoError(self._path, f"damaged: frame {number} cannot be decoded")
        picture = convert.reformat(decoded[0], format="rgb24", **convert_options())
        plane: Any = picture.planes[0]  # a buffer at run time
        rows = np.frombuffer(plane, np.uint8).reshape(picture.height, plane.line_size)
        image = rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
        return np.rot90(image, decoded[0].rotation // 90) if decoded[0].rotation else image


class TorchcodecReader:
    """Any file, read with torchcodec, which brings no FFmpeg of its own.

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
                f"{_SETTING} is torchcodec, which cannot be imported ({first_line(error)}); it "
                "needs pip install torchcodec and an installed FFmpeg"
            ) from error
        self._path = path
        try:
            self._decoder: Any = VideoDecoder(
                os.path.abspath(path), num_ffmpeg_threads=1, dimension_order="NHWC"
            )
        except (RuntimeError, ValueError) as error:
            raise VideoError(path, f"not a readable video ({first_line(error)})") from error

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._decoder)

    def get_avg_fps(self) -> float:
        """Frames per second."""
        return float(self._decoder.metadata.average_fps or 0.0)

    def read_frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Decode frames ``(T, H, W, C)``, RGB.

        Raises:
            VideoError: A frame cannot be decoded.
        """
        try:
            frames: NDArray[np.uint8] = self._decoder.get_frames_at(list(indices)).data.numpy()
        except (RuntimeError, IndexError) as error:
            raise VideoError(
                self._path, f"damaged: cannot be decoded ({first_line(error)})"
            ) from error
        return frames
