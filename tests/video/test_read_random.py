"""Whatever way a file is coded, packed and cut: every frame is the one that players show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdc_lib.video import probe
from tests.conftest import write_numbered_video
from tests.video.files import reference, write_live, write_trimmed, wrong_frames

FILES = 60
FRAMES = 40

CODECS = {
    "libx264": ("mp4", "mov", "mkv", "avi", "ts", "flv"),
    "libvpx-vp9": ("mp4", "mkv", "webm"),
    "mpeg4": ("mp4", "mov", "mkv", "avi", "ts"),
}


def options_of(codec: str, rng: np.random.Generator) -> dict[str, Any]:
    """Random settings of an encoder: where pictures may refer to, and where they start afresh."""
    gop = int(rng.integers(5, 30))
    if codec == "libvpx-vp9":
        hidden = {"auto-alt-ref": str(rng.integers(2)), "lag-in-frames": str(rng.integers(0, 16))}
        return {"g": str(gop), "deadline": "realtime", "cpu-used": "8", **hidden}
    if codec == "mpeg4":
        return {"g": str(gop), "bf": str(rng.integers(3))}
    settings = {
        "keyint": gop,
        "min-keyint": int(rng.integers(1, gop // 2 + 2)),
        "bframes": int(rng.integers(4)),
        "b-adapt": int(rng.integers(2)),
        "b-pyramid": str(rng.choice(["none", "normal"])),
        "ref": int(rng.integers(1, 5)),
        "open-gop": int(rng.integers(2)),
        "intra-refresh": int(rng.integers(4) == 0),
        "scenecut": 0,
    }
    return {
        "preset": "veryfast",
        "x264-params": ":".join(f"{name}={value}" for name, value in settings.items()),
    }


def write_random(folder: Path, seed: int) -> Path:
    """A file of 40 numbered frames, or of fewer of them where it is trimmed."""
    rng = np.random.default_rng(seed)
    codec = list(CODECS)[seed % len(CODECS)]
    suffix = str(rng.choice(CODECS[codec]))
    path = folder / f"{seed}.{suffix}"
    options = {"codec": codec, **options_of(codec, rng)}
    way = rng.random()
    if suffix in ("mp4", "mov") and way < 0.5:
        return write_trimmed(path, int(rng.integers(1, 20)), **options)
    if suffix in ("mkv", "webm") and way < 0.2:
        return write_live(path, "matroska", codec, FRAMES)
    return write_numbered_video(path, FRAMES, **options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FILES))
def test_every_frame_is_right(tmp_path: Path, seed: int) -> None:
    path = write_random(tmp_path, seed)
    frames = len(reference(path))
    assert probe(path).num_frames == frames
    assert wrong_frames(path, list(range(frames))) == []
