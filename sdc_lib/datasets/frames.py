"""Which video when, and which frames make a clip: pure functions of seeds and lengths.

Every random choice of a sample comes from a generator seeded with (seed, epoch, index), so neither
the number of workers nor an interruption changes what is seen.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
ClipStarts = Literal["dense", "ten", "centre"]


class SampleKey(NamedTuple):
    """Which sample of which epoch; what a sampler hands to the loader."""

    epoch: int
    index: int  # type: ignore[assignment]  # hides tuple.index


def epoch_order(seed: int, epoch: int, length: int) -> Indices:
    """The order in which an epoch visits the videos, int64 ``(length,)``; that of every rank."""
    return np.random.default_rng([seed, epoch]).permutation(length)


def sample_generator(
    seed: int, key: SampleKey | int, length: int
) -> tuple[np.random.Generator, SampleKey]:
    """Return the generator of one sample, and the sample's full key (epoch 0 for a bare index).

    Raises:
        IndexError: The index is not in ``[0, length)``.
    """
    sample = key if isinstance(key, SampleKey) else SampleKey(0, int(key))
    if not 0 <= sample.index < length:
        raise IndexError(f"sample {sample.index} of {length}")
    return np.random.default_rng([seed, sample.epoch, sample.index]), sample


def pair_indices(
    length: int,
    num_frames: int,
    max_stride: float,
    rng: np.random.Generator,
    own_strides: bool = False,
    same_frames: bool = False,
) -> Indices:
    """Frames of two consecutive clips with one random stride, or one each.

    The stride is drawn from ``[1, max_stride]``, limited so that both clips fit; it is fractional,
    and indices are rounded. A video of fewer frames is shown slowly, each frame repeated about
    equally often, so that both clips still move.

    Args:
        length: Frames in the video, at least 1.
        num_frames: T, frames in a clip.
        max_stride: Largest stride, at least 1.
        rng: Source of the stride and the start.
        own_strides: Draw a stride for each clip (ours): the pair then shows the same motion at two
            speeds.
        same_frames: Draw only one clip, to be shown twice (ours).

    Returns:
        int64 ``(2T,)``: clip 1, then clip 2, not decreasing, within the video; ``(T,)`` with
        `same_frames`.

    Source: Qian et al., ECCV 2022 (arXiv 2207.12795), and its released code.
    """
    shown = num_frames if same_frames else 2 * num_frames
    fitting = (length - 1) / max(1, shown - 1)
    largest = max(1.0, min(max_stride, fitting))
    first = min(fitting, rng.uniform(1, largest))
    second = min(fitting, rng.uniform(1, largest)) if own_strides else first
    offsets = first * np.arange(shown)
    offsets[num_frames:] += (second - first) * np.arange(shown - num_frames)
    fills = first == second == fitting
    start = 0.0 if fills else rng.uniform(0, max(0.0, length - 1 - offsets[-1]))
    indices: Indices = np.rint(start + offsets).astype(np.int64)
    return indices.clip(0, length - 1)


def train_indices(length: int, num_frames: int, stride: int, rng: np.random.Generator) -> Indices:
    """Frames of one clip at a random start, int64 ``(T,)``; short videos as in `eval_indices`."""
    room = max(0, length - _span(num_frames, stride))
    return _clip_at(int(rng.integers(room + 1)), length, num_frames, stride)


def eval_indices(
    length: int,
    num_frames: int,
    stride: int,
    clips: ClipStarts,
) -> Indices:
    """Frames of the clips by which a video is judged.

    Args:
        length: Frames in the video, at least 1.
        num_frames: T, frames in a clip.
        stride: Frames from one frame of a clip to the next.
        clips: ``"dense"``: starts 0, s, 2s, ... with ``s = T * stride // 2 - 1``, about half a
            clip, as long as a clip fits: up to ``s - 1`` frames at the end are in none;
            ``"ten"``: ten starts from the first to the last possible; ``"centre"``: one.

    Returns:
        int64 ``(n, T)``. A video too short for one clip repeats its first frame before it.

    Raises:
        ValueError: Unknown ``clips``.
    """
    room = max(0, length - _span(num_frames, stride))
    if clips == "dense":
        starts = list(range(0, room + 1, max(1, num_frames * stride // 2 - 1)))
    elif clips == "ten":
        starts = [round(start) for start in np.linspace(0, room, 10).tolist()]
    elif clips == "centre":
        starts = [room // 2]
    else:
        raise ValueError(f"clips is {clips!r}; it must be 'dense', 'ten' or 'centre'")
    return np.stack([_clip_at(start, length, num_frames, stride) for start in starts])


def _span(num_frames: int, stride: int) -> int:
    return (num_frames - 1) * stride + 1


def _clip_at(start: int, length: int, num_frames: int, stride: int) -> Indices:
    missing = max(0, _span(num_frames, stride) - length)
    indices = start - missing + stride * np.arange(num_frames, dtype=np.int64)
    return np.clip(indices, 0, length - 1)
