"""Heads of several seeds on one frozen backbone: how far what they know spreads.

``python -m benchmarks.head_seeds`` trains the heads of a preset once a seed and measures what each
half of their concepts tells; the weights that ship are seed 0. The backbone encodes the videos that
probes learn from and are tested on only once, for all seeds. Runs are kept and continued after an
interruption; the record in results/ grows seed by seed.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from benchmarks.baseline_runs import Made, pretrained
from benchmarks.seeds import ROOT, Measured, flags, measure_seeds
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.disentanglement import measure_disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.features import CachedClips, cache_clips, rescore
from sdc_lib.model import SDC
from sdc_lib.presets import PRESETS
from sdc_lib.weights import load


def made(config: PretrainConfig, seed: int, options: argparse.Namespace) -> Made:
    """The network of a seed: 0 ships, others are trained."""
    if seed == config.seed:
        return Made(load(config.name))
    return pretrained(config, options.runs / config.name, options.data_dir, seed)


def encoded(config: PretrainConfig, options: argparse.Namespace) -> list[CachedClips]:
    """Features of the training and the test videos by the backbone that all seeds share."""
    model, clips = load(config.init_backbone), settings_for("own", config).clips
    data = replace(config.data, size=options.size)
    parts = (open_dataset(data, options.data_dir, part) for part in ("train", "test"))
    return [cache_clips(model, part, clips, workers=options.workers) for part in parts]


def measure(config: PretrainConfig, options: argparse.Namespace) -> Record:
    """Train and measure the seeds that the record lacks, and write it after each."""
    train, test = encoded(config, options)

    def run(seed: int) -> Measured:
        network, earlier = made(config, seed, options)
        heads = cast(SDC, network).heads
        found = measure_disentanglement(rescore(heads, train), rescore(heads, test))
        return Measured(metrics_of(found), (found.evaluated, found.official), earlier)

    return measure_seeds(blank_record(config, options), range(options.seeds), run, options.results)


def blank_record(config: PretrainConfig, options: argparse.Namespace) -> Record:
    """What the record says before there are numbers."""
    dataset = "motion-factors" if options.size == "tiny" else f"motion-factors-{options.size}"
    return Record(
        name=f"disentanglement-{config.name}-heads-on-{options.size}",
        table="disentanglement",
        row=f"{config.name}, seeds of the heads",
        values={},
        config=config.hash(),
        dataset=f"{dataset}/test",
        protocol=f"disentanglement: {settings_for('own', config).clips}",
        column="trained here",
        notes="one backbone; seed 0 is what ships",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the record lacks."""
    options = parse(argv)
    measure(PRESETS[options.preset], options)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    frozen = [name for name, config in PRESETS.items() if config.optim.freeze_backbone]
    parser = flags(__doc__, seeds=3)
    parser.add_argument("--preset", default="motion_factors_small_decorrelated", choices=frozen)
    parser.add_argument("--size", default="small", choices=("tiny", "small"), help="of the probes")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "head_seeds")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
