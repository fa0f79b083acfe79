"""What the concepts are: how many are in use, how alike they are, what they stand for, and where.

All measures take the concept scores of a split's videos (`Features`) or the codebook itself; none
needs labels except purity.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.preprocessing import scale
from torch import Tensor

from sdc_lib.evaluation.factors import known_factors
from sdc_lib.evaluation.halves import HALVES, Usage, halves_of, strongest_nmi, usage
from sdc_lib.features.store import Features, Ints
from sdc_lib.model import SDC, ConceptHeads
from sdc_lib.support.tables import format_table
from sdc_lib.views import Stream


@dataclass(frozen=True)
class Concept:
    """One concept, seen through the videos that score highest on it.

    Attributes:
        index: Its row in the codebook; the first K are static.
        half: ``"static"`` or ``"dynamic"``.
        videos: Positions of the strongest videos, strongest first.
        label: The most frequent class among them, or None without labels.
        share: Share of them in that class, 0 to 1.
    """

    index: int
    half: str
    videos: Ints
    label: str | None
    share: float


@dataclass(frozen=True)
class ConceptReport:
    """A codebook in numbers.

    Attributes:
        usage: Perplexity and number of concepts in use, by half.
        overlap: Mean and largest cosine between two different concepts, by half, and between the
            halves (``"across"``).
        purity: Normalised mutual information (0 to 100) of the strongest concept with each
            labelling, by half.
        concepts: Every concept with its strongest videos.
    """

    usage: dict[str, Usage]
    overlap: dict[str, tuple[float, float]]
    purity: dict[str, dict[str, float]]
    concepts: tuple[Concept, ...]

    def __str__(self) -> str:
        """As a table."""
        labels = list(next(iter(self.purity.values()), {}))
        header = [
            "half",
            "perplexity",
            "in use",
            "mean cos",
            "max cos",
            *(f"NMI {n}" for n in labels),
        ]
        rows = []
        for half, used in self.usage.items():
            mean, largest = self.overlap[half]
            row = [half, f"{used.perplexity:.1f}", f"{used.used} of {used.total}"]
            row += [f"{mean:.2f}", f"{largest:.2f}"]
            rows.append(row + [f"{self.purity[half][name]:.1f}" for name in labels])
        mean, largest = self.overlap["across"]
        blanks = [""] * len(labels)
        rows.append(["across", "", "", f"{mean:.2f}", f"{largest:.2f}", *blanks])
        return format_table(header, rows, "concepts")


def analyse_concepts(
    heads: ConceptHeads, features: Features, *, stream: Stream = "video", top: int = 10
) -> ConceptReport:
    """Describe the concepts of a stream by the videos of a split.

    Args:
        heads: Whose codebook.
        features: Scores of the videos.
        stream: Which codebook and which scores.
        top: How many of the strongest videos to keep a concept.

    Returns:
        See `ConceptReport`.

    Raises:
        ValueError: If there are no scores for the stream.
    """
    halves = halves_of(features, stream)
    if not halves:
        raise ValueError(f"{features.dataset}/{features.split} has no concept scores of {stream!r}")
    concepts = []
    for place, (half, scores) in enumerate(halves.items()):
        for column in range(scores.shape[1]):
            videos = strongest_videos(scores[:, column], top)
            label, share = _majority(features, videos, half)
            concepts.append(Concept(place * scores.shape[1] + column, half, videos, label, share))
    return ConceptReport(
        usage={half: usage(scores) for half, scores in halves.items()},
        overlap=codebook_overlap(heads, stream),
        purity={
            half: {name: strongest_nmi(scores, y) for name, y in features.labels.items()}
            for half, scores in halves.items()
        },
        concepts=tuple(concepts),
    )


def strongest_videos(scores: NDArray[np.floating], top: int = 10) -> Ints:
    """Positions of the highest scores ``(N,)``, highest first; ties in order."""
    return np.argsort(-scores, kind="stable")[:top].astype(np.int64)


def codebook_overlap(
    heads: ConceptHeads, stream: Stream = "video"
) -> dict[str, tuple[float, float]]:
    """Mean and largest cosine between different concepts, within the halves and across them."""
    weight: Tensor = heads.codebooks[stream].weight.detach()  # type: ignore[operator]
    k = heads.num_concepts
    cosines = (F.normalize(weight, dim=-1) @ F.normalize(weight, dim=-1).T).cpu()  # (2K, 2K)
    others = ~torch.eye(k, dtype=torch.bool)
    blocks = {
        "static": cosines[:k, :k][others],
        "dynamic": cosines[k:, k:][others],
        "across": cosines[:k, k:].flatten(),
    }
    return {
        name: (float(values.mean()), float(values.max())) if len(values) else (0.0, 0.0)
        for name, values in blocks.items()
    }


@dataclass(frozen=True)
class Stability:
    """How well the concepts of two runs can be matched one to one.

    Attributes:
        correlation: Mean correlation of matched concepts' scores over the same videos, by half.
        chance: The same for a random matching (the mean over all pairs).
        matching: For each concept of the first run its partner in the second, by half.
    """

    correlation: dict[str, float]
    chance: dict[str, float]
    matching: dict[str, Ints]

    def __str__(self) -> str:
        """As a table."""
        rows = [
            [half, f"{value:.2f}", f"{self.chance[half]:.2f}"]
            for half, value in self.correlation.items()
        ]
        return format_table(["half", "matched", "any pair"], rows, "correlation between two runs")


def stability(first: Features, second: Features, stream: Stream = "video") -> Stability:
    """Match the concepts of two runs by their scores on the same videos (Hungarian algorithm).

    Args:
        first: Scores from one run.
        second: Scores from another one, of the same videos in the same order.
        stream: Which scores.

    Returns:
        See `Stability`.

    Raises:
        ValueError: If the videos or the numbers of concepts differ.
    """
    if first.names != second.names:
        raise ValueError("the two runs must have scored the same videos in the same order")
    correlation, chance, matching = {}, {}, {}
    others = halves_of(second, stream)
    for half, scores in halves_of(first, stream).items():
        if scores.shape != others[half].shape:
            raise ValueError(f"{scores.shape[1]} and {others[half].shape[1]} concepts do not match")
        ours, theirs = (scale(columns.astype(np.float64)) for columns in (scores, others[half]))
        table = ours.T @ theirs / len(scores)  # (K, K)
        rows, columns = linear_sum_assignment(-table)
        correlation[half] = float(table[rows, columns].mean())
        chance[half] = float(table.mean())
        matching[half] = columns.astype(np.int64)
    return Stability(correlation, chance, matching)


@torch.no_grad()
def attention_maps(model: SDC, clips: Tensor, stream: Stream = "video") -> Tensor:
    """Where each concept looks, frame by frame.

    Args:
        model: In ``eval()`` mode.
        clips: Normalised clips, ``(B, C, T, H, W)``.
        stream: Which view of them.

    Returns:
        Attention of the stream's concepts (all 2K for the video, its own K for the others),
        interpolated to the clip and scaled to a maximum of 1 a concept, ``(B, n, T, H, W)``.

    Raises:
        ValueError: If the model is in training mode.
    """
    if model.training:
        raise ValueError("attention maps need a model in eval() mode")
    local = model.encode(clips, stream).local
    _, attention = model.heads.attention(local, model.heads.concepts(stream))  # (B, n, T', H', W')
    maps = F.interpolate(attention, size=clips.shape[2:], mode="trilinear", align_corners=False)
    peaks = maps.amax(dim=(2, 3, 4), keepdim=True)
    scaled: Tensor = maps / peaks.clamp(min=1e-12)
    return scaled


def _majority(features: Features, videos: Ints, half: str) -> tuple[str | None, float]:
    """The class most of the videos share: of the factor that the half stands for, if there is."""
    factors = dict(zip(HALVES, known_factors(features.labels), strict=False))
    name = factors.get(half, "label")
    if name not in features.labels:
        return None, 0.0
    counts = np.bincount(features.labels[name][videos])
    best = int(counts.argmax())
    names = features.classes.get(name, ())
    return (names[best] if best < len(names) else str(best)), float(counts[best] / counts.sum())
