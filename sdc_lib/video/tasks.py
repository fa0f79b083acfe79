"""What child processes do with one file; see `sdc_lib.video.isolate`. No torch is imported."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from sdc_lib.support.files import too_long
from sdc_lib.video.check import check_video
from sdc_lib.video.error import VideoError
from sdc_lib.video.transcode import transcode


def check(path: str, name: str) -> dict[str, Any]:
    """Decode a whole file and describe it.

    Args:
        path: The file.
        name: Its name in the data set, for the caller.

    Returns:
        ``frames``, ``fps``, ``width``, ``height`` and ``access``.

    Raises:
        VideoError: The file cannot be used.
    """
    info = check_video(path)
    return {
        "frames": info.num_frames,
        "fps": info.fps,
        "width": info.width,
        "height": info.height,
        "access": info.access,
    }


def prepare(source: str, target: str, short_side: int, quality: int) -> dict[str, Any]:
    """Write the prepared copy of a file.

    Args:
        source: The file.
        target: Where the copy goes.
        short_side: Pixels.
        quality: Quantiser.

    Returns:
        ``frames`` and ``size``, the bytes of the copy; or ``no_room``, the system's error number,
        where no further copy can be written either.

    Raises:
        VideoError: The source cannot be used, or the name of its copy is too long.
    """
    try:
        frames, size = transcode(source, target, short_side, quality)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return {"no_room": error.errno}
        if error.errno == errno.ENAMETOOLONG:
            raise VideoError(source, too_long(Path(target))) from error
        raise
    return {"frames": frames, "size": size}
