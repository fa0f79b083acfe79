"""One evaluation from start to end: load weights, open videos, follow a protocol, keep a record."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import Split
from sdc_lib.datasets.usable import open_usable
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.disentanglement import Disentanglement, Estimate, measure_disentanglement
from sdc_lib.evaluation.ledger import Record, current_commit, describe_device, write_record
from sdc_lib.evaluation.linear import linear_probe
from sdc_lib.evaluation.online import finetune, linear_online
from sdc_lib.evaluation.protocols import PROTOCOLS, ClipChoice, EvalSettings, Protocol, settings_for
from sdc_lib.evaluation.retrieval import Retrieval, knn, retrieve
from sdc_lib.features import Features, extract_features
from sdc_lib.model import SDC
from sdc_lib.presets import PRESETS
from sdc_lib.weights import available, load, load_config

Result = Classification | Retrieval | Disentanglement


@dataclass(frozen=True)
class Evaluation:
    """What a protocol gave.

    Attributes:
        results: By labelling; disentanglement has the single entry ``"factors"``.
        settings: Clips, optimisation and the rest of what the numbers depend on.
        record: The numbers with their circumstances, as the ledger keeps them.
    """

    results: dict[str, Result]
    settings: EvalSettings
    record: Record

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
    fold: int = 1,
    split: Literal["val", "test"] = "test",
    target: str | None = None,
    size: Literal["toy", "tiny", "small", "standard"] | None = None,
    epochs: int | None = None,
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
        fold: Official split, where there are several.
        split: ``"test"``, or ``"val"`` for choosing settings without looking at the test split.
        target: A factor; by default all factors, or the class label where there are none.
        size: Which MotionFactors; by default the one that the weights were trained on.
        epochs: Epochs of the protocols that train.
        batch_size: Clips a forward pass.
        workers: Processes that decode.
        device: Where to compute.
        seed: Of what is random in the protocol, and of random weights.
        cache_dir: Keep features there.
        results_dir: Write a record there.
        name: Name of the record.
        progress: Show bars.

    Returns:
        See `Evaluation`.

    Raises:
        ValueError: If weights, data or names do not exist or do not fit.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    started = time.perf_counter()
    model, config = _open(weights, seed)
    settings = _seeded(settings_for(clips, config, epochs), seed, workers)
    data = replace(config.data, dataset=dataset, fold=fold, size=size or config.data.size)
    parts: tuple[Split, Split] = ("train", split)
    train, test = (open_usable(data, data_dir, part, workers, progress) for part in parts)
    model = model.to(device)
    targets: list[str | None] = [target] if target else [*test.factor_names] or [None]
    if protocol in ("linear_online", "finetune"):
        results = _trained(protocol, model, train, test, settings, targets, progress)
    else:
        train_features, test_features = (
            extract_features(
                model,
                part,
                settings.clips,
                batch_size=batch_size,
                workers=workers,
                cache_dir=cache_dir,
                progress=progress,
            )
            for part in (train, test)
        )
        results = from_features(
            protocol, train_features, test_features, settings, targets, str(weights)
        )
    seconds = time.perf_counter() - started
    record = _record(name, weights, config, protocol, settings, test, results, seconds, seed)
    if results_dir is not None:
        write_record(record, results_dir)
    return Evaluation(results, settings, record)


def _trained(
    protocol: Protocol,
    model: SDC,
    train: VideoDataset,
    test: VideoDataset,
    settings: EvalSettings,
    targets: list[str | None],
    progress: bool,
) -> dict[str, Result]:
    """Follow one of the protocols that train on videos."""
    run, options = (
        (finetune, settings.finetune)
        if protocol == "finetune"
        else (linear_online, settings.online)
    )
    return {
        target or "label": run(
            model, train, test, settings.clips, options, target=target, progress=progress
        )
        for target in targets
    }


def from_features(
    protocol: Protocol,
    train: Features,
    test: Features,
    settings: EvalSettings | None = None,
    targets: list[str | None] | None = None,
    name: str = "model",
) -> dict[str, Result]:
    """Follow one of the protocols that need nothing but features.

    Raises:
        ValueError: If the protocol needs videos.
    """
    settings = settings or EvalSettings()
    if protocol == "disentanglement":
        return {"factors": measure_disentanglement(train, test, name=name)}
    results: dict[str, Result] = {}
    for target in targets or [None]:
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


def _open(weights: str | Path, seed: int) -> tuple[SDC, PretrainConfig]:
    kind, _, preset = str(weights).partition(":")
    if kind != "random":
        return load(weights), load_config(weights)
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    return random_model(PRESETS[preset].model, seed), PRESETS[preset]


def _seeded(settings: EvalSettings, seed: int, workers: int) -> EvalSettings:
    return replace(
        settings,
        linear=replace(settings.linear, seed=seed),
        online=replace(settings.online, seed=seed, workers=workers),
        finetune=replace(settings.finetune, seed=seed, workers=workers),
    )


def _record(
    name: str | None,
    weights: str | Path,
    config: PretrainConfig,
    protocol: Protocol,
    settings: EvalSettings,
    test: VideoDataset,
    results: dict[str, Result],
    seconds: float,
    seed: int,
) -> Record:
    values: dict[str, list[float]] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for key, result in results.items():
        prefix = f"{key}, " if len(results) > 1 else ""
        for metric, number in metrics_of(result).items():
            if isinstance(number, Estimate):
                intervals[prefix + metric] = (number.low, number.high)
                number = number.value
            values[prefix + metric] = [number]
    any_result = next(iter(results.values()))
    return Record(
        name=name or f"{Path(str(weights).replace(':', '-')).stem}-{test.name}-{protocol}",
        table=protocol if test.split == "test" else f"{protocol}_{test.split}",
        row=str(weights) if str(weights).startswith("random:") else config.name,
        values=values,
        intervals=intervals,
        seeds=[seed],
        config=config.hash(),
        commit=current_commit(),
        device=describe_device(),
        wall_time=seconds,
        dataset=f"{test.name}/{test.split}",
        evaluated=any_result.evaluated,
        official=any_result.official,
        protocol=f"{protocol}: {asdict(settings.clips)}",
        column="trained here" if str(weights) in available() else "this run",
    )
