"""How well static and dynamic concepts are kept apart, measured where the truth is known.

Every video has factors: a *static* one that a still shows (in MotionFactors the scene), a
*dynamic* one that only a difference shows (the motion), and perhaps *shared* ones that both show
(appearance: the outline of what moves is seen in a difference, too). Probes for every factor on
either half of the video's concepts give a table. Its *gap* is the mean of the two cells that should
be high (static half, static factor; dynamic half, dynamic factor) minus the mean of the two that
should be low, in percentage points: 0 where both halves say the same, about 90 where each says
nothing but its own. Which half tells a shared factor, the views do not determine: it is reported,
but it does not count.

Halves are probed as raw scores, as concept distributions softmax(p / 0.1) (the headline) and by
the strongest concept alone (normalised mutual information). Intervals resample the test videos.
This measure is ours; the factors are those of `sdc_lib.datasets.motion_factors.dataset`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.disjoint import check_disjoint
from sdc_lib.evaluation.estimates import Estimate, bootstrap_draws, interval
from sdc_lib.evaluation.factors import (
    Folds,
    choose_factors,
    fold_indices,
    warn_of_unknown_labels,
)
from sdc_lib.evaluation.halves import (
    HALVES,
    Usage,
    distribution,
    halves_of,
    strongest_nmi,
    usage,
)
from sdc_lib.evaluation.linear import logistic_probe
from sdc_lib.features.clips import ClipSettings
from sdc_lib.features.extract import extract_features
from sdc_lib.features.store import Features, refuse_not_finite
from sdc_lib.support.tables import format_table

Table = dict[str, dict[str, float]]
_SHOWN = {"video": "video", "static": "still", "dynamic": "difference"}  # by stream


@dataclass(frozen=True)
class Disentanglement:
    """What the features of a model say of each factor; accuracies in per cent.

    Attributes:
        factors: The static one, the dynamic one, then those that both halves may tell.
        distributions: The headline table, probes on softmax(p / 0.1): half -> factor.
        scores: The same from raw scores.
        strongest: Normalised mutual information (0 to 100) of the strongest concept with a factor.
        gap: From `distributions`: mean of (static half, static factor) and (dynamic half, dynamic
            factor) minus mean of the two crossed cells, in points.
        gap_scores: The same of `scores`.
        features: Probes on pooled features: stream -> factor.
        chance: Share of the most frequent class of each factor in the test split.
        usage: Perplexity and usage of each half.
        correct: Per probe and test video, whether it was right, fold after fold; keys as
            ``"distribution/static/motion"``.
        evaluated: Test videos.
        official: Test videos that the split lists.
    """

    name: str
    factors: tuple[str, ...]
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
            rows.append([f"feature of the {_SHOWN[stream]}", *map(str, estimates.values())])
        rows.append(["chance", *(f"{self.chance[f]:.1f}" for f in self.factors)])
        title = f"{self.name}: {self.evaluated} of {self.official} videos, % [95% interval]"
        lines = [format_table(["probe on", *self.factors], rows, title)]
        if self.distributions:
            static, dynamic = self.factors[:2]
            lines.append(
                f"gap of {static} and {dynamic} {self.gap} points (raw scores {self.gap_scores})"
            )
            lines += [f"{half} concepts: {usage}" for half, usage in self.usage.items()]
        return "\n".join(lines)


def disentanglement(
    model: nn.Module,
    train: VideoDataset,
    test: VideoDataset,
    clips: ClipSettings | None = None,
    *,
    factors: Sequence[str] | None = None,
    name: str = "model",
    **extraction: object,
) -> Disentanglement:
    """Extract features of both splits and probe them.

    Args:
        model: Network to evaluate.
        train: Videos the probes learn from.
        test: Videos the numbers are about.
        clips: As for `sdc_lib.features.extract_features`.
        factors: As for `measure_disentanglement`.
        name: Heading of the printed table.
        extraction: Further arguments of `sdc_lib.features.extract_features`.

    Returns:
        See `Disentanglement`.

    Raises:
        ValueError: If the splits overlap or lack the factors.
    """
    features = [extract_features(model, split, clips, **extraction) for split in (train, test)]  # type: ignore[arg-type]
    return measure_disentanglement(*features, factors=factors, name=name)


def measure_disentanglement(
    train: Features,
    test: Features,
    *,
    factors: Sequence[str] | None = None,
    name: str = "model",
    resamples: int = 1000,
    seed: int = 0,
) -> Disentanglement:
    """Probe stored features with a train and a test split.

    Args:
        train: Features the probes learn from.
        test: Features the numbers are about.
        factors: Labellings of the videos: the static factor, the dynamic one, then any number that
            both halves may tell. By default scene, motion and appearance; without scenes,
            appearance and motion.
        name: Heading of the printed table.
        resamples: Bootstrap samples behind the intervals.
        seed: Of the bootstrap.

    Returns:
        See `Disentanglement`; without concept scores only pooled features are probed.

    Raises:
        ValueError: If the splits overlap or lack the factors, or features are not finite.
    """
    chosen = choose_factors(test, factors)
    correct = _probe(train, test, chosen)
    return _summarise(test, chosen, correct, name, resamples, seed)


def disentanglement_by_folds(
    features: Features,
    folds: Folds,
    *,
    factors: Sequence[str] | None = None,
    name: str = "model",
    resamples: int = 1000,
    seed: int = 0,
) -> Disentanglement:
    """Probe the features of one set of videos fold by fold; all folds' test videos count.

    Args:
        features: Of all videos.
        folds: Pairs (train indices, test indices); or a fold for every video, as numbers ``(N,)``
            or as the name of a labelling: each fold in turn is the test set of the others.
        factors: As for `measure_disentanglement`.
        name: Heading of the printed table.
        resamples: Bootstrap samples behind the intervals.
        seed: Of the bootstrap.

    Returns:
        See `Disentanglement`.

    Raises:
        ValueError: If a fold's train and test videos overlap, folds do not fit or factors lack.
    """
    chosen = choose_factors(features, factors)
    parts: list[dict[str, NDArray[np.bool_]]] = []
    tested: list[int] = []
    for train, test in fold_indices(features, folds):
        parts.append(_probe(features.subset(train), features.subset(test), chosen))
        tested += map(int, test)
    correct = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    everything = replace(features.subset(tested), official=features.official)
    return _summarise(everything, chosen, correct, name, resamples, seed)


def _probe(
    train: Features, test: Features, factors: tuple[str, ...]
) -> dict[str, NDArray[np.bool_]]:
    """Whether every probe was right, a test video each; keys as kind/half or stream/factor."""
    check_disjoint(train, test)
    for part in (train, test):
        refuse_not_finite(part)
    for factor in factors:
        if len(np.unique(train.targets(factor))) < 2:
            raise ValueError(
                f"the {len(train)} training videos show fewer than two values of {factor}: a probe "
                "needs at least two"
            )
    for factor in factors:
        warn_of_unknown_labels(train, test, factor)
    known, asked = halves_of(train), halves_of(test)
    inputs = {f"scores/{half}": (known[half], asked[half]) for half in asked}
    for half in asked:
        inputs[f"distribution/{half}"] = (distribution(known[half]), distribution(asked[half]))
    for stream in test.pooled:
        inputs[f"feature/{stream}"] = (train.pooled[stream], test.pooled[stream])
    return {
        f"{key}/{factor}": logistic_probe(x, train.targets(factor), y) == test.targets(factor)
        for key, (x, y) in inputs.items()
        for factor in factors
    }


def _summarise(
    test: Features,
    factors: tuple[str, ...],
    correct: dict[str, NDArray[np.bool_]],
    name: str,
    resamples: int,
    seed: int,
) -> Disentanglement:
    estimates, gaps = _bootstrap(correct, factors, len(test), resamples, seed)
    halves = halves_of(test)
    return Disentanglement(
        name=name,
        factors=factors,
        distributions=estimates["distribution"],
        scores=estimates["scores"],
        strongest={
            half: {f: strongest_nmi(p, test.targets(f)) for f in factors}
            for half, p in halves.items()
        },
        gap=gaps["distribution"],
        gap_scores=gaps["scores"],
        features=estimates["feature"],
        chance={f: 100 * np.bincount(test.targets(f)).max() / len(test) for f in factors},
        usage={half: usage(p) for half, p in halves.items()},
        evaluated=len(test),
        official=test.official,
        correct=correct,
    )


def _bootstrap(
    correct: Mapping[str, NDArray[np.bool_]],
    factors: tuple[str, ...],
    videos: int,
    resamples: int,
    seed: int,
) -> tuple[dict[str, dict[str, dict[str, Estimate]]], dict[str, Estimate]]:
    """Accuracies by kind, half or stream, and factor; and the gap of each kind that has halves."""
    draws = bootstrap_draws(videos, resamples, seed)
    samples = {key: 100 * (draws @ right) / videos for key, right in correct.items()}
    estimates: dict[str, dict[str, dict[str, Estimate]]] = {
        "distribution": {},
        "scores": {},
        "feature": {},
    }
    for key, values in samples.items():
        kind, place, factor = key.split("/")
        estimates[kind].setdefault(place, {})[factor] = interval(values)
    gaps = {kind: Estimate(0.0, 0.0, 0.0) for kind in ("distribution", "scores")}
    for kind in gaps:
        if estimates[kind]:
            static, dynamic = factors[:2]
            own = samples[f"{kind}/static/{static}"] + samples[f"{kind}/dynamic/{dynamic}"]
            other = samples[f"{kind}/static/{dynamic}"] + samples[f"{kind}/dynamic/{static}"]
            gaps[kind] = interval((own - other) / 2)
    return estimates, gaps
