"""A training step of an earlier commit and of this one, in turns: other work matters little then.

    python -m benchmarks.versions COMMIT [--preset motion_factors_tiny] [--steps 6] [--threads 1]

Each version has a process of its own, which imports its own ``sdc_lib``; only one of them works at
a time. Steps are those of `pretrain` on a CPU, on random pixels, with all terms.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from benchmarks.objective import device_name
from benchmarks.seeds import ROOT
from sdc_lib.evaluation.ledger import current_commit

OUT = Path("results/benchmark_versions.json")

WORKER = """
import sys, time
import torch
from sdc_lib.objective import SDCObjective
from sdc_lib.presets import PRESETS
from sdc_lib.training import state as states
from sdc_lib.training.batches import PixelBatch
from sdc_lib.training.schedule import Phase
from sdc_lib.training.step import compute_losses
try:
    from sdc_lib.support.tuning import tune
except ImportError:
    tune = lambda device: None
try:
    from sdc_lib.training.fabric import make_fabric
except ImportError:
    make_fabric = states.make_fabric

torch.set_num_threads(int(sys.argv[2]))
tune("cpu")
config = PRESETS[sys.argv[1]]
fabric = make_fabric(config, "cpu")
fabric.launch()
state = states.build_state(config, fabric)
size, n = config.data.augment.size, config.optim.batch_size
clips = torch.randint(0, 256, (n, 2, 3, config.data.num_frames, size, size), dtype=torch.uint8)
batch = PixelBatch(clips, clips[:, :, :, :1], torch.arange(n), torch.zeros(n, dtype=torch.bool))
objective, phase = SDCObjective(config.objective), Phase(True, True, True, 0.0)
for line in sys.stdin:
    wall, busy = time.perf_counter(), time.process_time()
    states.set_modes(state.model, False)
    state.model.heads.normalize_codebooks_()
    state.optimizer.zero_grad(set_to_none=True)
    losses = compute_losses(state.network, batch, objective, state.queue, phase, config.weights)
    fabric.backward(losses.total)
    state.optimizer.step()
    print(time.process_time() - busy, time.perf_counter() - wall, flush=True)
"""


def start(tree: Path, preset: str, threads: int) -> subprocess.Popen[str]:
    """A process that makes one step for every line it gets."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, preset, str(threads)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": str(threads)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def one_step(process: subprocess.Popen[str]) -> tuple[float, float]:
    """Processor and wall seconds of the next step."""
    assert process.stdin is not None
    assert process.stdout is not None
    return _answer(process.stdin, process.stdout)


def _answer(to: IO[str], back: IO[str]) -> tuple[float, float]:
    to.write("\n")
    to.flush()
    words = back.readline().split()
    if len(words) != 2:
        raise RuntimeError("a version ended before its step was done; its error stands above")
    return float(words[0]), float(words[1])


def compare(commit: str, preset: str, steps: int, threads: int) -> dict[str, Any]:
    """Medians of both versions, and how many times faster this one is."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["git", "archive", commit, "sdc_lib"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        versions = [start(tree, preset, threads) for tree in (Path(folder), ROOT)]
        try:
            for _ in range(2):  # warm up
                for version in versions:
                    one_step(version)
            rounds = [[one_step(version) for version in versions] for _ in range(steps)]
        finally:
            for version in versions:
                version.kill()
                version.communicate()
    medians = [
        [statistics.median(times[v][clock] for times in rounds) for clock in range(2)]
        for v in range(2)
    ]
    return {
        "benchmark": "training step of two versions in turns, all terms",
        "preset": preset,
        "steps": steps,
        "threads": threads,
        "device": device_name("cpu"),
        "before": commit,
        "commit": current_commit(),
        "processor_seconds": [round(times[0], 3) for times in medians],
        "wall_seconds": [round(times[1], 3) for times in medians],
        "times_faster": round(medians[0][0] / medians[1][0], 2),
    }


def report(record: dict[str, Any]) -> str:
    """A record as a piece of a page."""
    before, now = record["processor_seconds"]
    return (
        f"A step of {record['preset']} takes {now:.2f} s of processor time at commit "
        f"{record['commit']} and took {before:.2f} s at {record['before']}: "
        f"{record['times_faster']} times faster, {record['steps']} steps each in turns, "
        f"{record['threads']} thread(s), {record['device']}."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", metavar="COMMIT")
    parser.add_argument("--preset", default="motion_factors_tiny")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    record = compare(args.before, args.preset, args.steps, args.threads)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
