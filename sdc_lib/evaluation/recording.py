"""The record of an evaluation: what it is called, what its numbers depend on, and what it holds."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import is_random
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.disjoint import note_of_divided_groups
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.follow import Result, metrics_of
from sdc_lib.evaluation.ledger import Record, check_target, current_commit, read_record, record_name
from sdc_lib.evaluation.protocols import TRAINED, EvalSettings, Protocol
from sdc_lib.features.extract import weights_hash
from sdc_lib.weights import available, resolve

_DEFAULTS: Mapping[str, object] = {"fold": 1, "split": "test", "seed": 0, "clips": "own"}


@dataclass(frozen=True)
class Asked:
    """What is to be measured."""

    protocol: Protocol
    settings: EvalSettings
    targets: Sequence[str | None]
    factors: Sequence[str] | None
    folds: str | None
    videos: int | None
    weights: str


def default_name(
    weights: str | Path, dataset: str, protocol: Protocol, options: Mapping[str, object]
) -> str:
    """Name of a record: weights, data set, protocol, and every option that is not the default.

    Args:
        weights: As for `evaluate`.
        dataset: Name of the data set.
        protocol: What is measured.
        options: Those of `evaluate` that change numbers.
    """
    parts = [weights_name(weights), dataset, protocol]
    for option, value in options.items():
        if value != _DEFAULTS.get(option):
            words = [value] if isinstance(value, str | int) else list(value)  # type: ignore[call-overload]
            parts += [option, "+".join(map(str, words))]
    return record_name(*parts)


def weights_name(weights: str | Path) -> str:
    """What records call weights: a file by its name, a run by that of its folder."""
    if is_random(weights):
        return str(weights).replace(":", "-")
    file = Path(os.path.abspath(resolve(weights)))
    return file.parent.name if file.name == "model.safetensors" else file.stem


def inputs_hash(
    model: nn.Module, config: PretrainConfig, parts: Sequence[VideoDataset], asked: Asked
) -> str:
    """Hash of weights, lists of videos and settings; 12 hex digits.

    A list is the names of its videos, their labels and groups, in order: what is in the files is
    not looked at, so the hash is the same for every copy of a data set, and for exchanged files.
    """
    settings = replace(  # how many processes decode changes no number
        asked.settings,
        online=replace(asked.settings.online, workers=0),
        finetune=replace(asked.settings.finetune, workers=0),
    )
    question = [asked.protocol, list(asked.targets), list(asked.factors or ()), asked.folds]
    videos = [part.fingerprint() for part in parts]
    what = [weights_hash(model), config.hash(), videos, asdict(settings), question]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]


def check_same(name: str, folder: str | Path, inputs: str, config: str) -> None:
    """Refuse to write over numbers that were measured of something else.

    Args:
        name: Of the record.
        folder: Where records are.
        inputs: As `inputs_hash` gives it.
        config: Hash of the configuration, which tells where an older record has no such hash.

    Raises:
        ValueError: If a record of other weights, videos or settings is there, or the file that
            it would get cannot be one.
    """
    check_target(name, folder)
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        return
    there = read_record(path)
    if (there.inputs or inputs, there.config) != (inputs, config):
        raise ValueError(
            f"{path} holds numbers of other weights, videos or settings; give the new record "
            "another name or folder"
        )


def make_record(
    name: str,
    config: PretrainConfig,
    asked: Asked,
    parts: Sequence[VideoDataset],
    results: Mapping[str, Result],
) -> Record:
    """A record of results, without seeds, device and time.

    Args:
        name: Of the record.
        config: The run that the weights come from.
        asked: What was measured.
        parts: What was learned from and, last, the videos that the numbers are about.
        results: By labelling.
    """
    values: dict[str, list[float]] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for key, result in results.items():
        prefix = f"{key}, " if len(results) > 1 else ""
        for metric, number in metrics_of(result).items():
            if isinstance(number, Estimate):
                intervals[prefix + metric] = (number.low, number.high)
                number = number.value
            values[prefix + metric] = [number]
    videos = parts[-1]
    any_result = next(iter(results.values()))
    protocol = asked.protocol
    part = videos.split if asked.folds is None else "folds"
    how = "" if asked.folds is None else f", each {asked.folds} tested by the others"
    how += "" if asked.videos is None else f", at most {asked.videos} videos a split"
    how += _flips(asked)
    return Record(
        name=name,
        table=protocol if part == "test" else f"{protocol}_{part}",
        row=asked.weights if is_random(asked.weights) else config.name,
        values=values,
        intervals=intervals,
        config=config.hash(),
        commit=current_commit(),
        dataset=f"{videos.name}/{videos.split}",
        evaluated=any_result.evaluated,
        official=any_result.official,
        protocol=f"{protocol}: {asdict(asked.settings.clips)}{how}",
        column="trained here" if asked.weights in available() else "this run",
        notes="; ".join(_notes(parts, results)),
    )


def _flips(asked: Asked) -> str:
    """How often a protocol that trains on videos mirrors them."""
    if asked.protocol not in TRAINED:
        return ""
    trained = asked.settings.finetune if asked.protocol == "finetune" else asked.settings.online
    return f", flips with probability {trained.flip:g}" if trained.flip else ", no flips"


def _notes(parts: Sequence[VideoDataset], results: Mapping[str, Result]) -> Iterator[str]:
    """What is to be said beside the numbers."""
    replaced = sum(one.replaced for one in results.values() if isinstance(one, Classification))
    if replaced:
        yield f"training samples replaced: {replaced}, of unreadable videos"
    if note := note_of_divided_groups(parts[0], parts[-1]) if len(parts) > 1 else "":
        yield note
