"""Heads on one frozen backbone: how far seeds spread, and what other settings would give.

``python -m benchmarks.heads seeds`` trains the heads of a preset once a seed and measures on test
videos what each half of their concepts tells; the weights that ship are seed 0.
``python -m benchmarks.heads settings`` trains them with other settings, without local terms, and
measures on validation videos. The backbone encodes the videos that probes learn from and are asked
about once for all. Runs are kept and continued after an interruption; what a record in results/
holds is skipped.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from benchmarks.baseline_runs import Made, pretrained
from benchmarks.seeds import ROOT, Measured, file_word, flags, measure_seeds
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.names import Split, open_dataset
from sdc_lib.evaluation.disentanglement import measure_disentanglement
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.halves import HALVES
from sdc_lib.evaluation.ledger import Record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.features import CachedClips, cache_clips, rescore
from sdc_lib.model import SDC
from sdc_lib.presets import PRESETS
from sdc_lib.weights import load

NEVER = 100_000
"""An epoch that no run reaches."""
ONE = {"dynamic_alignment_temperature": None}
"""The same temperature in both halves."""
ONE_LOWER = {**ONE, "alignment_temperature": 0.06}
SETTINGS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "as it ships": {},
    "dynamic temperature 0.05": {"objective": {"dynamic_alignment_temperature": 0.05}},
    "one temperature": {"objective": ONE},
    "one temperature, 192 concepts": {"objective": ONE, "model": {"num_concepts": 192}},
    "one temperature, twice the steps": {
        "objective": ONE,
        "optim": {"epochs": 224, "milestones": (214,)},
    },
    "one temperature, weight 200": {"objective": ONE, "curriculum": {"decorrelation": 200.0}},
    "one temperature of 0.06": {"objective": ONE_LOWER},
    "one temperature of 0.06, weight 300": {
        "objective": ONE_LOWER,
        "curriculum": {"decorrelation": 300.0},
    },
}
"""What is compared: what each changes in the preset, by section."""


def changed(config: PretrainConfig, setting: str) -> PretrainConfig:
    """The preset with a setting, and without local terms.

    With one temperature they change none of these numbers; that was measured.
    """
    sections = SETTINGS[setting]
    parts = {name: replace(getattr(config, name), **new) for name, new in sections.items()}
    config = replace(config, **parts)
    return replace(config, curriculum=replace(config.curriculum, local_from_epoch=NEVER))


def encoded(config: PretrainConfig, part: Split, options: argparse.Namespace) -> list[CachedClips]:
    """Features of the training videos and of a part, by the backbone that all heads share."""
    model, clips = load(config.init_backbone), settings_for("own", config).clips
    data = replace(config.data, size=options.size)
    parts: tuple[Split, ...] = ("train", part)
    videos = (open_dataset(data, options.data_dir, name) for name in parts)
    return [cache_clips(model, some, clips, workers=options.workers) for some in videos]


def measure(
    blank: Record,
    make: Callable[[int], Made],
    seeds: Sequence[int],
    clips: Sequence[CachedClips],
    folder: Path,
) -> Record:
    """Train and measure the seeds that a record lacks, and write it after each."""

    def run(seed: int) -> Measured:
        network, earlier, device = make(seed)
        heads = cast(SDC, network).heads
        train, asked = (rescore(heads, part) for part in clips)
        found = measure_disentanglement(train, asked)
        metrics = metrics_of(found)
        if blank.table == "head_settings":
            cells = [f"{half} half, {factor}" for half in HALVES for factor in found.factors[:2]]
            metrics = {name: metrics[name] for name in (*cells, "gap")}
        return Measured(metrics, (found.evaluated, found.official), earlier, device)

    return measure_seeds(blank, seeds, run, folder)


def measure_spread(config: PretrainConfig, options: argparse.Namespace) -> list[Record]:
    """Several seeds of the preset on test videos; the first one ships."""

    def make(seed: int) -> Made:
        if seed == config.seed:
            return Made(load(config.name))
        return pretrained(config, options.runs / config.name, options.data_dir, seed)

    blank = blank_record(config, "test", options)
    blank = replace(
        blank,
        name=f"disentanglement-{config.name}-heads-on-{options.size}",
        table="disentanglement",
        row=f"{config.name}, seeds of the heads",
        notes="one backbone; seed 0 is what ships",
    )
    clips = encoded(config, "test", options)
    return [measure(blank, make, range(options.seeds), clips, options.results)]


def measure_settings(config: PretrainConfig, options: argparse.Namespace) -> list[Record]:
    """One seed of every setting on validation videos."""
    clips = encoded(config, "val", options)
    records = []
    for setting in options.only or SETTINGS:
        own = changed(config, setting)
        word = file_word(setting, keep=".")

        def make(seed: int, own: PretrainConfig = own, word: str = word) -> Made:
            return pretrained(own, options.runs / word, options.data_dir, seed)

        blank = blank_record(own, "val", options)
        blank = replace(blank, name=f"head_settings-{word}", row=setting)
        records.append(measure(blank, make, [options.seed], clips, options.results))
    return records


def blank_record(config: PretrainConfig, part: str, options: argparse.Namespace) -> Record:
    """What a record says before there are numbers."""
    dataset = "motion-factors" if options.size == "tiny" else f"motion-factors-{options.size}"
    return Record(
        name="",
        table="head_settings",
        row="",
        values={},
        config=config.hash(),
        dataset=f"{dataset}/{part}",
        protocol=f"disentanglement: {settings_for('own', config).clips}",
        column="trained here",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the records lack."""
    options = parse(argv)
    work = measure_spread if options.what == "seeds" else measure_settings
    work(PRESETS[options.preset], options)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    frozen = [name for name, config in PRESETS.items() if config.optim.freeze_backbone]
    parser = flags(__doc__, seeds=3)
    parser.add_argument("what", choices=("seeds", "settings"))
    parser.add_argument("--preset", default="motion_factors_small_decorrelated", choices=frozen)
    parser.add_argument("--size", default="small", choices=("tiny", "small"), help="of the probes")
    parser.add_argument("--seed", type=int, default=1, help="of the settings")
    parser.add_argument("--only", nargs="+", choices=list(SETTINGS), metavar="SETTING")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "heads")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
