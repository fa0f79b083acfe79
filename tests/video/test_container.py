"""Streams, colours and orientation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib.video import probe, read_clip
from sdc_lib.video.transcode import transcode
from tests.conftest import write_numbered_video
from tests.video.files import turn

# Display matrices (a, b, c, d), and what they make of an image (H, W, C).
Image = NDArray[np.uint8]
TURNS: dict[str, tuple[tuple[int, int, int, int], Callable[[Image], Image]]] = {
    "half": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "right": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "left": ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transposed": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    "other diagonal": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_display_matrices(tmp_path: Path, name: str, codec: str) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_numbered_video(tmp_path / "a.mp4", 12, codec=codec, pix_fmt=pix_fmt)
    plain = read_clip(path, [9, 2]).numpy()
    numbers, expected = TURNS[name]
    turn(path, *numbers)
    info = probe(path)
    turned = read_clip(path, [9, 2]).numpy()
    assert turned.shape[1:3] == (info.height, info.width)
    for image, before in zip(turned, plain, strict=True):
        assert np.abs(image.astype(int) - expected(before)).mean() < 2
    transcode(path, tmp_path / "copy.mp4")
    copied = read_clip(tmp_path / "copy.mp4", [9, 2]).numpy()
    assert np.abs(copied.astype(int) - turned).mean() < 6
