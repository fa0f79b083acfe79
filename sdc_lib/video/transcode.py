"""Write a small copy of a video that is fast to read from anywhere: Motion JPEG.

Every frame is a picture of its own, so a clip with any stride costs the frames that it shows; with
H.264, decoders run through everything in between. See ``results/benchmark_data.json``.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from sdc_lib.support.files import written_beside
from sdc_lib.video.container import ToRgb, convert_options, orientation
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.info import probe
from sdc_lib.video.reader import frames_in_order

# Containers whose index names every packet, by suffix.
CONTAINERS = {".avi": "avi", ".m4v": "mp4", ".mov": "mov", ".mp4": "mp4"}


def transcode(
    source: PathLike, target: PathLike, short_side: int = 128, quality: int = 5
) -> tuple[int, int]:
    """Copy a video as Motion JPEG, smaller, upright, without sound, frame by frame.

    The copy appears once it is complete, with the time of change of its source. Frames that were
    shown for varying times are spread evenly.

    Args:
        source: Any video.
        target: ``.mp4``, ``.m4v``, ``.mov`` or ``.avi``.
        short_side: Pixels of the shorter side; smaller videos keep their size.
        quality: JPEG quantiser, 2 (best) to 31.

    Returns:
        Frames written and bytes of the copy.

    Raises:
        ValueError: Unknown suffix, ``short_side`` below 2 or ``quality`` out of range.
        VideoError: The source cannot be decoded to its end.
    """
    end = Path(target)
    if end.suffix.lower() not in CONTAINERS:
        raise ValueError(f"{target}: the suffix must be one of {', '.join(sorted(CONTAINERS))}")
    if short_side < 2 or not 2 <= quality <= 31:
        raise ValueError(
            f"short_side is {short_side} and quality {quality}; at least 2, and 2 to 31, are right"
        )
    info = probe(source)
    changed = info.state[1]
    with written_beside(end) as beside:
        written = _write(source, beside, info.fps if info.fps > 0 else 25.0, short_side, quality)
        if written < info.num_frames:
            raise VideoError(source, f"damaged: {info.num_frames} frames listed, {written} decode")
        size = beside.stat().st_size
        os.utime(beside, ns=(changed, changed))
    return written, size


def _write(source: PathLike, path: Path, fps: float, short_side: int, quality: int) -> int:
    """Encode all frames and return how many there were."""
    rate = Fraction(fps).limit_denominator(1_001_000)
    options = {"qmin": str(quality), "qmax": str(quality), "threads": "1"}
    shrink, to_rgb = VideoReformatter(), ToRgb()
    written = 0
    with av.open(str(path), "w", format=CONTAINERS[path.suffix.lower()]) as container:
        stream = container.add_stream("mjpeg", rate=rate, options=options)
        stream.pix_fmt = "yuvj420p"
        for frame in frames_in_order(source):
            upright = frame
            if any(orientation(frame)):
                upright = av.VideoFrame.from_ndarray(to_rgb(frame).copy(), format="rgb24")
            if not written:
                stream.width, stream.height = _size(upright.width, upright.height, short_side)
            small = shrink.reformat(
                upright,
                stream.width,
                stream.height,
                "yuvj420p",
                interpolation=Interpolation.AREA,
                dst_color_range=ColorRange.JPEG,
                **convert_options(),
            )
            small.pts, small.time_base = written, 1 / rate
            container.mux(stream.encode(small))
            written += 1
        if not written:
            raise VideoError(source, "damaged: no frame can be decoded")
        container.mux(stream.encode(None))
    return written


def _size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Width and height with the shorter side ``short_side`` or less.

    Where the video shrinks, the longer side is a multiple of 8: colours are converted more than
    twice as fast at such widths.
    """
    shorter = min(width, height)
    if shorter <= short_side:
        return width, height
    longer = max(8, 8 * round(max(width, height) * short_side / shorter / 8))
    return (short_side, longer) if width == shorter else (longer, short_side)
