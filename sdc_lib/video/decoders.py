"""Open video files and decode exact frames: decord where it is exact, PyAV everywhere else.

decord finds a frame by its time stamp. Where time stamps are missing (AVI with B-frames), unknown
in advance (MPEG streams) or reordered across key frames (MPEG-4 part 2 and HEVC with B-frames) it
returns a neighbour without a word. Those files are decoded in order from the start instead.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.readers import (
    JpegReader,
    TorchcodecReader,
    open_container,
    special_reader,
)
from sdc_lib.video.truncated import stated_size

_DECORD_DISTRIBUTIONS = ("decord", "decord2", "eva-decord")
# Share of frames that decord may replace by a neighbour before it says so: none.
_NO_REPLACED_FRAMES = 1e-9
# FFmpeg's names of the containers, and of the codecs with B-frames, for which decord is exact.
_EXACT_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_EXACT_WITH_B_FRAMES = ("h264",)
_EXACT_WITHOUT_B_FRAMES = (*_EXACT_CONTAINERS, "avi", "flv")


def open_reader(path: PathLike) -> Any:
    """Return a reader with one decoding thread, after the checks that cost nothing.

    It is decord's, or a `FrameReader` where ``special_reader`` has one for the file.

    Raises:
        VideoError: The file is missing, empty, cut short, or not a video.
    """
    file = Path(path)
    if not file.exists():
        raise VideoError(path, "no such file")
    if not file.is_file():
        raise VideoError(path, "not a file")
    size = file.stat().st_size
    if size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    try:
        stated = stated_size(file)
    except OSError as error:
        raise VideoError(path, f"cannot be read: {error.strerror}") from error
    if stated is not None and stated > size:
        raise VideoError(path, f"truncated: {size} bytes of the {stated} that its header states")
    special = special_reader(path)
    if special is not None:
        return special
    try:
        # An absolute path, for FFmpeg takes `name:rest` for a network protocol.
        return _decord().VideoReader(
            os.path.abspath(path), num_threads=1, fault_tol=_NO_REPLACED_FRAMES
        )
    except ImportError:
        raise
    except Exception as error:
        raise VideoError(path, f"not a readable video ({_first_line(error, path)})") from error


def decode(path: PathLike, reader: Any, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Decode frames that exist.

    Args:
        path: The file that ``reader`` has open.
        reader: From ``open_reader``.
        indices: Frame numbers in any order, at least one, all inside the video.

    Returns:
        uint8 array ``(T, H, W, C)``, RGB.

    Raises:
        VideoError: A frame cannot be decoded.
    """
    if isinstance(reader, JpegReader):
        return reader.read_frames(indices)
    if decord_is_exact(path):
        try:
            if isinstance(reader, TorchcodecReader):
                return reader.read_frames(indices)
            return cast("NDArray[np.uint8]", reader.get_batch(list(indices)).asnumpy())
        except Exception as error:
            # decord cannot copy frames of some widths (32, 48, 96, 144), and torchcodec cannot seek
            # in open groups of pictures: not the file's fault
            own_limit = isinstance(reader, TorchcodecReader) or "size must exactly" in str(error)
            if not own_limit:
                raise VideoError(path, _decoding_cause(error, path)) from error
    found: dict[int, NDArray[np.uint8]] = {}
    wanted = frozenset(indices)
    last = max(wanted)
    for number, frame in enumerate(frames_in_order(path)):
        if number in wanted:
            found[number] = to_rgb(frame)
        if number == last:
            return np.stack([found[index] for index in indices])
    raise VideoError(path, f"damaged: frame {last} is listed but cannot be decoded")


def frames_in_order(path: PathLike) -> Iterator[av.VideoFrame]:
    """Decode a file with PyAV from its first frame on.

    Raises:
        VideoError: A frame cannot be decoded, or is marked as corrupt.
    """
    number = 0
    try:
        with open_container(path) as container:
            for frame in container.decode(video=0):
                if frame.is_corrupt:
                    raise VideoError(path, f"damaged: frame {number} is marked as corrupt")
                yield frame
                number += 1
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(path, f"damaged after frame {number}: {error}") from error


@functools.lru_cache(maxsize=4096)
def _exact(path: str, size: int, changed_ns: int) -> bool:
    """`decord_is_exact` of a file in one state: ``size`` and ``changed_ns`` are part of the key."""
    try:
        with open_container(path) as container:
            context = container.streams.video[0].codec_context
            kind = container.format.name
            if not context.has_b_frames:
                return kind in _EXACT_WITHOUT_B_FRAMES
            return kind in _EXACT_CONTAINERS and context.name in _EXACT_WITH_B_FRAMES
    except (av.error.FFmpegError, ValueError):
        return False


def decord_is_exact(path: PathLike) -> bool:
    """Whether decord and torchcodec find the frames asked for: by container, codec and B-frames."""
    state = os.stat(path)
    return _exact(os.path.abspath(path), state.st_size, state.st_mtime_ns)


def to_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """An upright RGB image ``(H, W, C)``: rotation metadata is applied, as decord does."""
    image = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24"))
    return np.rot90(image, frame.rotation // 90) if frame.rotation else image


def decoder_problems() -> list[str]:
    """What is wrong with the installed decoder, each with its cure; empty when all is well."""
    installed = []
    for name in _DECORD_DISTRIBUTIONS:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    if len(installed) > 1:
        return [
            f"{' and '.join(installed)} are installed together; they overwrite each other's "
            "module `decord`. Cure: pip uninstall -y decord eva-decord decord2 && "
            "pip install decord2"
        ]
    try:
        _decord()
    except Exception as error:
        return [f"the video decoder cannot be imported ({error}). Cure: pip install decord2"]
    if installed and not installed[0].startswith("decord2 "):
        return [
            f"{installed[0]} is installed where decord2 is expected. Cure: "
            f"pip uninstall -y {installed[0].split()[0]} && pip install decord2"
        ]
    return []


@functools.cache
def _decord() -> ModuleType:
    """Import decord on first use and keep FFmpeg's warnings off the terminal."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    return cast(ModuleType, decord)


def _decoding_cause(error: Exception, path: PathLike) -> str:
    if "duplicate frames" in str(error):
        return "damaged: some frames cannot be decoded (neighbours would take their place)"
    return f"damaged: cannot be decoded ({_first_line(error, path)})"


def _first_line(error: Exception, path: PathLike) -> str:
    """Return the message without decord's time stamps, source positions, stack and whole path."""
    text = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", str(error)).strip()
    text = text.replace(os.path.abspath(path), os.path.basename(path))
    return (text.splitlines() or [type(error).__name__])[0][:160]
