"""What frozen networks see in real video: gestures before scenes, and a few classes of UCF-101.

``python -m benchmarks.real_video --gestures DIR --ucf101 DIR`` reads own copies (layout:
docs/real_video.md) and leaves records in results/. Every video is decoded once; random weights, the
weights named and the controls (length, one frame) see the same clips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from benchmarks.real_video_sets import (
    Decoded,
    Pair,
    Question,
    gesture_grid,
    gestures,
    lengths,
    of_split,
    ucf101,
)
from benchmarks.seeds import Measured, Metrics, flags, measure_seeds
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import Pixels, random_model
from sdc_lib.evaluation.disentanglement import disentanglement_by_folds
from sdc_lib.evaluation.estimates import Estimate, bootstrap_draws, interval
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.linear import linear_probe
from sdc_lib.evaluation.retrieval import knn, retrieve
from sdc_lib.features import ClipSettings, Features
from sdc_lib.presets import PRESETS
from sdc_lib.weights import load, load_config

STREAM_NAMES = {"video": "video", "static": "still", "dynamic": "difference"}


def learned(whole: Features, pairs: Sequence[Pair], target: str | None, one: str = "") -> Metrics:
    """Linear probe, nearest neighbour and kNN on every stream, over the test videos of all folds.

    Args:
        whole: Features of all videos.
        pairs: Train and test, one pair a fold.
        target: The labelling.
        one: Only the linear probe, under this name.
    """
    right: dict[str, list[NDArray[np.bool_]]] = {}
    for train, test in ((of_split(whole, a), of_split(whole, b)) for a, b in pairs):
        for stream in whole.pooled:
            name = one or STREAM_NAMES[stream]
            probe = linear_probe(train, test, target=target, stream=stream)
            right.setdefault(f"linear, {name}", []).append(probe.correct)
            if not one:
                nearest = retrieve(train, test, target=target, stream=stream)
                voted = knn(train, test, target=target, stream=stream)
                right.setdefault(f"R@1, {name}", []).append(nearest.first_hit == 1)
                right.setdefault(f"kNN, {name}", []).append(voted.correct)
    return {name: _accuracy(np.concatenate(parts)) for name, parts in right.items()}


def _accuracy(right: NDArray[np.bool_]) -> Estimate:
    draws = bootstrap_draws(len(right), 1000, 0)
    return interval(100 * (draws @ right) / len(right))


def networks(options: argparse.Namespace) -> Iterator[tuple[str, str, int, nn.Module]]:
    """Row of the table, hash of the configuration, seed and network; random ones first."""
    preset = PRESETS[options.preset]
    for seed in range(options.seeds):
        yield "random weights", preset.hash(), seed, random_model(preset.model, seed)
    for name in options.weights:
        config = load_config(name)
        # seeds of one configuration share a row
        yield config.name, replace(config, seed=0).hash(), config.seed, load(name)


class Keeper:
    """Keeps a record a row of a table.

    Args:
        question: What the numbers are about: part of names, and the table.
        dataset: In the table.
        tested: Test videos.
        clips: How they became clips.
        folder: Where records are.
    """

    def __init__(
        self, question: str, dataset: str, tested: int, clips: ClipSettings, folder: Path
    ) -> None:
        self.question, self.dataset, self.tested = question, dataset, tested
        self.clips, self.folder = clips, folder

    def keep(self, row: str, config: str, seed: int, measure: Callable[[], Metrics]) -> None:
        """Measure and add to the record of a row, unless it has this seed."""
        blank = Record(
            name=f"real_video_{self.question}-{row.replace(' ', '-')}-stride{self.clips.stride}",
            table=f"real_video_{self.question}",
            row=f"{row}, stride {self.clips.stride}",
            values={},
            dataset=self.dataset,
            protocol=f"frozen: {asdict(self.clips)}",
            column="trained here",
            config=config,
            evaluated=self.tested,
            official=self.tested,
        )
        measure_seeds(blank, [seed], lambda _: Measured(measure()), self.folder)


def ask(question: Question, grid: VideoDataset | None, options: argparse.Namespace) -> None:
    """Answer a question, and that of the grid of the same videos, for every network."""
    clips = ClipSettings(options.frames, options.size, options.stride)
    decoded = Decoded(question.videos, clips, options.workers)
    tested = sum(len(test) for _, test in question.pairs)
    keeper = Keeper(question.key, question.dataset, tested, clips, options.results)

    def alone(features: Features, name: str) -> Metrics:
        return learned(features, question.pairs, question.target, name)

    for row, config, seed, model in networks(options):
        whole: list[Features] = []

        def seen(model: nn.Module = model, whole: list[Features] = whole) -> Features:
            whole[:] = whole or [decoded.encode(model)]
            return whole[0]

        def measure(seen: Callable[[], Features] = seen, model: nn.Module = model) -> Metrics:
            frame = learned(
                decoded.encode_one_frame(model), question.pairs, question.target, "one frame"
            )
            return {**learned(seen(), question.pairs, question.target), **frame}

        def by_folds(seen: Callable[[], Features] = seen) -> Metrics:
            assert grid is not None
            features = of_split(seen(), grid)
            return metrics_of(
                disentanglement_by_folds(features, "fold", factors=("scene", "gesture"))
            )

        keeper.keep(row, config, seed, measure)
        if grid is not None:
            about = "EgoGestAR, grid, each fold tested by the others"
            Keeper("grid", about, len(grid), clips, options.results).keep(
                row, config, seed, by_folds
            )
    plain = PRESETS[options.preset].hash()
    pixels = decoded.encode_one_frame(Pixels())
    long = lengths(pixels, question.videos.root)
    keeper.keep("pixels of one frame", plain, 0, lambda: alone(pixels, "one frame"))
    keeper.keep("length alone", plain, 0, lambda: alone(long, "video"))


def main(argv: Sequence[str] | None = None) -> int:
    """Answer what has no record yet."""
    options = parse(argv)
    if options.gestures:
        ask(gestures(options.gestures), gesture_grid(options.gestures), options)
    if options.ucf101:
        ask(ucf101(options.ucf101), None, options)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = flags(__doc__, seeds=3)
    parser.add_argument("--gestures", type=Path, help="folder of EgoGestAR")
    parser.add_argument("--ucf101", type=Path, help="folder of UCF-101, or of some of its classes")
    parser.add_argument("--weights", nargs="*", default=["motion_factors_small"], help="as sdc")
    parser.add_argument("--preset", default="motion_factors_small", choices=sorted(PRESETS))
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=48, help="pixels")
    parser.add_argument("--stride", type=int, default=4)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
