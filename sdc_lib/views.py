"""The six views of a video: what it shows, what is in it, and how it moves.

A clip shows appearance and motion together. Freezing one frame keeps only the appearance (the
*static view*); subtracting neighbouring frames keeps mostly the motion (the *frame difference*).
Two consecutive clips of one video, each seen in these three ways, make the six views
``[v1, v2, s1, s2, d1, d2]`` that all later modules work on. Notebook 01 explains this module.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), section on static and dynamic views.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from sdc_lib.support.checks import require

Boundary = Literal["wrap", "zero"]
Stream = Literal["video", "static", "dynamic"]

STREAMS: tuple[Stream, ...] = ("video", "static", "dynamic")
VIEW_NAMES = ("v1", "v2", "s1", "s2", "d1", "d2")
VIEWS_OF: dict[Stream, tuple[int, int]] = {"video": (0, 1), "static": (2, 3), "dynamic": (4, 5)}
PAIR_OF: dict[Stream, slice] = {s: slice(i, k + 1) for s, (i, k) in VIEWS_OF.items()}
"""`VIEWS_OF` to index tensors with: a list of numbers would be sent to the device first."""


def static_view(clip: Tensor, index: int) -> Tensor:
    """Repeat one frame for the whole length of the clip.

    Args:
        clip: A clip or a batch of clips, ``(..., C, T, H, W)``.
        index: Which frame to keep, ``0 <= index < T``.

    Returns:
        A tensor of the same shape in which every frame is frame ``index``.

    Raises:
        ValueError: If the tensor has fewer than four dimensions or the index is outside the clip.
    """
    _check_clip(clip)
    frames = clip.shape[-3]
    if not 0 <= index < frames:
        raise ValueError(
            f"frame index {index} is outside a clip of {frames} frames (0..{frames - 1})"
        )
    return clip[..., index : index + 1, :, :].expand_as(clip).contiguous()


def frame_difference(clip: Tensor, boundary: Boundary = "wrap") -> Tensor:
    """Subtract from every frame the one before it: ``x[t] - x[t-1]``.

    The first frame has no predecessor. The released code lets it wrap round to the last frame,
    which puts the change over the whole clip into it; ``"zero"`` leaves it empty.

    Args:
        clip: Normalised, floating-point clips, ``(..., C, T, H, W)``.
        boundary: What stands in the first frame, ``"wrap"`` (released) or ``"zero"``.

    Returns:
        The differences, same shape.

    Raises:
        ValueError: If the tensor is not a clip, is not floating point (unsigned bytes would wrap
            below zero) or the boundary is unknown.
    """
    _check_clip(clip)
    if not clip.is_floating_point():
        raise ValueError(
            f"differences need a floating-point clip, got {clip.dtype}; normalise it first"
        )
    require(boundary in ("wrap", "zero"), "boundary must be 'wrap' or 'zero'", repr(boundary))
    difference = clip - clip.roll(1, dims=-3)
    if boundary == "zero":
        difference[..., 0, :, :] = 0
    return difference


def six_views(
    clips: Tensor,
    frame_index: int,
    augment: Callable[[Tensor], Tensor],
    boundary: Boundary = "wrap",
) -> Tensor:
    """Build the six views of one video from two consecutive clips.

    Each clip is augmented once for the video view and once more, independently, for the static
    view. The dynamic view is the difference of the *augmented* clip, so that it moves over the
    same crop that the video view shows.

    Args:
        clips: Two clips of one video, ``(2, C, T, H, W)``.
        frame_index: Which frame the static views freeze, the same in both clips.
        augment: A random transform ``(C, T, H, W) -> (C, T, H', W')`` that treats all frames of a
            clip alike and returns normalised floats.
        boundary: See `frame_difference`.

    Returns:
        ``[v1, v2, s1, s2, d1, d2]``, ``(6, C, T, H', W')``.

    Raises:
        ValueError: If there are not exactly two clips or the frame index is outside them.
    """
    two = clips.ndim == 5 and clips.shape[0] == 2
    require(two, "six_views needs two clips (2, C, T, H, W)", clips)
    videos = torch.stack([augment(clip) for clip in clips])  # (2, C, T, H', W')
    stills = torch.stack([augment(static_view(clip, frame_index)) for clip in clips])
    return assemble_views(videos, stills, boundary)


def assemble_views(videos: Tensor, stills: Tensor, boundary: Boundary = "wrap") -> Tensor:
    """Stack video views, static views and differences in the order used everywhere.

    This is the batched half of `six_views`, for clips that are augmented already.

    Args:
        videos: Augmented, normalised clips, ``(..., 2, C, T, H, W)``.
        stills: Augmented, normalised still frames, ``(..., 2, C, 1 or T, H, W)``.
        boundary: See `frame_difference`.

    Returns:
        ``(..., 6, C, T, H, W)``.

    Raises:
        ValueError: If there are not two clips and two stills of one size.
    """
    two = videos.ndim >= 5 and videos.shape[-5] == 2
    require(two, "clips must be (..., 2, C, T, H, W)", videos)
    one_frame = (*videos.shape[:-3], 1, *videos.shape[-2:])
    fit = tuple(stills.shape) in (one_frame, tuple(videos.shape))
    require(fit, f"stills for clips {tuple(videos.shape)} must be {one_frame}", stills)
    differences = frame_difference(videos, boundary)
    return torch.cat([videos, stills.expand_as(videos), differences], dim=-5)


def moving_views(videos: Tensor, boundary: Boundary = "wrap") -> Tensor:
    """Stack video views and frame differences: `assemble_views` without the static views.

    Training augments in the loader and calls this on the device: static views stay single frames.

    Args:
        videos: Augmented, normalised clips, ``(..., 2, C, T, H, W)``.
        boundary: See `frame_difference`.

    Returns:
        ``[v1, v2, d1, d2]``, ``(..., 4, C, T, H, W)``.
    """
    return torch.cat([videos, frame_difference(videos, boundary)], dim=-5)


def _check_clip(clip: Tensor) -> None:
    require(clip.ndim >= 4, "a clip has the shape (..., C, T, H, W)", clip)
