"""One training step, as a first draft has it (`reference`) and as it is here (`fast`).

``reference``: eager, float32 as PyTorch ships it, contiguous, six full views from the host, the
looped objective. ``fast``: channels_last_3d, views made on the device, the objective of
`sdc_lib.objective`, and on a GPU bfloat16 and torch.compile (views count as network there). Each
runs in a process of its own. On a CPU, seconds are processor time on one thread, which other work
on the machine hardly changes.

    python -m benchmarks.step [--preset motion_factors_tiny] [--device cpu] [--batch 16]
"""

import argparse
import json
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.objective import _peak_bytes, device_name
from sdc_lib.augment import normalize
from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig
from sdc_lib.model import HeadsOutput, build_model
from sdc_lib.objective import SDCObjective
from sdc_lib.presets import PRESETS
from sdc_lib.training.estimate import count
from sdc_lib.training.networks import SixViews
from sdc_lib.views import assemble_views
from tests.reference.looped import looped_total

MODES = ("reference", "fast")
STEPS = 3
PEAK_TFLOPS = {"H100": 800.0, "H200": 800.0, "A100": 280.0}
"""Dense bfloat16 products per second that large matrices reach, by a part of the card's name."""
OUT = Path("results")


class Timer:
    """Adds up the time of named parts."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        start = self._now()
        yield
        self.seconds[name] += self._now() - start

    def _now(self) -> float:
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


class Step:
    """A training step on random pixels in one of the modes."""

    def __init__(self, mode: str, config: PretrainConfig, batch: int, device: str) -> None:
        torch.manual_seed(0)
        self.mode, self.device = mode, device
        self.fast = mode == "fast"
        self.half = self.fast and device != "cpu"
        size, frames = config.data.augment.size, config.data.num_frames
        self.clips = torch.randint(0, 256, (batch, 2, 3, frames, size, size), dtype=torch.uint8)
        self.model = build_model(config.model).to(device)
        if self.fast:
            self.model.backbone.to(memory_format=torch.channels_last_3d)
        if self.half:
            self.model.backbone.compile()
        self.network = SixViews(self.model, config.data.boundary)
        self.queue = ScoreQueue(config.curriculum.queue_size, config.model.num_concepts).to(device)
        self.objective = SDCObjective()
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, weight_decay=1e-5)

    def once(self, timer: Timer) -> None:
        """Do one step."""
        self.model.heads.normalize_codebooks_()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            output = self._forward(timer)
        with timer.part("objective"):
            rows = self.queue.rows()
            total = self._total_of_terms if self.fast else looped_total
            loss = total(output, rows)
            self.queue.push(output.scores)
        with timer.part("backward"):
            loss.backward()
        with timer.part("optimizer"):
            self.optimizer.step()
            self.optimizer.zero_grad()

    def _total_of_terms(self, output: HeadsOutput, rows: Tensor | None) -> Tensor:
        weighted: Tensor = self.objective(output, rows).total()
        return weighted

    def _forward(self, timer: Timer) -> HeadsOutput:
        stills = self.clips[:, :, :, :1]
        if self.fast:
            with timer.part("views"):
                clips, stills = self.clips.to(self.device), stills.to(self.device)
            with timer.part("network"):
                output: HeadsOutput = self.network(clips, stills).output
            return output
        with timer.part("views"):
            views: Tensor = assemble_views(normalize(self.clips), normalize(stills))
            views = views.to(self.device)
        with timer.part("network"):
            return self.model(views)  # type: ignore[no-any-return]


def measure(mode: str, config: PretrainConfig, batch: int, device: str) -> dict[str, Any]:
    """Samples per second, peak memory, and each part's share of the time."""
    step = Step(mode, config, batch, device)
    step.once(Timer(device))  # allocates, compiles, fills part of the queue
    timer = Timer(device)
    for _ in range(STEPS):
        step.once(timer)
    total = sum(timer.seconds.values())
    return {
        "mode": mode,
        "samples_per_s": round(batch * STEPS / total, 3),
        "seconds_per_step": round(total / STEPS, 4),
        "peak_mib": round(_peak_bytes(device) / 2**20),
        "share": {name: round(part / total, 4) for name, part in timer.seconds.items()},
    }


def measure_apart(mode: str, config: PretrainConfig, batch: int, device: str) -> dict[str, Any]:
    """`measure` in a process of its own, so that peaks do not mix."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_send, args=(sender, mode, config, batch, device))
    process.start()
    sender.close()
    try:
        row: dict[str, Any] = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"measuring {mode} ended with {process.exitcode}") from None
    process.join()
    return row


def _send(sender: Connection, mode: str, config: PretrainConfig, batch: int, device: str) -> None:
    if device == "cpu":
        torch.set_num_threads(1)
    sender.send(measure(mode, config, batch, device))


def benchmark(config: PretrainConfig, batch: int, device: str) -> dict[str, Any]:
    """Both modes as one record."""
    flops = count(config).flops
    name = device_name(device)
    peak = next((tflops for card, tflops in PEAK_TFLOPS.items() if card in name), None)
    rows = [measure_apart(mode, config, batch, device) for mode in MODES]
    for row in rows:
        row["tflops"] = round(flops * row["samples_per_s"] / 1e12, 5)
        row["utilisation"] = None if peak is None else round(row["tflops"] / peak, 4)
    return {
        "benchmark": "training step, all terms",
        "preset": config.name,
        "config_hash": config.hash(),
        "batch": batch,
        "clock": "processor time, one thread" if device == "cpu" else "wall time",
        "device": name,
        "torch": torch.__version__,
        "tflop_per_sample": round(flops / 1e12, 6),
        "speedup": round(rows[1]["samples_per_s"] / rows[0]["samples_per_s"], 2),
        "rows": rows,
    }


def table(record: dict[str, Any]) -> str:
    """The record as a Markdown table."""
    lines = [
        "| mode | videos/s | peak MiB | TFLOP/s | utilisation | views | network | objective "
        "| backward | optimizer |",
        "|---|" + "---:|" * 9,
    ]
    for row in record["rows"]:
        share = " | ".join(f"{part:.0%}" for part in row["share"].values())
        used = "-" if row["utilisation"] is None else f"{row['utilisation']:.0%}"
        lines.append(
            f"| {row['mode']} | {row['samples_per_s']:.2f} | {row['peak_mib']} "
            f"| {row['tflops']:.3g} | {used} | {share} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="motion_factors_tiny", choices=list(PRESETS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, help="videos a step; the preset's by default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = PRESETS[options.preset]
    config = replace(config, optim=replace(config.optim, compile=False))
    record = benchmark(config, options.batch or config.optim.batch_size, options.device)
    out = options.out or OUT / f"benchmark_step_{options.preset}_{options.device}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{record['device']}, {record['clock']}, {options.preset}, B={record['batch']}")
    print(table(record))


if __name__ == "__main__":
    main()
