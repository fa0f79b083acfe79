"""How many videos a second the loader hands over, with nothing else to do.

    python -m benchmarks.loader [--workers -1] [--seconds 10] [--out results/...json]

Training reads two clips of 16 frames of 128 px from prepared copies (Motion JPEG). Once the workers
only crop, as they do for a GPU, which flips and changes colours itself; once they do all of it.
The files are generated: textures that move, with noise.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.data import PREPARED, texture
from benchmarks.objective import device_name
from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.evaluation.ledger import current_commit
from sdc_lib.presets import PRESETS
from sdc_lib.support.processes import loader_workers
from sdc_lib.support.workers import Reading
from sdc_lib.training.batches import Batch, BatchPlan, make_loader, make_pairs
from sdc_lib.video import write_video
from sdc_lib.video.transcode import transcode

OUT = Path("results/benchmark_loader.json")
FILES, FRAMES, LISTED = 8, 104, 8192


def make_videos(folder: Path, short_side: int = 128, files: int = FILES) -> VideoDataset:
    """A data set that lists a few prepared files many times."""
    rng = np.random.default_rng(0)
    height, width = short_side, 4 * short_side // 3 // 2 * 2
    picture = texture(height + FRAMES, width + FRAMES, rng)
    paths = []
    for number in range(files):
        turned = np.roll(picture, 17 * number, axis=1)
        frames = [
            turned[step : step + height, step : step + width] + rng.normal(0, 3, (height, width, 3))
            for step in range(FRAMES)
        ]
        original, prepared = folder / f"{number}-original.mp4", folder / f"{number}.mp4"
        write_video(original, np.stack(frames).clip(0, 255).astype(np.uint8))
        transcode(original, prepared, short_side)
        paths.append(prepared)
    listed = [VideoFile(paths[i % files], f"{i:05d}", num_frames=FRAMES) for i in range(LISTED)]
    return VideoDataset("generated", folder, "train", listed)


@contextmanager
def open_loader(
    config: PretrainConfig, videos: VideoDataset, batch: int, device: torch.device
) -> Iterator[Iterator[Batch]]:
    """Batches without end, as `pretrain` reads them; the workers are gone afterwards."""
    pairs = make_pairs(config, videos, device)
    plan = BatchPlan(len(pairs), batch, seed=0, epochs=1000)
    pin = device.type == "cuda"
    with Reading(make_loader(pairs, plan, config.data.workers, pin_memory=pin)) as batches:
        yield batches


def rate(
    config: PretrainConfig, videos: VideoDataset, batch: int, device: torch.device, seconds: float
) -> float:
    """Videos a second, once what the workers read ahead is used up."""
    with open_loader(config, videos, batch, device) as batches:
        for _ in range(3 * max(1, loader_workers(config.data.workers))):
            next(batches)
        begin, read = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            next(batches)
            read += batch
        return read / (time.perf_counter() - begin)


def compare(
    config: PretrainConfig, videos: VideoDataset, batch: int, device: torch.device, seconds: float
) -> dict[str, float]:
    """`rate` by what the workers do."""
    found = {}
    for name, place in (("crop", "device"), ("crop, flip and colours", "worker")):
        data = replace(config.data, augment_on=place)  # type: ignore[arg-type]
        found[name] = round(rate(replace(config, data=data), videos, batch, device, seconds), 2)
    return found


def report(record: dict[str, Any]) -> str:
    """A record as a piece of a page."""
    lines = [
        f"{record['files']}; {record['device']}, torch {record['torch']}, "
        f"commit {record['commit']}, {record['workers']} worker(s).",
        "",
        "| workers do | videos/s | ms a video and worker |",
        "| --- | ---: | ---: |",
    ]
    for name, speed in record["videos_per_s"].items():
        cost = 1000 * max(1, record["workers"]) / speed
        lines.append(f"| {name} | {speed:.1f} | {cost:.0f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=-1, help="-1 for one a core that is left")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    config = PRESETS["ucf101"]
    config = replace(config, data=replace(config.data, workers=args.workers))
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        found = compare(config, make_videos(Path(folder)), args.batch, device, args.seconds)
    record = {
        "benchmark": "loader alone, 2 clips of 16 frames, 128 px",
        "files": f"128 px, {PREPARED}, generated",
        "workers": loader_workers(args.workers),
        "videos_per_s": found,
        "device": device_name("cpu"),
        "torch": torch.__version__,
        "commit": current_commit(),
    }
    print(report(record))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
