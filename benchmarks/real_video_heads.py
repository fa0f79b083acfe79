"""New heads, trained without labels on the real grid of gestures and scenes: what each half keeps.

``python -m benchmarks.real_video_heads --gestures DIR`` freezes the backbone of some weights, keeps
its features of the videos under fresh augmentation, and trains heads for each fold on the videos of
the others. The fold's own videos are then scored, and a probe that learns from the others reads
scene and gesture from each half. No (gesture, scene) pair is on both sides.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.ablation_variants import Variant, new_heads
from benchmarks.real_video_sets import gesture_grid
from benchmarks.seeds import Measured, config_hash, flags, measure_seeds
from sdc_lib.augment import ClipAugment
from sdc_lib.config import CurriculumConfig
from sdc_lib.datasets.clips import PairClips
from sdc_lib.evaluation.disentanglement import measure_disentanglement
from sdc_lib.evaluation.factors import fold_indices
from sdc_lib.evaluation.halves import HALVES
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.opening import open_weights
from sdc_lib.evaluation.recording import weights_name
from sdc_lib.features import (
    CachedClips,
    CachedViews,
    ClipSettings,
    cache_clips,
    cache_views,
    rescore,
)

FACTORS = ("scene", "gesture")
NO_LOCAL = " ".join(f"local_{stream}" for stream in ("video", "static", "dynamic"))


def variant(num_concepts: int, decorrelation: float) -> Variant:
    """All terms but the local ones; halves with own projections and shared codebooks (ours)."""
    return Variant(
        NO_LOCAL,
        curriculum=CurriculumConfig(
            queue_size=512, decorrelation=decorrelation, decorrelation_ramp_epochs=10.0
        ),
        shared_codebooks=True,
        split_video_projection=True,
        num_concepts=num_concepts,
    )


@dataclass(frozen=True)
class Budget:
    """What every run of heads gets."""

    steps: int = 600
    batch_size: int = 128
    lr: float = 2e-3
    passes: int = 8
    max_stride: float = 6.0


@dataclass(frozen=True)
class Stored:
    """Features of the frozen backbone, of all videos in one order."""

    views: CachedViews
    clips: CachedClips
    what: str
    """Hash of the configuration that the weights were trained with."""


def store(weights: str, folder: Path, budget: Budget, stride: int, workers: int) -> Stored:
    """Encode the grid with the backbone of some weights."""
    model, config = open_weights(weights)
    videos = gesture_grid(folder)
    data = config.data
    pairs = PairClips(
        videos,
        data.num_frames,
        budget.max_stride,
        ClipAugment(data.augment),
        short_videos="pad",
        own_strides=not data.same_frames,
        same_frames=data.same_frames,
    )
    views = cache_views(model, pairs, budget.passes, workers=workers)
    settings = ClipSettings(data.num_frames, data.augment.size, stride)
    clips = cache_clips(model, videos, settings, workers=workers)
    if len(clips.features) != len(views):
        raise ValueError(f"{len(views)} videos have views, {len(clips.features)} have clips")
    return Stored(views, clips, config.hash())


def run_seed(asked: Variant, stored: Stored, budget: Budget, seed: int) -> Measured:
    """Train heads for each fold, and read both factors from their halves in the fold's videos."""
    features = stored.clips.features
    right: dict[str, list[NDArray[np.bool_]]] = {}
    for train, test in fold_indices(features, "fold"):
        rows = torch.as_tensor(train)
        known = CachedViews(stored.views.pooled[rows], None, _own(stored.views, rows), {})
        heads = new_heads(asked, known, budget, seed)
        scored = rescore(heads, stored.clips)
        found = measure_disentanglement(
            scored.subset(train), scored.subset(test), factors=FACTORS, resamples=0
        )
        for key, correct in found.correct.items():
            right.setdefault(key, []).append(correct)
    cells = {key: 100 * float(np.concatenate(x).mean()) for key, x in right.items()}
    return Measured(table_of(cells))


def _own(views: CachedViews, rows: torch.Tensor) -> torch.Tensor:
    """Which videos are shown, numbered within the chosen rows."""
    place = torch.full((len(views),), -1)
    place[rows] = torch.arange(len(rows))
    return place[views.indices[rows]]


def table_of(cells: Mapping[str, float]) -> dict[str, float]:
    """The table of halves and its gap."""
    table = {
        f"{half} half, {factor}": cells[f"distribution/{half}/{factor}"]
        for half in HALVES
        for factor in FACTORS
    }
    own = table["static half, scene"] + table["dynamic half, gesture"]
    crossed = table["static half, gesture"] + table["dynamic half, scene"]
    return {**table, "gap": (own - crossed) / 2}


def blank_record(asked: Variant, stored: Stored, options: argparse.Namespace) -> Record:
    """What a record says before there are numbers."""
    weights = weights_name(options.weights)
    concepts, decorrelation = asked.num_concepts, asked.curriculum.decorrelation
    budget = budget_of(options)
    return Record(
        name=f"real_video_heads-{weights}-K{concepts}-decorrelation{decorrelation:g}",
        table="real_video_heads",
        row=f"{weights}, K={concepts}, decorrelation {decorrelation:g}",
        values={},
        dataset="EgoGestAR, grid, each fold tested by the others",
        protocol=f"heads alone, {budget}, clips with stride {options.stride}",
        column="trained here",
        config=config_hash(asdict(asked), asdict(budget), stored.what),
        evaluated=len(stored.views),
        official=len(stored.views),
    )


def budget_of(options: argparse.Namespace) -> Budget:
    """The budget that the command line asks for."""
    return Budget(options.steps, passes=options.passes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds that records lack."""
    options = parse(argv)
    budget = budget_of(options)
    stored = store(options.weights, options.gestures, budget, options.stride, options.workers)
    for concepts, decorrelation in product(options.concepts, options.decorrelation):
        asked = variant(concepts, decorrelation)
        blank = blank_record(asked, stored, options)
        run = partial(run_seed, asked, stored, budget)
        measure_seeds(blank, range(options.seeds), run, options.results)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = flags(__doc__, seeds=2)
    parser.add_argument("--gestures", type=Path, required=True, help="folder of EgoGestAR")
    parser.add_argument("--weights", default="motion_factors_small")
    parser.add_argument("--concepts", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--decorrelation", type=float, nargs="+", default=[0.0, 30.0, 100.0])
    parser.add_argument("--steps", type=int, default=Budget.steps)
    parser.add_argument("--passes", type=int, default=Budget.passes, help="augmentations stored")
    parser.add_argument("--stride", type=int, default=4, help="of the clips that are scored")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
