"""Files of the kinds on which seeking goes wrong, written with PyAV; what players show of them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.video import read_clip
from tests.conftest import numbered_frame, write_numbered_video

DATA = Path(__file__).parent / "data"


class Pipe(io.RawIOBase):
    """Takes what is written and cannot go back, as a live stream cannot."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def encode(
    stream: av.VideoStream, numbers: range, height: int = 48, width: int = 64
) -> Iterator[av.Packet[Any]]:
    """Packets of numbered frames."""
    for number in numbers:
        image = numbered_frame(number, height, width)
        yield from stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))
    yield from stream.encode(None)


def add_stream(
    container: av.container.OutputContainer,
    codec: str = "libx264",
    height: int = 48,
    width: int = 64,
    **options: str,
) -> av.VideoStream:
    """A video stream of 25 frames per second."""
    stream = container.add_stream(codec, rate=25, options=options)
    assert isinstance(stream, av.VideoStream)
    stream.height, stream.width = height, width
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return stream


def write_live(path: Path, format_name: str, codec: str, frames: int = 40) -> Path:
    """A recording whose container never learnt its length."""
    pipe = Pipe()
    with av.open(pipe, "w", format=format_name) as container:
        stream = add_stream(container, codec, g="12")
        for packet in encode(stream, range(frames)):
            container.mux(packet)
    path.write_bytes(pipe.data)
    return path


def write_trimmed(path: Path, first: int, **options: Any) -> Path:
    """40 numbered frames copied into another file that shows them from ``first`` on."""
    source = write_numbered_video(path.with_name(f"whole_{path.name}"), 40, **options)
    keep = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    with av.open(str(source)) as read, av.open(str(path), "w", options=keep) as container:
        stream = read.streams.video[0]
        copy = container.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.pts -= first * 512
                packet.dts -= first * 512
                packet.stream = copy
                container.mux(packet)
    return path


def write_two_streams(path: Path, small: str) -> Path:
    """A small or still stream first, then the numbered one."""
    with av.open(str(path), "w") as container:
        still = add_stream(container, small, 32, 32, crf="51")
        main = add_stream(container, g="12")
        main.disposition = av.stream.Disposition.default
        packets = [*encode(still, range(1 if small == "mjpeg" else 40), 32, 32)]
        packets += encode(main, range(40))
        for packet in sorted(packets, key=lambda packet: packet.dts or 0):
            container.mux(packet)
    return path


def write_growing_mjpeg(path: Path) -> Path:
    """20 frames of 64 x 48, then 20 of 96 x 72, in one Motion JPEG stream."""
    large = path.with_name(f"large_{path.name}")
    write_numbered_video(large, 40, height=72, width=96, codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(path), "w") as container, av.open(str(large)) as other:
        stream = add_stream(container, "mjpeg")
        for packet in encode(stream, range(20)):
            container.mux(packet)
        for number, packet in enumerate(other.demux(video=0)):
            if number >= 20 and packet.size:
                packet.stream = stream
                container.mux(packet)
    return path


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Put a display matrix into an MP4 file."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: nine 16.16 numbers after 40 bytes
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(
        ">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30
    )
    path.write_bytes(bytes(data))
    return path


def lie_about_frames(path: Path, frames: int) -> Path:
    """Change the number of frames in the header of an AVI file."""
    data = bytearray(path.read_bytes())
    for name, offset in ((b"avih", 24), (b"strh", 40)):
        place = data.index(name) + offset
        data[place : place + 4] = struct.pack("<I", frames)
    path.write_bytes(bytes(data))
    return path


def reference(path: Path) -> list[NDArray[np.uint8]]:
    """What players show: decoded in order with PyAV, scaled to the size of the first frame."""
    shown: list[NDArray[np.uint8]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.best("video")):
            assert isinstance(frame, av.VideoFrame)
            height, width = shown[0].shape[:2] if shown else (frame.height, frame.width)
            image = frame.to_ndarray(format="rgb24", width=width, height=height)
            shown.append(np.asarray(image, np.uint8))
    return shown


def wrong_frames(path: Path, indices: list[int]) -> list[int]:
    """Of frames read one at a time, those that are not the reference's."""
    shown = reference(path)
    found = {index: read_clip(path, [index])[0].numpy() for index in indices}
    return [i for i, image in found.items() if np.abs(image.astype(int) - shown[i]).mean() > 3]
