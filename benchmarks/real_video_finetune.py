"""Fine-tuning on real gestures, from pretrained weights and from scratch, with one recipe.

``python -m benchmarks.real_video_finetune --gestures DIR`` trains the whole network on the training
scenes, once for each seed and start, and tests before scenes that it has not seen. Nothing is
flipped: left and right are classes.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.real_video_sets import Question, gestures
from benchmarks.seeds import Measured, config_hash, flags, measure_seeds
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.online import OnlineConfig, finetune
from sdc_lib.evaluation.opening import open_weights
from sdc_lib.features import ClipSettings


def recipe(epochs: int, workers: int) -> OnlineConfig:
    """One recipe for every start; the learning rate falls after three quarters of the epochs."""
    return OnlineConfig(
        lr=1e-3,
        backbone_lr=1e-3,
        dropout=0.5,
        batch_size=16,
        epochs=epochs,
        milestones=(epochs * 3 // 4,),
        flip=0.0,
        workers=workers,
    )


def measure(
    question: Question, start: str, weights: str, seed: int, options: argparse.Namespace
) -> None:
    """Fine-tune from weights and test, unless the record has this seed."""
    ((train, test),) = question.pairs
    model, config = open_weights(weights, seed)
    clips = ClipSettings(config.data.num_frames, config.data.augment.size, options.stride)
    training = recipe(options.epochs, options.workers)
    blank = Record(
        name=f"real_video_finetune-{config.name}-{start.replace(' ', '-')}",
        table="real_video_finetune",
        row=f"{config.name}, {start}",
        values={},
        dataset=question.dataset,
        protocol=f"finetune: {options.epochs} epochs, {asdict(clips)}",
        column="trained here",
        config=config_hash(config.hash(), asdict(training), asdict(clips)),
        evaluated=len(test),
        official=len(test),
    )

    def run(seed: int) -> Measured:
        own = replace(training, seed=seed)
        found = finetune(model, train, test, clips, own, target=question.target)
        return Measured({"top-1": found.top1, "mean per class": found.mean_per_class})

    measure_seeds(blank, [seed], run, options.results)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds that records lack, a seed of every start before the next seed."""
    options = parse(argv)
    question = gestures(options.gestures)
    starts = {"from pretrained weights": options.weights, "from scratch": options.scratch}
    for seed in range(options.seeds):
        for start, weights in starts.items():
            measure(question, start, weights, seed, options)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = flags(__doc__, seeds=2)
    parser.add_argument("--gestures", type=Path, required=True, help="folder of EgoGestAR")
    parser.add_argument("--weights", default="motion_factors_small")
    parser.add_argument("--scratch", default="random:motion_factors_small", help="random weights")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--stride", type=int, default=4)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
