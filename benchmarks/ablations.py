"""What each part of the method is worth for the concepts of a fixed backbone (``make ablations``).

The backbone of some weights is frozen and its features of the MotionFactors videos are stored; then
new heads are trained on them per variant and seed, which takes seconds, and the disentanglement of
the test videos is measured. The question answered is therefore what a part does for the *concepts*,
not for the features. Finished seeds are kept in results/ and skipped the next time.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.ablation_variants import VARIANTS, Variant, new_heads
from benchmarks.seeds import ROOT, Measured, config_hash, file_word, flags, measure_seeds
from sdc_lib.augment import ClipAugment
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.disentanglement import measure_disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.features import CachedClips, CachedViews, cache_clips, cache_views, rescore
from sdc_lib.weights import load, load_config


@dataclass(frozen=True)
class Budget:
    """What every variant gets."""

    steps: int = 300
    """Steps of the heads."""
    batch_size: int = 128
    """Videos a step."""
    lr: float = 2e-3
    """Learning rate of Adam."""
    passes: int = 4
    """Stored augmentations of each training video."""
    local_grid: tuple[int, int, int] = (1, 2, 2)
    """Positions of the stored local maps."""


@dataclass(frozen=True)
class Stored:
    """Features of the frozen backbone.

    Attributes:
        views: Of the training videos, augmented.
        train: Of the training videos, for the probes.
        test: Of the test videos.
        sha256: Of the weights that the backbone is from.
    """

    views: CachedViews
    train: CachedClips
    test: CachedClips
    sha256: str


def run_seed(variant: Variant, budget: Budget, stored: Stored, seed: int) -> Measured:
    """Train new heads once and measure them."""
    heads = new_heads(variant, stored.views, budget, seed)
    found = measure_disentanglement(rescore(heads, stored.train), rescore(heads, stored.test))
    # features are the backbone's own, the same for all variants
    metrics = {m: value for m, value in metrics_of(found).items() if "feature" not in m}
    return Measured(metrics, (found.evaluated, found.official))


def store(weights: str, data_dir: Path, budget: Budget, workers: int = 2) -> Stored:
    """Encode training views and evaluation clips with the backbone of some weights."""
    model, config = load(weights), load_config(weights)
    data = replace(config.data, size="tiny")
    train, test = (open_dataset(data, data_dir, part) for part in ("train", "test"))
    pairs = PairClips(
        train, config.data.num_frames, config.data.max_stride, ClipAugment(config.data.augment)
    )
    views = cache_views(model, pairs, budget.passes, local_grid=budget.local_grid, workers=workers)
    clips = settings_for("own", config).clips
    probes, tests = (cache_clips(model, videos, clips, workers=workers) for videos in (train, test))
    return Stored(views, probes, tests, model.provenance["sha256"])


def run_variant(
    name: str,
    budget: Budget,
    stored: Stored,
    weights: str,
    seeds: Sequence[int],
    folder: Path,
) -> Record:
    """Run the seeds that the variant's record lacks, and update it after each."""
    variant = VARIANTS[name]
    config = config_hash(asdict(variant), asdict(budget), stored.sha256)
    blank = blank_record(name, budget, weights, config)
    record = measure_seeds(blank, seeds, partial(run_seed, variant, budget, stored), folder)
    if not record.seeds:
        raise ValueError(f"no seeds to run for {name!r}")
    return record


def record_name(variant: str) -> str:
    """The file name of a variant's record."""
    return f"ablation-{file_word(variant)}"


def blank_record(name: str, budget: Budget, weights: str, config: str) -> Record:
    """What a variant's record says before there are numbers."""
    return Record(
        name=record_name(name),
        table="ablations",
        row=name,
        values={},
        config=config,
        dataset="motion-factors/test",
        protocol=(
            f"heads only, on stored features of {weights}: {budget.steps} steps, batch "
            f"{budget.batch_size}, K={VARIANTS[name].num_concepts}; disentanglement"
        ),
        column="trained here",
        notes="gap of scene and motion",
    )


def draw(records: Sequence[Record], path: Path) -> None:
    """Write the plot: the gap of every variant, mean and standard deviation over seeds."""
    from sdc_lib.plots.curves import ablation_bars

    figure = ablation_bars(
        {record.row: record.values["gap"] for record in records},
        ylabel="gap between own and other factor, points",
        reference=0.0,
        reference_name="no separation",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then print the table and draw the plot."""
    parser = flags(__doc__, seeds=3)
    parser.add_argument("--weights", default="motion_factors_small", help="whose backbone")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "images" / "ablations.png")
    parser.add_argument("--steps", type=int, default=Budget.steps)
    options = parser.parse_args(argv)
    budget = Budget(steps=options.steps)
    stored = store(options.weights, options.data_dir, budget, options.workers)
    seeds = range(options.seeds)
    records = [
        run_variant(name, budget, stored, options.weights, seeds, options.results)
        for name in VARIANTS
    ]
    draw(records, options.plot)
    print(f"{len(records)} variants are recorded; `make results` writes the table")
    return 0


if __name__ == "__main__":
    sys.exit(main())
