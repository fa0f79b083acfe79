"""Reading needs the memory of what it returns, however many frames are decoded on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_numbered_video

FRAMES, HEIGHT, WIDTH = 240, 480, 640
FRAME_MB = 3 * HEIGHT * WIDTH / 1e6

SCRIPT = """
import resource, sys
import torch
import sdc_lib.video.read as module

module._BLOCK_BYTES = 2**23  # 9 frames

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

module.read_clip(sys.argv[1], range(40), 32)  # buffers, code
before = peak()
frames = module.read_clip(sys.argv[1], range(int(sys.argv[2])), 32)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize("suffix", ["mp4", "ts"])  # seekable, and in order only
def test_memory_does_not_grow_with_length(tmp_path: Path, suffix: str) -> None:
    path = write_numbered_video(tmp_path / f"long.{suffix}", FRAMES, height=HEIGHT, width=WIDTH)
    command = [sys.executable, "-c", SCRIPT, str(path), str(FRAMES)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 20 * FRAME_MB, "200 frames more took the memory of 20"
