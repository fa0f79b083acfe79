"""Which labellings of the videos a measure is about, and which videos it learns from and tests."""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.splits import SplitFile, refuse_shared_videos
from sdc_lib.features.store import Features, Ints

KNOWN_FACTORS = (("scene", "motion", "appearance"), ("appearance", "motion"))
"""Factors of MotionFactors, with shared backgrounds and with others: static, dynamic, shared."""

Folds = str | Sequence[int] | Ints | Sequence[tuple[Sequence[int] | Ints, Sequence[int] | Ints]]


def known_factors(names: Iterable[str]) -> tuple[str, ...]:
    """Factors of MotionFactors among these names, the static one first; empty for other data."""
    names = set(names)
    return next((known for known in KNOWN_FACTORS if names.issuperset(known)), ())


def choose_factors(
    features: Features | VideoDataset, factors: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The factors to measure: those named, or those of MotionFactors.

    Raises:
        ValueError: If they are not two or more different labellings of the videos.
    """
    if factors is None:
        if isinstance(features, VideoDataset):
            name, labels = features.name, list(features.factor_names)
        else:
            name, labels = features.dataset, list(features.labels)
        if known := known_factors(labels):
            return known
        raise ValueError(
            f"{name}/{features.split} has the factors {', '.join(labels) or 'none'}: name the "
            "static and the dynamic one among them, as in --factors scene,motion"
        )
    if isinstance(factors, str):
        raise ValueError(f"factors are {factors!r}; give several names, as in ['scene', 'motion']")
    if len(factors) < 2 or len(set(factors)) != len(factors):
        raise ValueError(
            f"factors are {', '.join(factors) or 'none'}; needed are a static and a dynamic one, "
            "then further ones, all different"
        )
    for factor in factors:
        features.targets(factor)  # an error names those that exist
    return tuple(factors)


def warn_of_unknown_labels(
    train: Features | VideoDataset, test: Features | VideoDataset, target: str | None
) -> None:
    """Warn if test videos have labels that no train video has: they cannot be right.

    Args:
        train: What is learned from.
        test: What is tested.
        target: A labelling of both, None for the class label.
    """
    asked = test.targets(target)
    lost = ~np.isin(asked, train.targets(target))
    if not lost.any():
        return
    if isinstance(test, VideoDataset):
        known = test.class_names if target is None else test.factor_names[target]
    else:
        known = test.classes.get(target or "label", ())
    unknown = np.unique(asked[lost])
    names = [known[number] if number < len(known) else str(number) for number in unknown[:3]]
    warnings.warn(
        f"{target or 'label'} is {', '.join(names)}{' ...' * (len(unknown) > 3)} in {lost.sum()} "
        f"of {len(asked)} test videos and in no train video: they cannot be right",
        stacklevel=3,
    )


def refuse_videos_in_two_folds(videos: VideoDataset, folds: Folds) -> None:
    """Refuse folds that share a video, under whatever names: it would be learned from and tested.

    Raises:
        ValueError: If two folds hold the same content, or folds do not fit, as in `fold_indices`.
    """
    files: dict[str, SplitFile] = {}
    for number, (_, test) in enumerate(fold_indices(videos, folds)):
        part = f"fold {videos.column(folds)[test[0]] if isinstance(folds, str) else number}"
        files |= {videos[i].name: SplitFile(part, videos[i].name, videos[i].path) for i in test}
    refuse_shared_videos(files.values(), f"{videos.name}, folds")


def fold_indices(features: Features | VideoDataset, folds: Folds) -> list[tuple[Ints, Ints]]:
    """Train and test indices of every fold, from any of the forms that a fold can have.

    Raises:
        ValueError: If there are fewer than two folds, or one for another number of videos.
    """
    labels = features.targets(folds) if isinstance(folds, str) else folds
    if len(labels) and isinstance(labels[0], tuple | list):
        return [(np.asarray(train), np.asarray(test)) for train, test in labels]  # type: ignore[misc]
    each = np.asarray(labels)
    if each.shape != (len(features),):
        raise ValueError(f"{each.size} folds for {len(features)} videos: one a video is needed")
    values = np.unique(each)
    if len(values) < 2:
        raise ValueError(f"all videos are in fold {values.tolist()}; at least two are needed")
    return [(np.flatnonzero(each != value), np.flatnonzero(each == value)) for value in values]
