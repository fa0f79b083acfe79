"""What disentanglement must be compared with, on MotionFactors with the clips of a preset.

``python -m benchmarks.baselines`` measures random weights, plain pixels, full supervision, and two
pretrainings with the preset's whole budget: contrast alone (no concepts), and alignment of the
video's clips with each other alone (as SwAV). Each has a record in results/, which grows seed by
seed; what it holds is skipped. Pretraining keeps its runs and continues them after an interruption.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torch import nn

from benchmarks.baseline_runs import PRETRAINED, Made, at_once, pretrained
from benchmarks.seeds import ROOT, Measured, flags, measure_seeds
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.baselines import (
    Pixels,
    SupervisedConfig,
    random_model,
    train_supervised,
)
from sdc_lib.evaluation.disentanglement import disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.presets import PRESETS


@dataclass(frozen=True)
class Baseline:
    """Something to compare with."""

    row: str
    """Its name in the tables."""
    make: Callable[[int], Made]
    """A network from a seed."""
    seeds: Sequence[int]
    """Which seeds to measure."""
    config: str
    """Hash of what determines the network."""
    notes: str = ""
    """What else must be known."""


def measure(
    baseline: Baseline,
    blank: Record,
    splits: tuple[VideoDataset, VideoDataset],
    config: PretrainConfig,
    folder: Path,
    workers: int,
) -> None:
    """Measure the seeds that the record lacks, and write it after each."""
    clips = settings_for("own", config).clips

    def run(seed: int) -> Measured:
        made = baseline.make(seed)
        found = disentanglement(
            made.network, *splits, clips, name=baseline.row, workers=workers, device="cpu"
        )
        videos = (found.evaluated, found.official)
        return Measured(metrics_of(found), videos, made.earlier, made.device)

    measure_seeds(blank, baseline.seeds, run, folder)


def blank_record(key: str, baseline: Baseline, config: PretrainConfig) -> Record:
    """What a record says before there are numbers."""
    return Record(
        name=f"baseline-{key}-{config.name}",
        table="disentanglement",
        row=baseline.row,
        values={},
        config=baseline.config,
        dataset="motion-factors/test",
        protocol=f"disentanglement: {settings_for('own', config).clips}",
        column="trained here",
        notes=baseline.notes,
    )


def baselines_of(
    config: PretrainConfig, train: VideoDataset, options: argparse.Namespace
) -> dict[str, Baseline]:
    """All baselines of a preset by key."""
    clips = settings_for("own", config).clips
    seeds, run_seeds = range(options.seeds), range(options.run_seeds)
    teaching = SupervisedConfig(
        config.model.backbone,
        options.epochs,
        augment=config.data.augment,
        workers=options.workers,
        precision=options.precision,
    )

    def supervised(seed: int) -> nn.Module:
        return train_supervised(train, clips.num_frames, clips.stride, replace(teaching, seed=seed))

    plain = config.hash()
    random = partial(random_model, config.model)
    baselines = {
        "random": Baseline("random weights", partial(at_once, random), seeds, plain),
        "pixels": Baseline(
            "pixels",
            partial(at_once, lambda seed: Pixels()),
            [0],
            plain,
            "clips averaged down to 4x8x8 pixels",
        ),
        "supervised": Baseline(
            "supervised",
            partial(at_once, supervised),
            seeds,
            plain,
            f"all factors at once, {options.epochs} epochs, {options.precision}",
        ),
    }
    for key, changed in PRETRAINED.items():
        own = changed(replace(config, optim=replace(config.optim, precision=options.precision)))
        make = partial(pretrained, own, options.runs / f"{key}-{config.name}", options.data_dir)
        notes = f"{own.optim.epochs} epochs, batch {own.optim.batch_size}, {own.optim.precision}"
        baselines[key] = Baseline(own.name, make, run_seeds, own.hash(), notes)
    return baselines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what has no record yet."""
    options = parse(argv)
    config = PRESETS[options.preset]
    train, test = (open_dataset(config.data, options.data_dir, part) for part in ("train", "test"))
    baselines = baselines_of(config, train, options)
    for key in options.only or baselines:
        blank = blank_record(key, baselines[key], config)
        measure(baselines[key], blank, (train, test), config, options.results, options.workers)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = flags(__doc__, seeds=3)
    parser.add_argument("--preset", default="motion_factors_tiny", choices=sorted(PRESETS))
    parser.add_argument("--only", nargs="+", choices=KEYS, metavar="KEY", help=", ".join(KEYS))
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "baselines")
    parser.add_argument("--run-seeds", type=int, default=1, help="the same where it pretrains")
    parser.add_argument("--epochs", type=int, default=SupervisedConfig.epochs, help="supervised")
    parser.add_argument("--precision", default="32-true", choices=("32-true", "bf16-mixed"))
    return parser.parse_args(argv)


KEYS = ("random", "pixels", "supervised", *PRETRAINED)

if __name__ == "__main__":
    sys.exit(main())
