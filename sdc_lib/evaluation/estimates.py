"""Numbers with their 95% bootstrap intervals over the test videos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% bootstrap interval over the test videos."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As a table."""
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"


def bootstrap_draws(videos: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each video counts: once in the first row, the data, then as drawn again.

    Returns:
        int64, ``(1 + resamples, videos)``; rows sum to the number of videos.
    """
    draws = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), resamples)
    return np.concatenate([np.ones((1, videos), dtype=np.int64), draws])


def interval(values: NDArray[np.float64]) -> Estimate:
    """The first value, that of the data, with the middle 95% of the rest, those of resamples."""
    low, high = np.percentile(values[1:], [2.5, 97.5]) if len(values) > 1 else (values[0],) * 2
    return Estimate(float(values[0]), float(low), float(high))
