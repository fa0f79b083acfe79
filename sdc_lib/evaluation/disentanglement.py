"""How well static and dynamic concepts are kept apart, measured where the truth is known.

Every MotionFactors video has an appearance and an independent motion. Probes for either factor on
either half of the video's concepts give a 2x2 table; its *gap* is the mean of the diagonal (static
half, appearance; dynamic half, motion) minus the mean off the diagonal, in percentage points: 0
where both halves say the same, about 90 where each says only its own of ten classes.

Halves are probed as raw scores, as concept distributions softmax(p / 0.1) (the headline) and by
the strongest concept alone (normalised mutual information). Intervals resample the test videos.
This measure is ours; the factors are those of `sdc_lib.datasets.motion_factors.dataset`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.classification import check_disjoint
from sdc_lib.evaluation.linear import logistic_probe
from sdc_lib.features.clips import ClipSettings
from sdc_lib.features.extract import extract_features
from sdc_lib.features.store import Features, Floats, Ints
from sdc_lib.support.tables import format_table

FACTORS = ("appearance", "motion")
HALVES = ("static", "dynamic")
TEMPERATURE = 0.1

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% bootstrap interval over the test videos."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As a table."""
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"


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


@dataclass(frozen=True)
class Disentanglement:
    """What the features of a model say of each factor; accuracies in per cent.

    Attributes:
        distributions: The headline 2x2 table, probes on softmax(p / 0.1): half -> factor.
        scores: The same from raw scores.
        strongest: Normalised mutual information (0 to 100) of the strongest concept with a factor.
        gap: Mean diagonal minus mean off-diagonal of `distributions`, in points.
        gap_scores: The same of `scores`.
        features: Probes on pooled features: stream -> factor.
        chance: Share of the most frequent class of each factor in the test split.
        usage: Perplexity and usage of each half.
        correct: Per probe and test video, whether it was right; keys as ``"static/motion"``.
        evaluated: Test videos.
        official: Test videos that the split lists.
    """

    name: str
    distributions: dict[str, dict[str, Estimate]]
    scores: dict[str, dict[str, Estimate]]
    strongest: Table
    gap: Estimate
    gap_scores: Estimate
    features: dict[str, dict[str, Estimate]]
    chance: dict[str, float]
    usage: dict[str, Usage]
    evaluated: int
    official: int
    correct: dict[str, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """As a table."""
        rows: list[list[str]] = []
        for half in HALVES:
            if half in self.distributions:
                rows.append([f"{half} half", *map(str, self.distributions[half].values())])
        for half in self.scores:
            rows.append([f"{half} half, raw scores", *map(str, self.scores[half].values())])
        for half, row in self.strongest.items():
            rows.append([f"{half} half, strongest (NMI)", *(f"{v:.1f}" for v in row.values())])
        for stream, estimates in self.features.items():
            rows.append([f"{stream} feature", *map(str, estimates.values())])
        rows.append(["chance", *(f"{self.chance[f]:.1f}" for f in FACTORS)])
        title = f"{self.name}: {self.evaluated} of {self.official} videos, % [95% interval]"
        lines = [format_table(["probe on", *FACTORS], rows, title)]
        if self.distributions:
            lines.append(f"gap {self.gap} points (raw scores {self.gap_scores})")
            lines += [f"{half} concepts: {usage}" for half, usage in self.usage.items()]
        return "\n".join(lines)


def disentanglement(
    model: nn.Module,
    train: VideoDataset,
    test: VideoDataset,
    clips: ClipSettings | None = None,
    *,
    name: str = "model",
    **extraction: object,
) -> Disentanglement:
    """Extract features of both splits and probe them.

    Args:
        model: An `SDC`, or any module with its ``encode`` method.
        train: Videos the probes learn from.
        test: Videos the numbers are about.
        clips: How videos become clips.
        name: Heading of the printed table.
        extraction: Further arguments of `extract_features`.

    Returns:
        See `Disentanglement`.
    """
    features = [extract_features(model, split, clips, **extraction) for split in (train, test)]  # type: ignore[arg-type]
    return measure_disentanglement(*features, name=name)


def measure_disentanglement(
    train: Features, test: Features, *, name: str = "model", resamples: int = 1000, seed: int = 0
) -> Disentanglement:
    """Probe stored features.

    Args:
        train: Features the probes learn from.
        test: Features the numbers are about.
        name: Heading of the printed table.
        resamples: Bootstrap samples behind the intervals.
        seed: Of the bootstrap.

    Returns:
        See `Disentanglement`; without concept scores only pooled features are probed.

    Raises:
        ValueError: If the splits overlap or lack the two factors.
    """
    check_disjoint(train, test)
    correct: dict[str, NDArray[np.bool_]] = {}

    def probe(kind: str, inputs: Mapping[str, tuple[Floats, Floats]]) -> None:
        for key, (x, y) in inputs.items():
            for factor in FACTORS:
                predicted = logistic_probe(x, train.targets(factor), y)
                correct[f"{kind}/{key}/{factor}"] = predicted == test.targets(factor)

    halves = {"train": split_halves(train), "test": split_halves(test)}
    pairs = {half: (halves["train"][half], halves["test"][half]) for half in halves["test"]}
    probe("scores", pairs)
    probe("distribution", {h: (_distribution(a), _distribution(b)) for h, (a, b) in pairs.items()})
    probe("feature", {s: (train.pooled[s], test.pooled[s]) for s in test.pooled})
    estimates, gaps = _bootstrap(correct, len(test), resamples, seed)
    return Disentanglement(
        name=name,
        distributions=estimates["distribution"],
        scores=estimates["scores"],
        strongest={
            half: {f: strongest_nmi(p, test.targets(f)) for f in FACTORS}
            for half, p in halves["test"].items()
        },
        gap=gaps["distribution"],
        gap_scores=gaps["scores"],
        features=estimates["feature"],
        chance={f: 100 * np.bincount(test.targets(f)).max() / len(test) for f in FACTORS},
        usage={half: usage(p) for half, p in halves["test"].items()},
        evaluated=len(test),
        official=test.official,
        correct=correct,
    )


def split_halves(features: Features, stream: str = "video") -> dict[str, Floats]:
    """Static and dynamic half ``(N, K)`` of a stream's scores; empty where there are none."""
    scores = features.scores.get(stream)
    if scores is None or scores.shape[1] == 0:
        return {}
    return dict(zip(HALVES, np.split(scores, 2, axis=1), strict=True))


def usage(scores: Floats, temperature: float = TEMPERATURE) -> Usage:
    """Perplexity and usage of one half from its scores ``(N, K)``."""
    mean = _distribution(scores, temperature).mean(axis=0)
    entropy = -(mean * np.log(np.maximum(mean, 1e-12))).sum()
    used = len(np.unique(scores.argmax(axis=1)))
    return Usage(float(np.exp(entropy)), used, scores.shape[1])


def strongest_nmi(scores: Floats, targets: Ints) -> float:
    """Normalised mutual information, 0 to 100, of the strongest concept with a labelling."""
    return 100 * float(normalized_mutual_info_score(targets, scores.argmax(axis=1)))


def _distribution(scores: Floats, temperature: float = TEMPERATURE) -> Floats:
    return np.asarray(softmax(scores / temperature, axis=1), dtype=np.float32)


def _bootstrap(
    correct: Mapping[str, NDArray[np.bool_]], videos: int, resamples: int, seed: int
) -> tuple[dict[str, dict[str, dict[str, Estimate]]], dict[str, Estimate]]:
    """Accuracies by kind, half or stream, and factor; and the gap of each kind that has halves."""
    draws = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), resamples)
    draws = np.concatenate([np.ones((1, videos), dtype=draws.dtype), draws])  # first: the data
    samples = {key: 100 * (draws @ right) / videos for key, right in correct.items()}
    estimates: dict[str, dict[str, dict[str, Estimate]]] = {
        "distribution": {},
        "scores": {},
        "feature": {},
    }
    for key, values in samples.items():
        kind, place, factor = key.split("/")
        estimates[kind].setdefault(place, {})[factor] = _interval(values)
    gaps = {kind: Estimate(0.0, 0.0, 0.0) for kind in ("distribution", "scores")}
    for kind in gaps:
        if estimates[kind]:
            own = samples[f"{kind}/static/appearance"] + samples[f"{kind}/dynamic/motion"]
            other = samples[f"{kind}/static/motion"] + samples[f"{kind}/dynamic/appearance"]
            gaps[kind] = _interval((own - other) / 2)
    return estimates, gaps


def _interval(values: NDArray[np.float64]) -> Estimate:
    low, high = np.percentile(values[1:], [2.5, 97.5]) if len(values) > 1 else (values[0],) * 2
    return Estimate(float(values[0]), float(low), float(high))
