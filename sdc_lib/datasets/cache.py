"""Keep decoded videos in memory, for data sets that are small and read over and over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor

from sdc_lib.video import VideoError, sample_clip


class FrameCache:
    """Reads like `sdc_lib.video.read.sample_clip`, but decodes a video that fits only once.

    Every process has its own. Once the cache is full, further videos are read from their files.

    Args:
        limit_mb: Megabytes of frames to keep.
    """

    def __init__(self, limit_mb: int) -> None:
        self._room = limit_mb * 1_000_000
        self._videos: dict[Path, Tensor] = {}

    def __call__(self, path: Path, choose: Callable[[int], Iterable[int]]) -> Tensor:
        """Return the frames chosen, uint8 ``(T, H, W, C)``.

        Raises:
            VideoError: The file cannot be used.
        """
        if path not in self._videos and self._room > 0:
            self._keep(path)
        if path in self._videos:
            frames = self._videos[path]
            return frames[list(choose(len(frames)))]
        return sample_clip(path, choose)

    def _keep(self, path: Path) -> None:
        try:
            frames = sample_clip(path, range)
        except VideoError:
            return  # perhaps the frames that will be chosen are whole
        if frames.numel() <= self._room:
            self._videos[path] = frames
            self._room -= frames.numel()
