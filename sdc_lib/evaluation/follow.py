"""Follow a protocol: what is learned from one part of the videos and measured on another.

The parts are the train and the test split, or each fold in turn against the others. Protocols that
need nothing but features take `Features`, those that train on videos take the videos themselves.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.classification import Classification, merge_folds
from sdc_lib.evaluation.disentanglement import Disentanglement, measure_disentanglement
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.factors import (
    fold_indices,
    refuse_videos_in_two_folds,
    warn_of_unknown_labels,
)
from sdc_lib.evaluation.linear import linear_probe
from sdc_lib.evaluation.online import finetune, linear_online
from sdc_lib.evaluation.protocols import EvalSettings, Protocol
from sdc_lib.evaluation.retrieval import Retrieval, knn, merge_retrievals, retrieve
from sdc_lib.features import Features
from sdc_lib.model import SDC

Result = Classification | Retrieval | Disentanglement
Targets = Sequence[str | None]
Part = TypeVar("Part", Features, VideoDataset)


def from_features(
    protocol: Protocol,
    train: Features,
    test: Features,
    settings: EvalSettings | None = None,
    targets: Targets | None = None,
    factors: Sequence[str] | None = None,
    name: str = "model",
) -> dict[str, Result]:
    """Follow one of the protocols that need nothing but features.

    Args:
        protocol: ``"linear"``, ``"retrieval"``, ``"knn"`` or ``"disentanglement"``.
        train: What is learned from.
        test: What the numbers are about.
        settings: Optimisation and the like.
        targets: Labellings to predict, None for the class label; disentanglement has `factors`.
        factors: As for `measure_disentanglement`.
        name: Heading of a table.

    Returns:
        Results by labelling; disentanglement has the single entry ``"factors"``.

    Raises:
        ValueError: If the protocol needs videos.
    """
    settings = settings or EvalSettings()
    if protocol == "disentanglement":
        return {"factors": measure_disentanglement(train, test, factors=factors, name=name)}
    results: dict[str, Result] = {}
    for target in targets or [None]:
        warn_of_unknown_labels(train, test, target)
        if protocol == "linear":
            result: Result = linear_probe(train, test, target=target, config=settings.linear)
        elif protocol == "retrieval":
            result = retrieve(train, test, target=target, centre=settings.centre)
        elif protocol == "knn":
            result = knn(train, test, target=target, k=settings.neighbours, centre=settings.centre)
        else:
            raise ValueError(f"protocol {protocol!r} needs videos, not features")
        results[target or "label"] = result
    return results


def from_videos(
    protocol: Protocol,
    model: SDC,
    train: VideoDataset,
    test: VideoDataset,
    settings: EvalSettings,
    targets: Targets,
    batch_size: int | None = None,
    progress: bool = True,
) -> dict[str, Result]:
    """Follow one of the protocols that train on videos.

    Arguments are those of `from_features`; `batch_size` is that of `finetune`.
    """
    run, options = (
        (finetune, settings.finetune)
        if protocol == "finetune"
        else (linear_online, settings.online)
    )
    for target in targets:
        warn_of_unknown_labels(train, test, target)
    return {
        target or "label": run(
            *(model, train, test, settings.clips, options),
            target=target,
            batch_size=batch_size,
            progress=progress,
        )
        for target in targets
    }


def by_folds(
    follow: Callable[[Part, Part], dict[str, Result]], videos: Part, folds: str, official: int
) -> dict[str, Result]:
    """Let each fold in turn be the test part of the others; every video counts once.

    Args:
        follow: Gets a train and a test part.
        videos: All of them, with a labelling of that name.
        folds: The labelling that numbers the folds.
        official: Videos that the data set lists.

    Raises:
        ValueError: If there is no such labelling, or fewer than two folds, or two of them share a
            video; of features, which know no files, `evaluate` makes sure of that.
    """
    if isinstance(videos, VideoDataset):
        refuse_videos_in_two_folds(videos, folds)
    parts: list[dict[str, Result]] = []
    for train, test in fold_indices(videos, videos.targets(folds)):
        parts.append(follow(videos.subset(train), videos.subset(test)))
    return {target: _merge([part[target] for part in parts], official) for target in parts[0]}


def _merge(parts: Sequence[Result], official: int) -> Result:
    classified = [part for part in parts if isinstance(part, Classification)]
    if classified:
        return merge_folds(classified, official)
    return merge_retrievals([part for part in parts if isinstance(part, Retrieval)], official)


def metrics_of(result: Result) -> dict[str, float | Estimate]:
    """The numbers of a result by name, in per cent or points."""
    if isinstance(result, Retrieval):
        return {f"R@{k}": value for k, value in result.recalls.items()}
    if isinstance(result, Classification):
        top5 = {} if result.top5 is None else {"top-5": result.top5}
        return {"top-1": result.top1, **top5, "mean per class": result.mean_per_class}
    cells: dict[str, float | Estimate] = {}
    for half, row in result.distributions.items():
        cells |= {f"{half} half, {factor}": estimate for factor, estimate in row.items()}
    if result.distributions:
        cells |= {"gap": result.gap, "gap of raw scores": result.gap_scores}
    for stream, row in result.features.items():
        cells |= {f"{stream} feature, {factor}": estimate for factor, estimate in row.items()}
    return cells
