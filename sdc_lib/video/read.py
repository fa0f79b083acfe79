"""Read exact frames: frame ``i`` of the result is frame ``indices[i]`` of the file.

Or there is a `VideoError`. No reader outlives the call that opened it, so that nothing is shared
between processes and broken files leave nothing behind.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdc_lib.video.choose import open_reader
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.info import VideoInfo, probe

if TYPE_CHECKING:  # torch takes seconds to load, and the processes that check files do without it
    from torch import Tensor

_MOST_BYTES = 4 * 10**9  # in one clip: 32 frames of 7680 x 4320 fit
# Frames are decoded and resized this many bytes at a time, and at least one.
_BLOCK_BYTES = 64 * 2**20


def read_clip(path: PathLike, indices: Iterable[int], short_side: int | None = None) -> Tensor:
    """Read exactly the frames asked for.

    Args:
        path: Video file.
        indices: Frame numbers from 0, in any order, repeats allowed.
        short_side: Resize (bilinear, antialiased) so that the shorter side has this many pixels.
            Done while reading, so that long videos need the memory of the result alone.

    Returns:
        uint8 tensor ``(T, H, W, C)``, RGB, with T the number of indices.

    Raises:
        ValueError: An index is outside the video, there is none, or ``short_side`` is below 1.
        VideoError: The file cannot be used.
    """
    return sample_clip(path, lambda _: indices, short_side)


def sample_clip(
    path: PathLike,
    choose: Callable[[int], Iterable[int]],
    short_side: int | None = None,
    info: VideoInfo | None = None,
) -> Tensor:
    """Read frames that are chosen once the length is known.

    Args:
        path: Video file.
        choose: Gets the number of frames, returns the indices as for ``read_clip``.
        short_side: As for ``read_clip``.
        info: What `probe` found, where somebody kept it; of no use once the file has changed.

    Returns:
        uint8 tensor ``(T, H, W, C)``.

    Raises:
        ValueError: As for ``read_clip``.
        VideoError: The file cannot be used.
    """
    if short_side is not None and (_is_boolean(short_side) or short_side % 1 or short_side < 1):
        raise ValueError(f"short_side is {short_side}; it must be a whole number, at least 1 pixel")
    info = info if info is not None and info.is_current else probe(path)
    chosen = list(choose(info.num_frames))
    if any(map(_is_boolean, chosen)):
        raise ValueError(f"{path}: frames are chosen by their numbers, not by a mask of booleans")
    wanted = np.asarray([operator.index(index) for index in chosen], np.int64)
    if not wanted.size:
        raise ValueError(f"{path}: no frame indices given; at least one is needed")
    outside = wanted[(wanted < 0) | (wanted >= info.num_frames)]
    if outside.size:
        raise ValueError(
            f"{path}: frame index {outside[0]} is out of range; the video has {info.num_frames} "
            f"frames, 0 to {info.num_frames - 1}"
        )
    size = resized_size(info.height, info.width, short_side)
    needed_bytes = 3 * wanted.size * size[0] * size[1]
    if needed_bytes > _MOST_BYTES:
        raise VideoError(
            path,
            f"{wanted.size} frames of {size[1]} x {size[0]} pixels take {needed_bytes / 1e9:.1f} "
            f"GB, more than {_MOST_BYTES / 1e9:g}; read fewer or smaller ones (short_side, or "
            "sdc data prepare)",
        )
    return _read(info, wanted, size)


def _is_boolean(value: object) -> bool:
    """Of Python, NumPy or torch; as an index it would be 0 or 1."""
    return str(getattr(value, "dtype", type(value).__name__)).endswith("bool")


def resized_size(height: int, width: int, short_side: int | None) -> tuple[int, int]:
    """Height and width with the shorter side ``short_side``, the longer rounded down.

    As torchvision does it, so that reading small and resizing later are one and the same.
    """
    shorter = min(height, width)
    side = shorter if short_side is None else short_side
    return int(side * height / shorter), int(side * width / shorter)


def _read(info: VideoInfo, wanted: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
    """Read increasing frames block by block, then put them in the order that is wanted."""
    import torch

    needed, places = np.unique(wanted, return_inverse=True)
    in_block = max(1, _BLOCK_BYTES // (3 * info.width * info.height))
    reader = open_reader(info, dense=len(needed) > max(in_block, needed[-1] // 2))
    if len(needed) <= in_block:
        frames = _resize(torch.from_numpy(reader.read(needed.tolist())), size)
    else:
        frames = torch.empty((len(needed), *size, 3), dtype=torch.uint8)
        for start in range(0, len(needed), in_block):
            block = reader.read(needed[start : start + in_block].tolist())
            frames[start : start + in_block] = _resize(torch.from_numpy(block), size)
    in_order = len(needed) == len(wanted) and bool((needed == wanted).all())
    return frames if in_order else frames[torch.from_numpy(places)]


def _resize(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize uint8 ``(T, H, W, C)``."""
    import torch

    if size == frames.shape[1:3]:
        return frames
    resized = torch.nn.functional.interpolate(
        frames.permute(0, 3, 1, 2), size=size, mode="bilinear", antialias=True
    )
    return resized.permute(0, 2, 3, 1).contiguous()  # (T, C, H, W) -> (T, H, W, C)
