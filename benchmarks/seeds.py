"""Measurements of many seeds: their flags, and records that grow seed by seed.

A measurement can be interrupted at any time; the same command goes on with the seeds that its
records lack.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.ledger import Record, current_commit, read_record, write_record
from sdc_lib.support.devices import describe_device

ROOT = Path(__file__).resolve().parents[1]
Metrics = Mapping[str, float | Estimate]
"""By name, the same names for every seed."""


class Measured(NamedTuple):
    """What a seed gave."""

    metrics: Metrics
    videos: tuple[int, int] | None = None
    """How many were evaluated, and how many are listed, where the blank record does not say."""
    seconds: float = 0.0
    """What making the network took in an earlier call."""
    device: str = "cpu"
    """Where it was computed."""


def flags(description: str | None, seeds: int) -> argparse.ArgumentParser:
    """A command line with what all such measurements have; each adds its own.

    Args:
        description: Of the measurement.
        seeds: How many by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=_number, default=seeds, help="how many seeds, from 0")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="gets the records")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    return parser


def _number(text: str) -> int:
    """A number of seeds.

    Raises:
        argparse.ArgumentTypeError: If it is below 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of seeds; give 1 or more")
    return int(text)


def file_word(text: str, keep: str = "") -> str:
    """A row's name as part of a file's: a dash for what is no letter, no digit and not kept."""
    return "".join(c if c.isalnum() or c in keep else "-" for c in text).strip("-")


def config_hash(*facts: object) -> str:
    """Twelve digits of all that the numbers depend on."""
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def measure_seeds(
    blank: Record, seeds: Iterable[int], measure: Callable[[int], Measured], folder: Path
) -> Record:
    """Measure the seeds that a record lacks, and write it after each.

    Args:
        blank: What the record says before there are numbers.
        seeds: That it should have.
        measure: The numbers of a seed.
        folder: Where records are.

    Returns:
        The record with all these seeds.
    """
    record = recorded(blank, folder)
    for seed in seeds:
        if seed in record.seeds:
            print(f"{record.row}, seed {seed}: recorded", flush=True)
            continue
        started = time.perf_counter()
        measured = measure(seed)
        seconds = measured.seconds + time.perf_counter() - started
        if measured.videos is not None:
            evaluated, official = measured.videos
            record = replace(record, evaluated=evaluated, official=official)
        record = add_seed(record, measured.metrics, seed, seconds, measured.device)
        write_record(record, folder)
        print(f"{record.row}, seed {seed}, {seconds:.0f} s: {_line(measured.metrics)}", flush=True)
    return record


def _line(metrics: Metrics) -> str:
    parts = (f"{v:.1f}" if isinstance(v, float) else str(v) for v in metrics.values())
    return ", ".join(f"{name} {part}" for name, part in zip(metrics, parts, strict=True))


def recorded(blank: Record, folder: Path) -> Record:
    """The record of that name and of the same question in a folder, or the blank one.

    The question is what the numbers depend on: configuration, data set, protocol and notes.

    Args:
        blank: Everything but values and seeds.
        folder: Where records are.
    """
    path = folder / f"{blank.name}.json"
    done = read_record(path) if path.exists() else blank
    return done if _question(done) == _question(blank) else blank


def _question(record: Record) -> tuple[str, ...]:
    return record.config, record.dataset, record.protocol, record.notes


def add_seed(
    record: Record, metrics: Metrics, seed: int, seconds: float, device: str = "cpu"
) -> Record:
    """The record with one more seed; intervals are kept only while there is a single one.

    Args:
        record: So far.
        metrics: Of the seed.
        seed: Of these numbers.
        seconds: What they took.
        device: Where they were computed.
    """
    values: dict[str, list[float]] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for metric, number in metrics.items():
        if isinstance(number, Estimate):
            intervals[metric] = (number.low, number.high)
            number = number.value
        values[metric] = [*record.values.get(metric, []), number]
    return replace(
        record,
        values=values,
        intervals={} if record.seeds else intervals,
        seeds=[*record.seeds, seed],
        commit=current_commit(),
        device=describe_device(device),
        wall_time=(record.wall_time or 0.0) + seconds,
    )
