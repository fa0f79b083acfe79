"""What disentanglement must be compared with: random weights, plain pixels, full supervision.

``python -m benchmarks.baselines`` measures them on MotionFactors with the clips of a preset and
writes a record each to results/. A baseline whose record is there is skipped.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.registry import open_dataset
from sdc_lib.evaluation.baselines import (
    Pixels,
    SupervisedConfig,
    random_model,
    train_supervised,
)
from sdc_lib.evaluation.disentanglement import Disentanglement, Estimate, disentanglement
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.evaluation.run import metrics_of
from sdc_lib.presets import PRESETS
from sdc_lib.results import Record, current_commit, describe_device, read_record, write_record

ROOT = Path(__file__).resolve().parents[1]


def measure(
    make: Callable[[int], nn.Module],
    train: VideoDataset,
    test: VideoDataset,
    config: PretrainConfig,
    seeds: Sequence[int],
    workers: int,
) -> tuple[list[Disentanglement], float]:
    """Make a network per seed and measure it; also returns the seconds it took."""
    started = time.perf_counter()
    clips = settings_for("own", config).clips
    results = [
        disentanglement(make(seed), train, test, clips, workers=workers, device="cpu")
        for seed in seeds
    ]
    return results, time.perf_counter() - started


def as_record(
    name: str,
    row: str,
    results: Sequence[Disentanglement],
    seeds: Sequence[int],
    config: PretrainConfig,
    seconds: float,
    notes: str,
) -> Record:
    """One record of all seeds; with a single one its intervals, too."""
    per_seed = [metrics_of(result) for result in results]
    values = {
        metric: [n.value if isinstance(n, Estimate) else n for n in (m[metric] for m in per_seed)]
        for metric in per_seed[0]
    }
    intervals = {
        metric: (number.low, number.high)
        for metric, number in per_seed[0].items()
        if isinstance(number, Estimate) and len(results) == 1
    }
    return Record(
        name=name,
        table="disentanglement",
        row=row,
        values=values,
        intervals=intervals,
        seeds=list(seeds),
        config=config.hash(),
        commit=current_commit(),
        device=describe_device(),
        wall_time=seconds,
        dataset="motion-factors/test",
        evaluated=results[0].evaluated,
        official=results[0].official,
        protocol=f"disentanglement: {settings_for('own', config).clips}",
        column="trained here",
        notes=notes,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what has no record yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="motion_factors_tiny", choices=sorted(PRESETS))
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0")
    parser.add_argument("--epochs", type=int, default=SupervisedConfig.epochs, help="supervised")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(argv)
    config = PRESETS[options.preset]
    train, test = (open_dataset(config.data, options.data_dir, part) for part in ("train", "test"))
    clips = settings_for("own", config).clips
    teaching = SupervisedConfig(
        config.model.backbone,
        options.epochs,
        augment=config.data.augment,
        workers=options.workers,
    )

    def supervised(seed: int) -> nn.Module:
        return train_supervised(train, clips.num_frames, clips.stride, replace(teaching, seed=seed))

    seeds = list(range(options.seeds))
    baselines: dict[str, tuple[str, Callable[[int], nn.Module], list[int], str]] = {
        "random": ("random weights", lambda s: random_model(config.model, s), seeds, ""),
        "pixels": ("pixels", lambda s: Pixels(), [0], "clips averaged down to 4x8x8 pixels"),
        "supervised": ("supervised", supervised, seeds, f"{options.epochs} epochs, both factors"),
    }
    for key, (row, make, chosen, notes) in baselines.items():
        name = f"baseline-{key}-{config.name}"
        path = options.results / f"{name}.json"
        if path.exists() and read_record(path).seeds == chosen:
            print(f"{row}: recorded")
            continue
        results, seconds = measure(make, train, test, config, chosen, options.workers)
        record = as_record(name, row, results, chosen, config, seconds, notes)
        write_record(record, options.results)
        print(results[0], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
