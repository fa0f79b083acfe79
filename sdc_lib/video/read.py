"""Read and write video files: exact frames in, H.264 out.

Frames are exact: frame ``i`` of the result is frame ``indices[i]`` of the file, or there is a
``VideoError``. No reader outlives the call that opened it, so that nothing is shared between
processes and broken files leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdc_lib.video.decoders import (
    decode,
    decoder_problems,
    decord_is_exact,
    frames_in_order,
    open_reader,
)
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.readers import video_backend
from sdc_lib.video.write import write_video

if TYPE_CHECKING:  # torch takes seconds to load, and the processes that check files do without it
    from torch import Tensor

__all__ = [
    "VideoError",
    "VideoInfo",
    "check_video",
    "decoder_problems",
    "probe",
    "read_clip",
    "sample_clip",
    "video_backend",
    "write_video",
]

_CHECK_CHUNK = 32


@dataclass(frozen=True)
class VideoInfo:
    """What ``probe`` knows of a file: frames, frames per second, size in pixels as decoded."""

    path: Path
    num_frames: int
    fps: float
    width: int
    height: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps if self.fps > 0 else 0.0


def probe(path: PathLike) -> VideoInfo:
    """Open a file, decode its first frame and describe it.

    Raises:
        VideoError: The file is missing, empty, cut short, or not a video.
    """
    return _info(path, open_reader(path))


def read_clip(path: PathLike, indices: Iterable[int], short_side: int | None = None) -> Tensor:
    """Read exactly the frames asked for.

    Args:
        path: Video file.
        indices: Frame numbers from 0, in any order, repeats allowed.
        short_side: Resize (bilinear, antialiased) so that the shorter side has this many pixels.

    Returns:
        uint8 tensor ``(T, H, W, C)``, RGB, with T the number of indices.

    Raises:
        ValueError: An index is outside the video, there is none, or ``short_side`` is below 1.
        VideoError: The file cannot be used.
    """
    return sample_clip(path, lambda _: indices, short_side)


def sample_clip(
    path: PathLike, choose: Callable[[int], Iterable[int]], short_side: int | None = None
) -> Tensor:
    """Read frames that are chosen once the length is known, opening the file only once.

    Args:
        path: Video file.
        choose: Gets the number of frames, returns the indices as for ``read_clip``.
        short_side: As for ``read_clip``.

    Returns:
        uint8 tensor ``(T, H, W, C)``.

    Raises:
        ValueError: As for ``read_clip``.
        VideoError: The file cannot be used.
    """
    import torch

    if short_side is not None and short_side < 1:
        raise ValueError(f"short_side is {short_side}; it must be at least 1 pixel")
    reader = open_reader(path)
    num_frames = len(reader)
    wanted = [int(index) for index in choose(num_frames)]
    if not wanted:
        raise ValueError(f"{path}: no frame indices given; at least one is needed")
    outside = [index for index in wanted if not 0 <= index < num_frames]
    if outside:
        raise ValueError(
            f"{path}: frame index {outside[0]} is out of range; the video has {num_frames} "
            f"frames, 0 to {num_frames - 1}"
        )
    frames = torch.from_numpy(decode(path, reader, wanted))  # (T, H, W, C)
    return frames if short_side is None else _resize_short_side(frames, short_side)


def check_video(path: PathLike) -> VideoInfo:
    """Decode a whole file, with decord as training reads it and with PyAV as a second opinion.

    Far slower than ``probe``: meant to run once per file, in a child process, because a damaged
    file may crash a decoder.

    Raises:
        VideoError: The file cannot be used, or any of its frames cannot be decoded.
    """
    reader = open_reader(path)
    info = _info(path, reader)
    if decord_is_exact(path):
        for start in range(0, info.num_frames, _CHECK_CHUNK):
            decode(path, reader, range(start, min(start + _CHECK_CHUNK, info.num_frames)))
    decoded = sum(1 for _ in frames_in_order(path))
    if decoded < info.num_frames:
        raise VideoError(path, f"damaged: {info.num_frames} frames listed, {decoded} decode")
    return info


def _info(path: PathLike, reader: Any) -> VideoInfo:
    height, width = decode(path, reader, [0]).shape[1:3]
    return VideoInfo(Path(path), len(reader), float(reader.get_avg_fps()), width, height)


def _resize_short_side(frames: Tensor, short_side: int) -> Tensor:
    """Resize uint8 ``(T, H, W, C)``, keeping the aspect ratio."""
    import torch

    height, width = frames.shape[1:3]
    scale = short_side / min(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    if size == (height, width):
        return frames
    resized = torch.nn.functional.interpolate(
        frames.permute(0, 3, 1, 2), size=size, mode="bilinear", antialias=True
    )
    return resized.permute(0, 2, 3, 1).contiguous()  # (T, C, H, W) -> (T, H, W, C)
