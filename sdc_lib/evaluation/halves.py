"""The two halves of the video's concept scores, and how they are used."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax
from sklearn.metrics import normalized_mutual_info_score

from sdc_lib.codebook import perplexity
from sdc_lib.features.store import Features, Floats, Ints

HALVES = ("static", "dynamic")
TEMPERATURE = 0.1
"""τ of the distributions that probes see: part of the protocol, whatever a network trained with."""


@dataclass(frozen=True)
class Usage:
    """How a half of the concepts is used by the test videos.

    Attributes:
        perplexity: exp of the entropy of the mean distribution: how many concepts it amounts to.
        used: Concepts that are the strongest of at least one video.
        total: K.
    """

    perplexity: float
    used: int
    total: int

    def __str__(self) -> str:
        """As a table."""
        return f"perplexity {self.perplexity:.1f}, {self.used} of {self.total} in use"


def halves_of(features: Features, stream: str = "video") -> dict[str, Floats]:
    """Static and dynamic half ``(N, K)`` of a stream's scores; empty where there are none."""
    scores = features.scores.get(stream)
    if scores is None or scores.shape[1] == 0:
        return {}
    return dict(zip(HALVES, np.split(scores, 2, axis=1), strict=True))


def usage(scores: Floats, temperature: float = TEMPERATURE) -> Usage:
    """Perplexity and usage of one half from its scores ``(N, K)``."""
    mean = torch.from_numpy(distribution(scores, temperature).mean(axis=0))
    used = len(np.unique(scores.argmax(axis=1)))
    return Usage(float(perplexity(mean)), used, scores.shape[1])


def strongest_nmi(scores: Floats, targets: Ints) -> float:
    """Normalised mutual information, 0 to 100, of the strongest concept with a labelling."""
    return 100 * float(normalized_mutual_info_score(targets, scores.argmax(axis=1)))


def distribution(scores: Floats, temperature: float = TEMPERATURE) -> Floats:
    """Concept distribution softmax(p / temperature) of one half from its scores, ``(N, K)``."""
    return np.asarray(softmax(scores / temperature, axis=1), dtype=np.float32)
