"""Records that grow seed by seed, so that a measurement of many seeds can be interrupted."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.ledger import Record, current_commit, describe_device, read_record


def recorded(blank: Record, folder: Path) -> Record:
    """The record of that name and configuration in a folder, or the blank one.

    Args:
        blank: Everything but values and seeds.
        folder: Where records are.
    """
    path = folder / f"{blank.name}.json"
    done = read_record(path) if path.exists() else blank
    same = (done.config, done.notes) == (blank.config, blank.notes)
    return done if same else blank


def add_seed(
    record: Record, metrics: Mapping[str, float | Estimate], seed: int, seconds: float
) -> Record:
    """The record with one more seed; intervals are kept only while there is a single one.

    Args:
        record: So far.
        metrics: By name, the same names for every seed.
        seed: Of these numbers.
        seconds: What they took.
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
        device=describe_device(),
        wall_time=(record.wall_time or 0.0) + seconds,
    )
