"""One evaluation from start to end: load weights, open videos, follow a protocol, keep a record."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import mirrors
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.disentanglement import disentanglement_by_folds
from sdc_lib.evaluation.factors import choose_factors, refuse_videos_in_two_folds
from sdc_lib.evaluation.follow import Result, by_folds, from_features, from_videos
from sdc_lib.evaluation.ledger import Record, check_target, write_record
from sdc_lib.evaluation.opening import open_parts, open_weights, part_names
from sdc_lib.evaluation.protocols import (
    PROTOCOLS,
    TRAINED,
    ClipChoice,
    EvalSettings,
    Protocol,
    settings_for,
)
from sdc_lib.evaluation.recording import (
    Asked,
    check_same,
    default_name,
    inputs_hash,
    make_record,
)
from sdc_lib.features import Features, extract_features
from sdc_lib.model import SDC
from sdc_lib.support.devices import describe_device, pick_device
from sdc_lib.support.files import check_writable_folder


@dataclass(frozen=True)
class Evaluation:
    """What a protocol gave.

    Attributes:
        results: By labelling; disentanglement has the single entry ``"factors"``.
        settings: Clips, optimisation and the rest of what the numbers depend on.
        record: The numbers with their circumstances, as the ledger keeps them.
        left_out: Videos that could not be used, with the cause.
    """

    results: dict[str, Result]
    settings: EvalSettings
    record: Record
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All results as tables."""
        return "\n\n".join(map(str, self.results.values()))


def evaluate(
    weights: str | Path,
    dataset: str = "motion-factors",
    protocol: Protocol = "linear",
    data_dir: str | Path = "data",
    *,
    clips: ClipChoice = "own",
    stride: int | None = None,
    fold: int = 1,
    split: Literal["val", "test"] = "test",
    target: str | None = None,
    factors: Sequence[str] | None = None,
    folds: str | None = None,
    size: Literal["toy", "tiny", "small", "standard"] | None = None,
    videos: int | None = None,
    epochs: int | None = None,
    flip: bool | None = None,
    batch_size: int = 64,
    workers: int = 2,
    device: str = "cpu",
    seed: int = 0,
    cache_dir: str | Path | None = None,
    results_dir: str | Path | None = None,
    name: str | None = None,
    progress: bool = True,
) -> Evaluation:
    """Evaluate weights on a split of a data set, with probes that learn from the train split.

    Args:
        weights: As for `sdc_lib.weights.load`, or ``random:PRESET`` for random weights.
        dataset: Name of the data set, see `sdc_lib.datasets.names`.
        protocol: ``"linear"``, ``"linear_online"``, ``"finetune"``, ``"retrieval"``, ``"knn"`` or
            ``"disentanglement"``.
        data_dir: Where data sets are.
        clips: As the weights were trained (``"own"``), ``"released"`` or ``"coclr"``.
        stride: Frames of the file from one frame of a clip to the next; that of the clips if None.
        fold: Official split, where there are several.
        split: ``"test"``, or ``"val"`` for choosing settings without looking at the test split.
        target: A factor; by default all factors, or the class label where there are none.
        factors: For disentanglement the static factor, the dynamic one, then shared ones; other
            protocols take each as a target.
        folds: A labelling whose values are folds: each in turn is tested by what is learned from
            the others, and there are no splits.
        size: Which MotionFactors; by default the one that the weights were trained on.
        videos: At most so many of each split, evenly spaced; for rehearsals.
        epochs: Epochs of the protocols that train.
        flip: Whether those that train on videos mirror half of the clips. By default where a mirror
            image shows the same class (UCF-101, HMDB-51, Kinetics-400); not in MotionFactors, not
            in Diving-48, where it may not, and not in data of one's own, where nobody knows.
        batch_size: Clips a forward pass of a network that does not learn; the steps of probes and
            of fine-tuning have sizes of their own (`OnlineConfig`).
        workers: Processes that decode.
        device: Where to compute, ``"auto"`` for the best that there is.
        seed: Of what is random in the protocol, and of random weights.
        cache_dir: Keep features there.
        results_dir: Write a record there.
        name: Name of the record; by default weights, data set, protocol, and every option that
            changes numbers and is not the default.
        progress: Show bars.

    Returns:
        See `Evaluation`.

    Raises:
        ValueError: If weights, data or names do not exist or do not fit, or the record is there
            with numbers of other weights, videos or settings.
    """
    started = time.perf_counter()
    device = pick_device(device)
    _check_protocol(protocol)
    model, config = open_weights(weights, seed)
    flips = mirrors(dataset) if flip is None else flip
    settings = _seeded(settings_for(clips, config, epochs, stride, flips), seed, workers)
    _check_places(results_dir, cache_dir, name)  # before data are made, which may take minutes
    data = replace(config.data, dataset=dataset, fold=fold, size=size or config.data.size)
    parts = open_parts(data, data_dir, part_names(split, folds), videos, workers, progress)
    targets = _targets(protocol, parts, target, factors, folds)
    asked = Asked(protocol, settings, targets, factors, folds, videos, str(weights))
    options: dict[str, object] = {"fold": fold, "split": split, "seed": seed, "clips": clips}
    options |= {"stride": stride, "target": target, "factors": factors, "folds": folds}
    options |= {"size": None if data.size == config.data.size else data.size}
    options |= {"videos": videos, "epochs": epochs, "flip": flip}
    name = name or default_name(weights, parts[-1].name, protocol, options)
    inputs = inputs_hash(model, config, parts, asked)
    if results_dir is not None:
        check_same(name, results_dir, inputs, config.hash())
    effort = _Effort(batch_size, workers, cache_dir, progress)
    follow = _trained if protocol in TRAINED else _measured
    results, left_out = follow(asked, model.to(device), parts, effort)
    record = make_record(name, config, asked, parts, results)
    record = replace(record, seeds=[seed], inputs=inputs, device=describe_device(device))
    record = replace(record, wall_time=time.perf_counter() - started)
    if results_dir is not None:
        write_record(record, results_dir)
    return Evaluation(results, settings, record, left_out)


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")


@dataclass(frozen=True)
class _Effort:
    """What changes how long it takes, and no number."""

    batch_size: int
    workers: int
    cache_dir: str | Path | None
    progress: bool


def _check_places(
    results_dir: str | Path | None, cache_dir: str | Path | None, name: str | None
) -> None:
    for folder in (results_dir, cache_dir):
        if folder is not None:
            check_writable_folder(Path(folder))
    if results_dir is not None and name:
        check_target(name, results_dir)


def _targets(
    protocol: Protocol,
    parts: Sequence[VideoDataset],
    target: str | None,
    factors: Sequence[str] | None,
    folds: str | None,
) -> list[str | None]:
    """The labellings to predict; an error of one that is missing comes before any work."""
    if target is not None and (protocol == "disentanglement" or factors):
        raise ValueError(
            "disentanglement compares factors: name them with --factors, without --target"
            if protocol == "disentanglement"
            else "give either --target, for one labelling, or --factors, for several"
        )
    videos = parts[-1]
    if folds is not None:
        refuse_videos_in_two_folds(videos, folds)
    if protocol == "disentanglement":
        choose_factors(videos, factors)
    chosen: list[str | None] = [target] if target else list(factors or ())
    chosen = chosen or [factor for factor in videos.factor_names if factor != folds] or [None]
    for part in parts:
        for one in chosen:
            part.targets(one)
    return chosen


def _measured(
    asked: Asked, model: SDC, parts: Sequence[VideoDataset], effort: _Effort
) -> tuple[dict[str, Result], tuple[str, ...]]:
    """Results of a protocol that needs features, and what these leave out."""
    name = asked.weights
    features = [
        extract_features(model, part, asked.settings.clips, **vars(effort)) for part in parts
    ]

    def follow(train: Features, test: Features) -> dict[str, Result]:
        return from_features(
            asked.protocol, train, test, asked.settings, asked.targets, asked.factors, name
        )

    left_out = tuple(dict.fromkeys(line for part in features for line in part.left_out))
    if asked.folds is None:
        return follow(*features), left_out
    (whole,) = features
    if asked.protocol == "disentanglement":
        found = disentanglement_by_folds(whole, asked.folds, factors=asked.factors, name=name)
        return {"factors": found}, left_out
    return by_folds(follow, whole, asked.folds, whole.official), left_out


def _trained(
    asked: Asked, model: SDC, parts: Sequence[VideoDataset], effort: _Effort
) -> tuple[dict[str, Result], tuple[str, ...]]:
    """Results of a protocol that trains on videos, and which videos were left out."""

    def follow(train: VideoDataset, test: VideoDataset) -> dict[str, Result]:
        return from_videos(
            *(asked.protocol, model, train, test, asked.settings, asked.targets),
            batch_size=effort.batch_size,
            progress=effort.progress,
        )

    if asked.folds is None:
        results = follow(*parts)
    else:
        (whole,) = parts
        results = by_folds(follow, whole, asked.folds, whole.official)
    lines = [f"{out.name}: {out.cause}" for part in parts for out in part.left_out]
    lines += [
        line for one in results.values() if isinstance(one, Classification) for line in one.left_out
    ]
    return results, tuple(dict.fromkeys(lines))


def _seeded(settings: EvalSettings, seed: int, workers: int) -> EvalSettings:
    return replace(
        settings,
        linear=replace(settings.linear, seed=seed),
        online=replace(settings.online, seed=seed, workers=workers),
        finetune=replace(settings.finetune, seed=seed, workers=workers),
    )
