"""Try to break it: kills, damaged files, hostile lists and absurd values in one command.

    python -m benchmarks.drill [--damaged 700] [--kills 24] [--out results/benchmark_drill.json]

Every case ends in one of four ways: ``right``; ``lost``, when what was done before is gone;
``hung``, when it had to be killed; ``wrong``, when a result or a message is not what it must be.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from benchmarks.damaged import damaged_copies, one_epoch, verdicts
from sdc_lib.config import PretrainConfig, check_config
from sdc_lib.datasets import VideoCSV
from sdc_lib.datasets.manifest import apply_manifest, check_dataset
from sdc_lib.evaluation.ledger import current_commit
from sdc_lib.video import write_video

OUT = Path("results/benchmark_drill.json")
STEPS = 8
SECONDS = 120.0
"""Longer than this, and than twenty unbroken runs, and a command has hung."""

Case = tuple[str, str]
"""What was tried, and how it ended."""


def absurd_values() -> Iterator[Case]:
    """Every number of a run's configuration, with values that make no sense or little."""
    for name, value in itertools.product(numbers(PretrainConfig()), (-7, math.nan, math.inf, 1e30)):
        try:
            check_config(changed(PretrainConfig(), name, value))
            yield f"{name} {value}", "wrong"
        except ValueError as error:
            line = str(error)
            right = line.startswith(f"{name} is ") and "must be" in line and "\n" not in line
            yield f"{name} {value}", "right" if right else "wrong"


def numbers(settings: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of the fields that take numbers."""
    hints = get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value, kind = getattr(settings, field.name), hints[field.name]
        if dataclasses.is_dataclass(value):
            yield from numbers(value, f"{prefix}{field.name}.")
        elif {int, float} & {kind, *get_args(kind)}:
            yield prefix + field.name


def changed(settings: Any, name: str, value: Any) -> Any:
    """The same settings with another value in one place."""
    first, _, rest = name.partition(".")
    if rest:
        value = changed(getattr(settings, first), rest, value)
    elif isinstance(getattr(settings, first), tuple):
        value = (value,) * len(getattr(settings, first))
    return dataclasses.replace(settings, **{first: value})


def hostile_lists(folder: Path) -> Iterator[Case]:
    """One list in every way in which people write it: read right, or refused in one line."""
    for name in ("a b.mp4", "ü.mp4", "c.mp4"):
        (folder / name).write_bytes(b"video")
    rows = [("ü.mp4", "walk"), ("c.mp4", "run")]
    heads = (None, ("path", "label"), ("video", "class"), ("filename", "category"), ("File", "y"))
    ways = itertools.product(
        heads,
        (",", ";", "\t", " "),
        ("utf-8", "utf-8-sig", "utf-16", "latin-1"),
        ("\n", "\r\n"),
        ("", "\n\n"),
    )
    for head, separator, encoding, ending, tail in ways:
        path = folder / "list.csv"
        lines = [separator.join(row) for row in ([head] if head else []) + rows]
        path.write_bytes((ending.join(lines) + ending + tail).encode(encoding))
        yield f"{head} {separator!r} {encoding} {ending!r} {tail!r}", _read_list(path)


def _read_list(path: Path) -> str:
    try:
        videos = VideoCSV(path)
    except ValueError as error:
        line = str(error)
        return "right" if path.name in line and "\n" not in line else "wrong"
    read = [
        (file.name, videos.class_names[label])
        for file, label in zip(videos, videos.targets(), strict=True)
    ]
    return "right" if read == [("ü.mp4", "walk"), ("c.mp4", "run")] else "wrong"


def damaged_files(folder: Path, count: int, workers: int) -> Iterator[Case]:
    """Damaged videos: the check ends with a verdict on each, and an epoch reads what it left."""
    videos = damaged_copies(folder / "damaged", count)
    manifest = check_dataset(videos, workers, 20.0)
    for damage, counts in verdicts(videos, manifest).items():
        for verdict, number in counts.items():
            ending = "wrong" if damage == "none" and verdict != "ok" else "right"
            yield from [(f"{damage}: {verdict}", ending)] * number
    usable = apply_manifest(videos, manifest)
    rest = one_epoch(usable, folder / "epoch", 0)
    yield "an epoch of what is left", "right" if rest["replaced"] == 0 else "wrong"


def kills(folder: Path, count: int) -> Iterator[Case]:
    """Runs that are killed or stopped at random times, and go on to the unbroken run's bytes."""
    rng = np.random.default_rng(0)
    for number in range(8):
        noise = rng.integers(0, 255, (20, 32, 32, 3), dtype=np.uint8)
        path = folder / "videos" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        write_video(path, noise)
    begin = time.monotonic()
    _pretrain(folder, "unbroken").wait()
    whole = time.monotonic() - begin
    patience = max(SECONDS, 20 * whole)  # a busy machine is no fault of ours
    expected = (folder / "unbroken" / "model.safetensors").read_bytes()
    signals = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for number in range(count):
        name, chosen = f"broken{number}", signals[number % len(signals)]
        process = _pretrain(folder, name)
        time.sleep(float(rng.uniform(0.3, 1.0)) * whole)
        process.send_signal(chosen)
        try:
            process.wait(patience)
            process = _pretrain(folder, name)
            process.wait(patience)
            weights = folder / name / "model.safetensors"
            same = weights.exists() and weights.read_bytes() == expected
            yield chosen.name, "right" if same else "lost"
        except subprocess.TimeoutExpired:
            process.kill()
            yield chosen.name, "hung"


def _pretrain(folder: Path, name: str) -> subprocess.Popen[bytes]:
    words = (
        f"pretrain motion_factors_tiny --quiet --accelerator cpu --save-every 2 --data-dir "
        f"{folder / 'videos'} --out {folder / name} --max-steps {STEPS} --data.dataset folder "
        "--data.num-frames 4 --data.augment.size 16 --data.workers 1 --optim.batch-size 4"
    )
    return subprocess.Popen(
        [sys.executable, "-m", "sdc_lib", *words.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run all, print a table and write the record; status 1 if a case did not end right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damaged", type=int, default=700, help="damaged videos")
    parser.add_argument("--kills", type=int, default=24, help="runs that are broken off")
    parser.add_argument("--workers", type=int, default=2, help="processes that check videos")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file")
    args = parser.parse_args(argv)
    begin, counts = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Iterator[Case]] = {
            "absurd values": absurd_values(),
            "hostile lists": hostile_lists(folder),
            "damaged files": damaged_files(folder, args.damaged, args.workers),
            "kills and signals": kills(folder, args.kills),
        }
        for part, cases in parts.items():
            ended = list(cases)
            counts[part] = dict(Counter(ending for _, ending in ended))
            print(f"{part:<18} {len(ended):>5} cases: {counts[part]}", flush=True)
            for what, ending in ended:
                if ending != "right":
                    print(f"  {ending}: {what}")
    total = sum(sum(row.values()) for row in counts.values())
    bad = total - sum(row.get("right", 0) for row in counts.values())
    record = {
        "cases": total,
        "not_right": bad,
        "counts": counts,
        "seconds": round(time.monotonic() - begin, 1),
        "commit": current_commit(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{total} cases, {bad} of them not right")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
