"""From clips to videos: means over the clips of each video."""

import torch
from torch import Tensor


class VideoMeans:
    """Means over the clips of every video, of rows that come batch by batch; sums are float64.

    Args:
        num_videos: N.

    Attributes:
        counts: Clips of every video so far, ``(N,)``.
    """

    def __init__(self, num_videos: int) -> None:
        self.counts = torch.zeros(num_videos, dtype=torch.int64)
        self._sums: Tensor | None = None

    def add(self, rows: Tensor, videos: Tensor) -> "VideoMeans":
        """Take in rows ``(B, D)`` of clips and the positions ``(B,)`` of their videos."""
        if self._sums is None:
            self._sums = torch.zeros(len(self.counts), rows.shape[1], dtype=torch.float64)
        self._sums.index_add_(0, videos, rows.cpu().double())
        self.counts += torch.bincount(videos, minlength=len(self.counts))
        return self

    def result(self) -> Tensor:
        """The means, float64 ``(N, D)``; zeros for a video without clips.

        Raises:
            ValueError: If there were no rows.
        """
        if self._sums is None:
            raise ValueError("there are no clips to take means over")
        return self._sums / self.counts.clamp(min=1)[:, None]
