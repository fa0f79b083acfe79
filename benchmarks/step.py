"""One training step as `pretrain` does it, against a first draft and without each of its means.

``reference`` is the first draft: eager, float32 as PyTorch ships it, contiguous, six full views,
the looped objective. ``pretrain`` is the library's own step: on a GPU in bf16 and compiled, in
channels_last_3d, with widths filled up to eight and static views on few frames. On a GPU it is
measured on random pixels that are there, on a batch that is copied and augmented there, and fed by
the loader; then goals are printed as met or not. Up to 10 steps to warm up and up to 30 timed ones,
medians; what is slow is timed less often. On a CPU, seconds are processor time on one thread.
Every row is in the file as soon as it is measured.

    python -m benchmarks.step [--preset ucf101] [--device cuda] [--batch 24] [--max-minutes 8]
    python -m benchmarks.step --toy      # rehearse all of it in seconds
"""

import argparse
import itertools
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.loader import compare, make_videos, open_loader
from benchmarks.objective import device_name
from benchmarks.step_report import COPIED, FED, OURS, goals, report, table
from benchmarks.step_rows import (
    TIMED,
    Step,
    Variant,
    cpu_variants,
    full_views,
    gpu_variants,
    host_syncs,
    measure,
    prepared,
    product_tflops,
    shares,
)
from sdc_lib.config import PretrainConfig
from sdc_lib.evaluation.ledger import current_commit
from sdc_lib.model import SDC
from sdc_lib.presets import PRESETS, at_toy_size
from sdc_lib.support.files import type_and_first_line, write_atomically
from sdc_lib.support.memory import PREFETCH
from sdc_lib.support.processes import loader_workers
from sdc_lib.training.counting import count

PEAK_TFLOPS = {"H100": 800.0, "H200": 800.0, "A100": 280.0}
"""Dense bfloat16 products per second that large matrices reach, by a part of the card's name."""
OUT = Path("results")
COMPILING, EAGER = 90.0, 25.0
"""Seconds to keep in hand for a row."""


class Bench:
    """One call: its settings, its record so far, and when it has to end."""

    def __init__(self, config: PretrainConfig, options: argparse.Namespace) -> None:
        self.config, self.device, self.out = config, str(options.device), Path(options.out)
        self.on_gpu = self.device != "cpu"
        self.batch, self.large = int(options.batch), int(options.large)
        self.row_seconds = float(options.row_seconds)
        self.fed = self.on_gpu or options.toy
        self.end = time.perf_counter() + 60 * options.max_minutes
        self.rows: list[dict[str, Any]] = []
        self.record: dict[str, Any] = {
            "benchmark": "training step, all terms",
            "preset": config.name,
            "config_hash": config.hash(),
            "clip": f"{config.data.num_frames} frames, {config.data.augment.size} px",
            "clock": "GPU, events" if self.on_gpu else "processor time, one thread",
            "device": device_name(self.device),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "commit": current_commit(),
            "rows": self.rows,
        }

    def run(self) -> None:
        """All rows for which there is time, then what follows from them."""
        if self.on_gpu:
            self.record["product_tflops"] = product_tflops()
        with tempfile.TemporaryDirectory() as folder:
            self._try(OURS, self.batch, partial(self._headline, Path(folder)))
        variants = gpu_variants(self.batch, self.large) if self.on_gpu else cpu_variants(self.batch)
        self.record["left_out"] = self._others(variants)
        self._count()
        self.record["goals"] = goals(self.record)
        self.save()

    def save(self) -> None:
        """Write what there is."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.out, (json.dumps(self.record, indent=2) + "\n").encode())

    def _add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self.save()
        print(table([row]).splitlines()[-1], flush=True)

    def _try(self, name: str, batch: int, work: Callable[[], None]) -> None:
        """One row that fails must not keep the others from being measured."""
        try:
            work()
        except Exception as error:
            self._add({"name": name, "batch": batch, "error": type_and_first_line(error)})

    def _headline(self, folder: Path) -> None:
        variant = Variant(OURS, self.batch)
        with prepared(variant, self.config, self.device) as step:
            row = measure(step, self.row_seconds)
            row["shares"] = shares(step, row["seconds_per_step"])
            row["host_syncs"] = host_syncs(step) if self.on_gpu else None
            self._add(row)
            if self.fed:
                self._feed(step, folder)

    def _feed(self, step: Step, folder: Path) -> None:
        data = replace(self.config.data, workers=-1 if self.on_gpu else 0)
        config = replace(self.config, data=data)
        videos = make_videos(folder, *(() if self.on_gpu else (config.data.augment.size * 2, 2)))
        with open_loader(config, videos, self.batch, step.device) as batches:
            step.batches = itertools.repeat(next(batches))
            row = measure(step, self.row_seconds)
            self._add(
                {**row, "name": COPIED, "host_syncs": host_syncs(step) if self.on_gpu else None}
            )
            step.batches = batches
            ahead = loader_workers(data.workers) * PREFETCH  # batches that hide a slow loader
            row = measure(step, 2 * self.row_seconds, max(TIMED, 3 * ahead), mean=True)
            self._add({**row, "name": FED})
        seconds = min(8.0, self.row_seconds)
        self.record["loader_alone"] = compare(config, videos, self.batch, step.device, seconds)
        self.record["loader_workers"] = loader_workers(data.workers)
        print(f"loader alone, videos/s: {self.record['loader_alone']}", flush=True)

    def _others(self, variants: Iterable[Variant]) -> list[str]:
        """Measure the other rows; the names of those for which there was no time."""
        left_out, compiling = [], COMPILING
        for variant in variants:
            compiles = variant.compiled and self.on_gpu
            begin = time.perf_counter()
            if begin + (compiling if compiles else EAGER) > self.end:
                left_out.append(variant.name)
                continue
            self._try(variant.name, variant.batch, partial(self._one, variant))
            if compiles:
                compiling = 1.2 * (time.perf_counter() - begin)
        return left_out

    def _one(self, variant: Variant) -> None:
        with prepared(variant, self.config, self.device) as step:
            self._add(measure(step, self.row_seconds))

    def _count(self) -> None:
        """FLOPs of a video as it is computed, and with all six views in full."""
        computed = count(self.config).flops
        short, SDC.forward_stills = SDC.forward_stills, full_views  # type: ignore[method-assign,assignment]
        try:
            full = count(self.config).flops
        finally:
            SDC.forward_stills = short  # type: ignore[method-assign]
        self.record["tflop_per_video"] = {
            "computed": computed / 1e12,
            "six full views": full / 1e12,
        }
        name = self.record["device"]
        peak = next((tflops for card, tflops in PEAK_TFLOPS.items() if card in name), None)
        for row in self.rows:
            if peak and "videos_per_s" in row:
                row["utilisation"] = round(full * row["videos_per_s"] / 1e12 / peak, 4)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=list(PRESETS), help="ucf101, on a CPU the tiny one")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, help="videos a step; 24, on a CPU the preset's")
    parser.add_argument("--large", type=int, default=64, help="batch of a further row on a GPU")
    parser.add_argument("--max-minutes", type=float, default=8.0, help="start no row after that")
    parser.add_argument("--row-seconds", type=float, default=12.0, help="for the steps of a row")
    parser.add_argument("--toy", action="store_true", help="everything made small, to rehearse it")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    on_gpu = options.device != "cpu"
    config = PRESETS[options.preset or ("ucf101" if on_gpu else "motion_factors_tiny")]
    config = at_toy_size(config) if options.toy else config
    options.batch = options.batch or (24 if on_gpu and not options.toy else config.optim.batch_size)
    options.large = min(options.large, 2 * options.batch) if options.toy else options.large
    options.out = options.out or OUT / f"benchmark_step_{config.name}_{options.device}.json"
    if not on_gpu:
        torch.set_num_threads(1)
    bench = Bench(config, options)
    print(
        f"{bench.record['device']}, {bench.record['clock']}, {config.name}, "
        f"torch {torch.__version__}"
    )
    print(table([]), flush=True)
    bench.run()
    print(f"\n{report(bench.record)}\nwritten to {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
