"""Whether a video file is as long as its own container header says.

A copy that stopped half-way often still opens, and decord then hands out whatever frame it can
reach without a word. The three container families behind nearly all data sets (MP4/MOV, AVI,
Matroska/WebM) state their length near the start, so a cut shows after reading a few bytes.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_MP4_BOXES = frozenset({b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"uuid", b"meta", b"free"})
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"


def stated_size(path: str | os.PathLike[str]) -> int | None:
    """Smallest size in bytes that the file must have according to its container header.

    Args:
        path: A file; only box headers are read, not the video.

    Returns:
        The size in bytes, or ``None`` where the container is of another kind or leaves its
        length open (as live recordings do).
    """
    actual = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(12)
        if head[4:8] in _MP4_FIRST_BOXES:
            return _mp4_size(file, actual)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return _riff_size(file, actual)
        if head[:4] == _EBML_MAGIC:
            return _matroska_size(file)
    return None


def _mp4_size(file: BinaryIO, actual: int) -> int:
    """End of the last top-level box that begins inside the file.

    Cameras and tools put data of their own behind it, which is no box or one that nobody knows.
    """
    end = 0
    while end < actual:
        file.seek(end)
        header = file.read(16)
        if len(header) < 8:
            return end
        size = int(struct.unpack(">I", header[:4])[0])
        if size == 0:  # the box reaches to the end of the file, wherever that is
            return actual
        if size == 1:  # a 64-bit size follows the box's name
            if len(header) < 16:
                return end
            size = int(struct.unpack(">Q", header[8:16])[0])
        kind = header[4:8]
        if size < 8 or not (kind in _MP4_BOXES or kind in _MP4_FIRST_BOXES):
            return end
        end += size
    return end


def _riff_size(file: BinaryIO, actual: int) -> int:
    """End of the last RIFF chunk that begins inside the file; AVIs above 1 GB have several.

    Some writers give the size of the whole file for that of its content, 8 bytes less. What is
    inside says then whether anything is missing.
    """
    end = 0
    while end < actual:
        size = _chunk_size(file, end, b"RIFF")
        if not size:  # written to a pipe: the length was never filled in
            return end
        stated = end + 8 + size
        inside = _last_chunk_end(file, end + 12, min(actual, stated))
        end = inside if inside <= actual < stated <= actual + 8 else stated
    return end


def _last_chunk_end(file: BinaryIO, start: int, stop: int) -> int:
    """End of the last of the chunks that begin between two places, each padded to even length."""
    place = start
    while place + 8 <= stop:
        size = _chunk_size(file, place)
        if size is None:
            break
        place += 8 + size + size % 2
    return place


def _chunk_size(file: BinaryIO, place: int, kind: bytes | None = None) -> int | None:
    """Size of the chunk that begins at a place, ``None`` where there is none of that kind."""
    file.seek(place)
    header = file.read(8)
    if len(header) < 8 or kind not in (None, header[:4]):
        return None
    return int(struct.unpack("<I", header[4:8])[0])


def _matroska_size(file: BinaryIO) -> int | None:
    """End of the Segment element, or ``None`` when its length is left open."""
    file.seek(4)
    header_size = _ebml_size(file)
    if header_size is None:
        return None
    file.seek(header_size, os.SEEK_CUR)
    if file.read(4) != _MATROSKA_SEGMENT:
        return None
    segment_size = _ebml_size(file)
    return None if segment_size is None else file.tell() + segment_size


def _ebml_size(file: BinaryIO) -> int | None:
    """A variable-length EBML size: leading zero bits of the first byte count the extra bytes."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - length)) - 1)]) + rest, "big")
    return None if value == (1 << (7 * length)) - 1 else value
