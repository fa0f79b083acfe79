"""Fixtures shared by all tests: small videos whose frames say which frame they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib.datasets.motion_factors import Size, make_motion_factors

if TYPE_CHECKING:  # torch is imported by the tests that need it
    from sdc_lib.datasets.base import VideoDataset
    from sdc_lib.pretraining import PretrainResult
    from tests.helpers.small_runs import Train

NumberedWriter = Callable[..., Path]


def numbered_frame(number: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A frame that shows ``number`` (0 to 255) as eight big blocks, which survive compression."""
    bits = np.array([number >> bit & 1 for bit in range(8)], np.uint8).reshape(2, 4)
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 4 // width
    grey = 40 + 180 * bits[rows][:, columns]
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


def frame_numbers(frames: object) -> list[int]:
    """The numbers shown by frames ``(T, H, W, C)``."""
    numbers = []
    for frame in np.asarray(frames):
        height, width = frame.shape[:2]
        bright = [
            frame[height * (2 * row + 1) // 4, width * (2 * column + 1) // 8].mean() > 128
            for row in range(2)
            for column in range(4)
        ]
        numbers.append(sum(int(bit) << place for place, bit in enumerate(bright)))
    return numbers


def write_numbered_video(
    path: Path,
    num_frames: int = 40,
    *,
    height: int = 48,
    width: int = 64,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    container_options: dict[str, str] | None = None,
    **codec_options: str,
) -> Path:
    """Write a numbered video with PyAV alone, so that reading is tested against another writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=codec_options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        for number in range(num_frames):
            image = numbered_frame(number, height, width)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def numbered_video(tmp_path: Path) -> NumberedWriter:
    """A function that writes a numbered video; a bare name goes below ``tmp_path``."""

    def write(name: str | Path = "numbered.mp4", num_frames: int = 40, **options: object) -> Path:
        return write_numbered_video(tmp_path / name, num_frames, **options)  # type: ignore[arg-type]

    return write


@pytest.fixture(scope="session")
def motion_factors_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MotionFactors of 100 small, short videos a split, made once; read only."""
    root = tmp_path_factory.mktemp("motion_factors")
    size = Size(side=40, num_frames=24, train=100, val=100, test=100)
    return make_motion_factors(root, size, seed=7, progress=False)


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    """A dozen videos of moving noise; read only."""
    from tests.helpers.small_runs import make_videos

    return make_videos(tmp_path_factory.mktemp("noise"))


@pytest.fixture
def train(noise: VideoDataset, tmp_path: Path) -> Train:
    """Pretrain in a fresh folder, on noise and without a bar."""
    from sdc_lib.pretraining import pretrain
    from tests.helpers.small_runs import CONFIG

    def run(config: Any = CONFIG, name: str = "run", **options: Any) -> PretrainResult:
        return pretrain(config, tmp_path / name, **{"videos": noise, "progress": False, **options})

    return run
