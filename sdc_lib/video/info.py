"""What is known of a video file before its frames are read: found once, kept while it lasts."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import av

from sdc_lib.video.container import best_stream, frame_rate, open_container, orientation
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.motion_jpeg import picture_times
from sdc_lib.video.reader import error_cause, frames_in_order
from sdc_lib.video.seekable import PacketFacts, facts, is_seekable, may_seek
from sdc_lib.video.truncated import stated_size

Access = Literal["packet", "seek", "order"]
_REMEMBERED = 2**16
_SMALLEST_PACKET = 8  # bytes with what the container adds
_LARGEST_SOUGHT = 2**24  # pixels; decord holds a dozen frames, and aborts the process without room
_known: dict[tuple[str, int, int], VideoInfo] = {}


@dataclass(frozen=True)
class VideoInfo:
    """What ``probe`` knows of a file.

    Attributes:
        path: The file.
        num_frames: Frames.
        fps: Frames per second.
        width: Pixels, as decoded and upright.
        height: The same.
        access: How single frames are found exactly: ``"packet"``: each is a packet of its own that
            the index names; ``"seek"``: decoders may seek; ``"order"``: by decoding all before it.
        state: Bytes of the file and the time of its last change, in nanoseconds, at that time.
    """

    path: Path
    num_frames: int
    fps: float
    width: int
    height: int
    access: Access = field(default="order", compare=False)
    state: tuple[int, int] = field(default=(0, 0), compare=False)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps if self.fps > 0 else 0.0

    @property
    def is_current(self) -> bool:
        """Whether the file still is what was looked at."""
        try:
            state = self.path.stat()
        except OSError:
            return False
        return (state.st_size, state.st_mtime_ns) == self.state


def probe(path: PathLike) -> VideoInfo:
    """Open a file, look at its packets, decode its first frame and describe it.

    Where frames can only be read in order, and so be counted only by decoding, the whole file is
    decoded. What was found is kept until the size of the file or its time of change differ.

    Raises:
        VideoError: The file is missing, empty, cut short, or not a video.
    """
    size, changed = _check_whole(path)
    key = (os.path.abspath(path), size, changed)
    info = _known.get(key)
    if info is None:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        info = _known[key] = replace(_examine(path, size), state=(size, changed))
    return replace(info, path=Path(path))


def _check_whole(path: PathLike) -> tuple[int, int]:
    """The checks that cost nothing; returns the state of the file."""
    file = Path(path)
    try:
        state = file.stat()
        if not stat.S_ISREG(state.st_mode):
            raise VideoError(path, "not a file")
        if state.st_size == 0:
            raise VideoError(path, "the file is empty (0 bytes)")
        stated = stated_size(file)
    except FileNotFoundError as error:
        raise VideoError(path, "no such file") from error
    except OSError as error:
        raise VideoError(path, f"cannot be read: {error.strerror}") from error
    if stated is not None and stated > state.st_size:
        raise VideoError(
            path, f"truncated: {state.st_size} bytes of the {stated} that its header states"
        )
    return state.st_size, state.st_mtime_ns


def _examine(path: PathLike, size: int) -> VideoInfo:
    try:
        with open_container(path) as container:
            stream = best_stream(container)
            if stream.frames * _SMALLEST_PACKET > size:
                raise VideoError(
                    path,
                    f"damaged: its header lists {stream.frames} frames, more than fit into "
                    f"{size} bytes",
                )
            return _fast(path, container, stream) or _count(path, stream)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(path, f"not a readable video ({error_cause(error)})") from error


def _fast(
    path: PathLike, container: av.container.InputContainer, stream: av.VideoStream
) -> VideoInfo | None:
    """Describe a file of which single frames can be read, ``None`` for all others."""
    with contextlib.suppress(av.error.FFmpegError):  # decoding in order will name the damage
        times = picture_times(stream)
        if times:
            first = next(iter(container.decode(stream)), None)
            return None if first is None else _describe(path, stream, first, len(times), "packet")
        if may_seek(container, stream):
            packets, first = _scan(container, stream)
            if (
                first is not None
                and _is_plain(first, stream)
                and is_seekable(packets, container, stream)
            ):
                return _describe(path, stream, first, len(packets), "seek")
    return None


def _scan(
    container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[list[PacketFacts], av.VideoFrame | None]:
    """All packets up to the first that rules out seeking, and the first frame."""
    packets: list[PacketFacts] = []
    first = None
    for packet in container.demux(stream):
        if first is None:
            first = next(iter(packet.decode()), None)
        if packet.size:
            packets.append(facts(packet, stream))
            if not packets[-1].is_sound:
                break
    return packets, first


def _is_plain(frame: av.VideoFrame, stream: av.VideoStream) -> bool:
    """Whole, of the size that the header states, upright, of 8 bits, and not two fields in one.

    Decoders differ in all others: in how they round ten bits to eight, or lay fields over another.
    """
    size = (stream.width, stream.height)
    is_whole = not frame.is_corrupt and (frame.width, frame.height) == size
    is_usual = not frame.interlaced_frame and all(
        part.bits <= 8 for part in frame.format.components
    )
    is_small = size[0] * size[1] <= _LARGEST_SOUGHT
    return is_whole and is_usual and is_small and not any(orientation(frame))


def _count(path: PathLike, stream: av.VideoStream) -> VideoInfo:
    """Describe a file by decoding all of it."""
    first, number = None, 0
    for frame in frames_in_order(path):
        first = first or _describe(path, stream, frame, 0, "order")
        number += 1
    if first is None:
        raise VideoError(path, "damaged: no frame can be decoded")
    return replace(first, num_frames=number)


def _describe(
    path: PathLike, stream: av.VideoStream, first: av.VideoFrame, number: int, access: Access
) -> VideoInfo:
    size = (first.width, first.height)
    width, height = size[::-1] if orientation(first)[0] else size
    return VideoInfo(Path(path), number, frame_rate(stream), width, height, access)
