"""Where the concepts of weights look on MotionFactors, and what that must be compared with.

``python -m benchmarks.localisation WEIGHTS`` writes five records to results/: the weights, the
same with every clip's frames in random order, untrained heads on the same backbone, and two that
have four times the places to look at: clips of twice the side, and a backbone without its last
stride.
"""

import argparse
import copy
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from benchmarks.seeds import ROOT, add_seed
from sdc_lib.datasets import MotionFactors
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.ledger import Record, write_record
from sdc_lib.evaluation.localisation import Localisation, localisation, untrained_heads
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.model import SDC
from sdc_lib.weights import load, load_config

VARIANTS = {
    "plain": "",
    "shuffled": ", frames shuffled",
    "enlarged": ", twice the side",
    "dense": ", last stride left out",
    "untrained": ", untrained heads",
}


def measure(weights: str, key: str, videos: MotionFactors, seeds: range, folder: Path) -> Record:
    """Measure one variant with every seed and write its record."""
    model, config = load(weights), load_config(weights)
    clips = settings_for("own", config).clips
    if key == "enlarged":
        clips = replace(clips, size=2 * clips.size)
    if key == "dense":
        model = without_last_stride(model)
    row = config.name + VARIANTS[key]
    record = Record(
        name="-".join(["localisation", config.name, *([key] if key != "plain" else [])]),
        table="localisation",
        row=row,
        values={},
        config=config.hash(),
        dataset=f"{videos.name}/{videos.split}",
        evaluated=len(videos),
        official=len(videos) + len(videos.left_out),
        protocol=f"localisation: {clips}; strongest concept of each half of each clip of the video",
        column="trained here",
    )
    for seed in seeds:
        started = time.perf_counter()
        network = untrained_heads(model, config.model, seed) if key == "untrained" else model
        shuffle = key == "shuffled"
        found = localisation(network, videos, clips, shuffle_time=shuffle, name=row, seed=seed)
        record = add_seed(record, metrics_of(found), seed, time.perf_counter() - started)
        write_record(record, folder)
        print(found, flush=True)
    return record


def without_last_stride(model: SDC) -> SDC:
    """The same network with a local map of twice the height and width, without training again.

    The last convolution that strides over the picture is computed at every place, and those after
    it take every other one (Holschneider's algorithme à trous, "dilated" in PyTorch). What was
    computed before is every other place of the new map.
    """
    finer = copy.deepcopy(model)
    spatial = [
        layer
        for layer in finer.backbone.modules()
        if isinstance(layer, nn.Conv3d) and layer.kernel_size[1] > 1
    ]
    last = max(at for at, layer in enumerate(spatial) if layer.stride[1] > 1)
    spatial[last].stride = (spatial[last].stride[0], 1, 1)
    for layer in spatial[last + 1 :]:
        layer.dilation = (1, 2, 2)
        layer.padding = (layer.kernel_size[0] // 2, 2, 2)
    return finer


def metrics_of(found: Localisation) -> dict[str, float | Estimate]:
    """The ratios by name, in per cent: 100 is attention that does not care."""
    ratios = {
        f"{half} concepts on the {region}": ratio
        for half, row in found.ratios.items()
        for region, ratio in row.items()
    }
    ratios["the shape itself on the shape"] = found.sharpest["shape"]
    return {
        name: Estimate(100 * ratio.value, 100 * ratio.low, 100 * ratio.high)
        for name, ratio in ratios.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the variants that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="name of shipped weights, or a file")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--seeds", type=int, default=3, help="of untrained heads")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args(argv)
    data = replace(load_config(options.weights).data, dataset="motion-factors", size="tiny")
    videos = open_dataset(data, options.data_dir, options.split)
    if not isinstance(videos, MotionFactors):
        raise TypeError(f"MotionFactors is needed, got {videos}")
    for key in options.only:
        seeds = range(options.seeds if key == "untrained" else 1)
        measure(options.weights, key, videos, seeds, options.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
