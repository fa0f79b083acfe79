"""Time and peak memory of the objective, ours against the loops of `tests.reference.literal`.

Each measurement is one forward and backward pass over random outputs of the heads (D=512, P=128,
float32) in a process of its own, so that peaks do not mix. On a CPU, seconds are processor time on
one thread, which other work on the machine does not change much. Loops are stopped after
``--limit`` seconds, and larger cases than a stopped one are not tried.

    python -m benchmarks.objective [--device cuda] [--limit 60] [--out results/...json]
"""

import argparse
import itertools
import json
import math
import multiprocessing
import platform
import resource
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from sdc_lib.contrast import Projections
from sdc_lib.model import Descriptors, HeadsOutput
from sdc_lib.objective import SDCObjective
from tests.reference.literal import LiteralInputs, literal_objective

Kind = Literal["ours", "loops"]
BATCHES = (16, 32, 64, 128, 256)
CONCEPTS = (50, 100, 200, 400)
DIM, PROJECTION_DIM = 512, 128
REPEATS = 3
OUT = Path("results/benchmark_objective.json")


class Cost(NamedTuple):
    """What one forward and backward pass took."""

    seconds: float
    mebibytes: float


def random_output(batch: int, concepts: int, device: str, dim: int = DIM) -> HeadsOutput:
    """Heads' output whose tensors are leaves; scores spread like cosines in D dimensions."""
    generator = torch.Generator().manual_seed(0)

    def leaf(*shape: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(*shape, generator=generator) * scale).to(device).requires_grad_()

    return HeadsOutput(
        pooled=leaf(batch, 6, dim),
        projections=Projections(*(leaf(batch, 2, PROJECTION_DIM) for _ in range(5))),
        scores=leaf(batch, 6, 2 * concepts, scale=dim**-0.5),
        reconstruction=leaf(batch, 6, dim),
        descriptors=Descriptors(
            *(leaf(batch, 2, n, dim) for n in (2 * concepts, concepts, concepts))
        ),
    )


def total(kind: Kind, output: HeadsOutput) -> Tensor:
    """The weighted sum of all terms."""
    if kind == "ours":
        weighted: Tensor = SDCObjective()(output).total()
        return weighted
    assert output.descriptors is not None
    inputs = LiteralInputs(
        output.pooled,
        tuple(output.projections),
        output.scores,
        output.reconstruction,
        tuple(output.descriptors),
    )
    return literal_objective(inputs)["total"]


def measure(kind: Kind, batch: int, concepts: int, device: str, dim: int = DIM) -> Cost:
    """Best time of a few passes (of one for the loops) and the memory they add at the peak."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    output = random_output(batch, concepts, device, dim)
    before = _peak_bytes(device)
    times = []
    for _ in range(REPEATS if kind == "ours" else 1):
        for tensor in (output.scores, output.reconstruction, *output.projections):
            tensor.grad = None
        for tensor in output.descriptors or ():
            tensor.grad = None
        start = clock()
        total(kind, output).backward()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return Cost(min(times), (_peak_bytes(device) - before) / 2**20)


def measure_apart(kind: Kind, batch: int, concepts: int, device: str, limit: float) -> Cost | None:
    """`measure` in a process of its own; None when it takes over `limit` seconds a repeat."""
    limit *= REPEATS if kind == "ours" else 1
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, kind, batch, concepts, device, limit)
    process = context.Process(target=_send, args=arguments, daemon=True)
    process.start()
    sender.close()
    try:
        cost: Cost = receiver.recv()
    except EOFError:  # ended by its limit
        process.join()
        if process.exitcode != -signal.SIGXCPU:
            raise RuntimeError(
                f"measuring {kind} with B={batch}, K={concepts} ended with {process.exitcode}"
            ) from None
        return None
    process.join()
    return cost


def _send(
    sender: Connection, kind: Kind, batch: int, concepts: int, device: str, limit: float
) -> None:
    torch.set_num_threads(1)
    measure("ours", 2, 10, device, dim=8)  # first calls load libraries
    seconds = math.ceil(time.process_time() + limit)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    sender.send(measure(kind, batch, concepts, device))


def _peak_bytes(device: str) -> int:
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def device_name(device: str) -> str:
    """The processor's or graphics card's name."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def benchmark(
    batches: Sequence[int], concepts: Sequence[int], device: str, limit: float, out: Path
) -> dict[str, Any]:
    """All measurements as one record, written after every row: a run that ends early keeps some."""
    rows: list[dict[str, Any]] = []
    stopped: list[tuple[int, int]] = []
    record: dict[str, Any] = {
        "benchmark": "objective, forward and backward",
        "clock": "processor time" if device == "cpu" else "wall time",
        "device": device_name(device),
        "threads": 1,
        "torch": torch.__version__,
        "dtype": "float32",
        "dim": DIM,
        "projection_dim": PROJECTION_DIM,
        "limit_seconds": limit,
        "rows": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    for b, k in itertools.product(batches, concepts):
        row: dict[str, Any] = {"batch": b, "concepts": k}
        for kind in ("ours", "loops"):
            hopeless = kind == "loops" and any(b >= x and k >= y for x, y in stopped)
            cost = None if hopeless else measure_apart(kind, b, k, device, limit)
            if cost is None and kind == "loops":
                stopped.append((b, k))
            row[f"{kind}_seconds"] = None if cost is None else round(cost.seconds, 4)
            row[f"{kind}_mebibytes"] = None if cost is None else round(cost.mebibytes, 1)
        rows.append(row)
        out.write_text(json.dumps(record, indent=2) + "\n")
        print(table({**record, "rows": [row]}).splitlines()[-1], flush=True)
    return record


def table(record: dict[str, Any]) -> str:
    """The record as a Markdown table."""
    over = f"over {record['limit_seconds']:g}"

    def cell(value: float | None, form: str) -> str:
        return over if value is None else format(value, form)

    lines = [
        "| B | K | ours, s | loops, s | ours, MiB | loops, MiB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for row in record["rows"]:
        memory = row["loops_mebibytes"]
        lines.append(
            f"| {row['batch']} | {row['concepts']} | {cell(row['ours_seconds'], '.3f')} "
            f"| {cell(row['loops_seconds'], '.1f')} | {cell(row['ours_mebibytes'], '.0f')} "
            f"| {'-' if memory is None else format(memory, '.0f')} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--concepts", type=int, nargs="+", default=CONCEPTS)
    parser.add_argument("--limit", type=float, default=60, help="seconds a measurement may take")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    record = benchmark(
        options.batches, options.concepts, options.device, options.limit, options.out
    )
    print(f"\n{table(record)}\n\nwritten to {options.out}")


if __name__ == "__main__":
    main()
