"""Fine-tuning on real gestures, from pretrained weights and from scratch, with one recipe.

``python -m benchmarks.real_video_finetune --gestures DIR`` trains the whole network on the training
scenes, once for each seed and start, and tests before scenes that it has not seen. Nothing is
flipped: left and right are classes.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.real_video_sets import gestures
from benchmarks.seeds import add_seed, recorded
from sdc_lib.evaluation.ledger import Record, write_record
from sdc_lib.evaluation.online import OnlineConfig, finetune
from sdc_lib.evaluation.run import open_weights
from sdc_lib.features import ClipSettings

ROOT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds that records lack, a seed of every start before the next seed."""
    options = parse(argv)
    question = gestures(options.gestures)
    ((train, test),) = question.pairs
    starts = {"from pretrained weights": options.weights, "from scratch": options.scratch}
    for seed in range(options.seeds):
        for row, weights in starts.items():
            model, config = open_weights(weights, seed)
            clips = ClipSettings(
                config.data.num_frames, config.data.augment.size, stride=options.stride
            )
            recipe = OnlineConfig(
                lr=1e-3,
                backbone_lr=1e-3,
                dropout=0.5,
                batch_size=16,
                epochs=options.epochs,
                milestones=(options.epochs * 3 // 4,),
                flip=0.0,
                workers=options.workers,
            )
            facts = json.dumps([config.hash(), asdict(recipe), asdict(clips)], sort_keys=True)
            blank = Record(
                name=f"real_video_finetune-{row.replace(' ', '-')}",
                table="real_video_finetune",
                row=f"{config.name}, {row}",
                values={},
                dataset=question.dataset,
                protocol=f"finetune: {options.epochs} epochs, {asdict(clips)}",
                column="trained here",
                config=hashlib.sha256(facts.encode()).hexdigest()[:12],
                evaluated=len(test),
                official=len(test),
            )
            record = recorded(blank, options.results)
            if seed in record.seeds:
                continue
            started = time.perf_counter()
            recipe = OnlineConfig(**{**asdict(recipe), "seed": seed})
            found = finetune(model, train, test, clips, recipe, target=question.target)
            shown = {"top-1": found.top1, "mean per class": found.mean_per_class}
            record = add_seed(record, shown, seed, time.perf_counter() - started)
            write_record(record, options.results)
            print(f"{record.row}, seed {seed}: {shown}", flush=True)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gestures", type=Path, required=True, help="folder of EgoGestAR")
    parser.add_argument("--weights", default="motion_factors_small")
    parser.add_argument("--scratch", default="random:motion_factors_small", help="random weights")
    parser.add_argument("--seeds", type=int, default=2, help="how many seeds, from 0")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
