"""Whether frames of a file can be found by seeking: decided from its packets, never guessed.

Decoders that seek go to a key packet by its time and count frames from there. That is exact only if
every packet has a time of its own, key packets start afresh, and nothing that follows one in the
file is shown before it. Intra refresh, open groups of pictures, trims by edit list and streams
without times break one of these, and the frames that come out are others, without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av

_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")


@dataclass(frozen=True)
class PacketFacts:
    """What counts of one packet.

    Attributes:
        time: When it is shown, in ticks of the stream; ``None`` if it does not say.
        is_key: Whether the container calls it a key packet.
        is_sound: It starts afresh if it is a key packet, shows a frame, and is to be shown.
    """

    time: int | None
    is_key: bool
    is_sound: bool


def may_seek(container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    """Whether it is worth looking at the packets: what needs none of them is decided here.

    Decoders that seek choose their stream alone, and set memory aside for the length that the
    header states or suggests.
    """
    known = stream.frames or (container.duration and stream.average_rate)
    alone = len(container.streams.video) == 1
    return bool(known) and alone and container.format.name in _CONTAINERS and _knows(stream)


def facts(packet: av.Packet[Any], stream: av.VideoStream) -> PacketFacts:
    """Look at one packet of a stream for which ``may_seek`` holds."""
    is_sound = not packet.is_discard and not packet.is_corrupt
    context = stream.codec_context
    if is_sound and context.name in _HIDES:
        is_sound = not _HIDES[context.name](bytes(packet))
    if is_sound and packet.is_keyframe:
        is_sound = _STARTS_AFRESH[context.name](bytes(packet), context.extradata or b"")
    return PacketFacts(packet.pts, packet.is_keyframe, is_sound)


def is_seekable(
    packets: Sequence[PacketFacts],
    container: av.container.InputContainer,
    stream: av.VideoStream,
) -> bool:
    """Whether every frame can be found by its time.

    Args:
        packets: All packets of ``stream``, in the order of the file.
        container: Where they are from.
        stream: As ``may_seek`` allowed it.
    """
    if not packets or not packets[0].is_key or not all(packet.is_sound for packet in packets):
        return False
    times = [packet.time for packet in packets if packet.time is not None]
    if len(times) < len(packets) or len(set(times)) < len(times):
        return False
    latest_key = times[0]
    for packet, time in zip(packets, times, strict=True):
        if time < latest_key:
            return False
        latest_key = time if packet.is_key else latest_key
    return _listed_rightly(len(packets), container, stream)


def _listed_rightly(
    found: int, container: av.container.InputContainer, stream: av.VideoStream
) -> bool:
    if stream.frames:
        return stream.frames == found
    seconds = (container.duration or 0) / av.time_base
    return seconds * float(stream.average_rate or 0) < 2 * found + 100


def _knows(stream: av.VideoStream) -> bool:
    """Whether key packets of this codec, packed like this, can be looked into."""
    context = stream.codec_context
    counted = (context.extradata or b"")[:1] == b"\x01"  # lengths before units, no start codes
    return context.name in _STARTS_AFRESH and (counted or context.name not in ("h264", "hevc"))


def _units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The units of an H.264 or HEVC packet, each preceded by its length."""
    place = 0
    while place + length_size < len(data):
        start = place + length_size
        place = start + int.from_bytes(data[place:start], "big")
        yield data[start:place]


def _h264(data: bytes, extradata: bytes) -> bool:
    """Instantaneous decoder refresh, not a mere recovery point; and no other size from here on."""
    if len(extradata) < 7:
        return False
    units = list(_units(data, (extradata[4] & 3) + 1))
    kinds = {unit[0] & 31 for unit in units if unit}
    new = [unit for unit in units if unit[:1] and unit[0] & 31 == 7 and unit not in extradata]
    return 5 in kinds and 1 not in kinds and not new


def _hevc(data: bytes, extradata: bytes) -> bool:
    """Instantaneous decoder refresh (19, 20), not clean random access or a broken link."""
    if len(extradata) < 22:
        return False
    units = list(_units(data, (extradata[21] & 3) + 1))
    pictures = {kind for kind in (unit[0] >> 1 & 63 for unit in units if unit) if kind < 32}
    new = [unit for unit in units if unit[:1] and unit[0] >> 1 & 63 == 33 and unit not in extradata]
    return bool(pictures) and pictures <= {19, 20} and not new


def _vp9(data: bytes, _: bytes) -> bool:
    """Marker 2, no frame shown again, and the bit that says "key frame"; profiles 0 to 2."""
    return bool(data) and data[0] >> 6 == 2 and data[0] & 0x3C in (0x00, 0x10, 0x20)


def _vp9_hides(data: bytes) -> bool:
    """A frame that is not shown, in a packet without others."""
    shown = bool(data) and (data[0] & 0x08 or data[0] & 0x02)
    return not shown and not (data and data[-1] & 0xE0 == 0xC0)


_STARTS_AFRESH: dict[str, Callable[[bytes, bytes], bool]] = {
    "h264": _h264,
    "hevc": _hevc,
    "vp9": _vp9,
}
_HIDES: dict[str, Callable[[bytes], bool]] = {"vp9": _vp9_hides}
