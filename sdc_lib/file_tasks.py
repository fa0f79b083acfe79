"""What child processes do with one file; see `sdc_lib.isolated`. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from sdc_lib.video import check_video


def check(path: str, name: str) -> dict[str, Any]:
    """Decode a whole file and describe it.

    Args:
        path: The file.
        name: Its name in the data set, for the caller.

    Returns:
        ``frames``, ``fps``, ``width`` and ``height``.

    Raises:
        VideoError: The file cannot be used.
    """
    info = check_video(path)
    return {
        "frames": info.num_frames,
        "fps": info.fps,
        "width": info.width,
        "height": info.height,
    }
