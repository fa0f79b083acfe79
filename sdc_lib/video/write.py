"""Write H.264 video files with PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.support.files import written_beside

if TYPE_CHECKING:
    from torch import Tensor


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[NDArray[np.uint8] | Tensor],
    fps: float = 25.0,
    crf: int = 18,
    gop: int = 12,
    preset: str = "medium",
) -> None:
    """Write H.264 (libx264, yuv420p); the file appears only once it is complete.

    Args:
        path: Target; its suffix chooses the container (``.mp4``, ``.mkv``, ``.avi``, ...).
        frames: uint8 RGB frames ``(H, W, 3)``, or one array or tensor ``(T, H, W, 3)``.
        fps: Frames per second.
        crf: Constant rate factor, 0 (lossless) to 51.
        gop: Frames between key frames; 1 makes every frame independent of all others.
        preset: libx264's speed preset.

    Raises:
        ValueError: No frames, wrong shape or type, odd height or width, or ``fps`` not positive.
    """
    if not fps > 0:
        raise ValueError(f"fps is {fps}; it must be positive")
    target = Path(path)
    options = {"crf": str(crf), "g": str(gop), "preset": preset, "threads": "1"}
    with written_beside(target) as beside:
        _encode(beside, frames, Fraction(fps).limit_denominator(1_001_000), options)


def _encode(
    path: Path,
    frames: Iterable[NDArray[np.uint8] | Tensor],
    rate: Fraction,
    options: dict[str, str],
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"
        shape: tuple[int, ...] | None = None
        for frame in frames:
            image = np.ascontiguousarray(frame)
            if shape is None:
                shape = image.shape
                _check_frame(image)
                stream.height, stream.width = shape[:2]
            if image.shape != shape or image.dtype != np.uint8:
                raise ValueError(
                    f"a frame is {image.dtype} {image.shape}; all must be uint8 {shape}"
                )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        if shape is None:
            raise ValueError(f"{path.name}: no frames to write")
        container.mux(stream.encode(None))


def _check_frame(image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a frame is {image.dtype} {image.shape}; it must be uint8 (H, W, 3)")
    if image.shape[0] % 2 or image.shape[1] % 2 or 0 in image.shape:
        raise ValueError(
            f"frames are {image.shape[1]} x {image.shape[0]} pixels; yuv420p needs an even "
            "width and height"
        )
