"""What each part of the method is worth when everything is trained from scratch.

``python -m benchmarks.ablations_from_scratch`` pretrains backbone and heads once for each variant
and seed, with one part of the objective off and a budget that all share, and measures what features
and concepts then tell of the factors. `benchmarks.ablations` asks the same of the concepts alone,
on one frozen backbone. Runs are kept and continued after an interruption; records in results/ grow
seed by seed, and what they hold is skipped.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.baseline_runs import alignment_of_the_video_alone, contrast_alone, pretrained
from benchmarks.seeds import ROOT, Measured, file_word, flags, measure_seeds, recorded
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.disentanglement import disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.presets import PRESETS

Change = Callable[[PretrainConfig], PretrainConfig]


def everything(config: PretrainConfig) -> PretrainConfig:
    """The preset as it is."""
    return config


def without(family: str, config: PretrainConfig) -> PretrainConfig:
    """The preset without one family of terms."""
    return replace(config, weights=replace(config.weights, **{family: 0.0}))


def without_queue(config: PretrainConfig) -> PretrainConfig:
    """Assignments from the batch alone."""
    return replace(config, curriculum=replace(config.curriculum, queue_size=0))


def without_filter(config: PretrainConfig) -> PretrainConfig:
    """Local contrast of all concepts, active or not."""
    return replace(config, objective=replace(config.objective, filter_top_k=0))


CHANGES: Mapping[str, Change] = {
    "everything": everything,
    "no contrast": partial(without, "contrast"),
    "no alignment": partial(without, "align"),
    "no diversity": partial(without, "diversity"),
    "no fidelity": partial(without, "fidelity"),
    "no local terms": partial(without, "local"),
    "no concept filter": without_filter,
    "no queue": without_queue,
    "contrast alone": contrast_alone,
    "alignment of the video alone (as SwAV)": alignment_of_the_video_alone,
}
"""What is compared: what each variant changes in the preset."""

PLOT = ROOT / "docs" / "images" / "ablations_from_scratch.png"
DRAWN = ("video feature, motion", "video feature, appearance", "static feature, scene", "gap")


def shortened(config: PretrainConfig, epochs: int) -> PretrainConfig:
    """A run of so many epochs in which everything starts at the same share of the way."""
    share = epochs / config.optim.epochs
    optim, curriculum = config.optim, config.curriculum
    return replace(
        config,
        optim=replace(
            optim,
            epochs=epochs,
            milestones=tuple(round(share * epoch) for epoch in optim.milestones),
            warmup_epochs=share * optim.warmup_epochs,
        ),
        curriculum=replace(curriculum, local_from_epoch=round(share * curriculum.local_from_epoch)),
    )


def measure(
    row: str, config: PretrainConfig, seeds: Sequence[int], options: argparse.Namespace
) -> Record:
    """Train and measure the seeds that the variant's record lacks, and write it after each."""
    blank = blank_record(row, config)
    clips = settings_for("own", config).clips
    data = replace(config.data, size="tiny")

    def run(seed: int) -> Measured:
        made = pretrained(config, options.runs / blank.name, options.data_dir, seed)
        train, test = (open_dataset(data, options.data_dir, part) for part in ("train", "test"))
        found = disentanglement(made.network, train, test, clips, name=row, workers=options.workers)
        videos = (found.evaluated, found.official)
        return Measured(metrics_of(found), videos, made.earlier, made.device)

    return measure_seeds(blank, seeds, run, options.results)


def draw(records: Sequence[Record], path: Path) -> None:
    """Write the plot: a dot for every seed of what features tell, and of the gap."""
    from sdc_lib.plots.dots import ablation_dots

    results = {record.row: record.values for record in records}
    whole = "everything" if "everything" in results else None
    measured = [metric for metric in DRAWN if metric in records[0].values]
    figure = ablation_dots(results, measured, reference=whole, xlabel="%, points")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def all_recorded(config: PretrainConfig, folder: Path) -> list[Record]:
    """The records of all variants, or none while one of them has no seed."""
    blanks = [blank_record(row, change(config)) for row, change in CHANGES.items()]
    records = [recorded(blank, folder) for blank in blanks]
    return records if all(record.seeds for record in records) else []


def blank_record(row: str, config: PretrainConfig) -> Record:
    """What a variant's record says before there are numbers."""
    optim = config.optim
    return Record(
        name=f"from_scratch-{file_word(row)}",
        table="from_scratch",
        row=row,
        values={},
        config=config.hash(),
        dataset="motion-factors/test",
        protocol=(
            f"{config.name} from scratch, {optim.epochs} epochs, batch {optim.batch_size}, "
            f"K={config.model.num_concepts}; disentanglement on tiny"
        ),
        column="trained here",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is missing, then draw the plot."""
    options = parse(argv)
    config = shortened(PRESETS[options.preset], options.epochs)
    records = []
    for seed in range(options.seeds):  # every variant once, then every variant again
        records = [
            measure(row, CHANGES[row](config), [seed], options) for row in options.only or CHANGES
        ]
    drawn = records if options.plot else all_recorded(config, options.results)
    if drawn:
        draw(drawn, options.plot or PLOT)
    print(f"{len(records)} variants are recorded; `make results` writes the table")
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = flags(__doc__, seeds=3)
    parser.add_argument("--preset", default="motion_factors_small", choices=sorted(PRESETS))
    parser.add_argument("--epochs", type=int, default=29, help="of every run; 29: 1,000 steps")
    parser.add_argument("--only", nargs="+", choices=list(CHANGES), metavar="VARIANT")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "from_scratch")
    parser.add_argument("--plot", type=Path, help="by default, and of all variants: that of docs")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
