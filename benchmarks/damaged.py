"""Damage small videos at random and see that neither the check nor an epoch of training ends.

    python -m benchmarks.damaged [--count 2000] [--workers 2] [--out results/...json]

Every damaged copy goes through the check of `sdc data check`, in child processes. What it calls
usable is then read by one epoch of pretraining with the tiny network.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from sdc_lib.config import AugmentConfig, DataConfig, ModelConfig, OptimConfig, PretrainConfig
from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.datasets.manifest import Manifest, apply_manifest, check_dataset
from sdc_lib.evaluation.ledger import current_commit
from sdc_lib.pretraining import pretrain
from sdc_lib.training.log import Row

OUT = Path("results/benchmark_damaged_files.json")
SOURCES: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264.mp4": ("libx264", "yuv420p", {"bf": "2", "g": "12"}),
    "h264.mkv": ("libx264", "yuv420p", {"g": "12"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "mjpeg.mp4": ("mjpeg", "yuvj420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "g": "12"}),
}
NUM_FRAMES = 24
_SIZES = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\xff\xff\xff", b"\xff\xff\xff\x7f")

Damage = Callable[[bytearray, np.random.Generator], bytearray]


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Flip 1 to 300 bits anywhere."""
    for place in rng.integers(len(data), size=int(rng.integers(1, 301))):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Keep a random share of the file, possibly nothing."""
    return data[: int(rng.integers(len(data)))]


def zero(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Overwrite a run of bytes with zeros, up to the whole file."""
    start = int(rng.integers(len(data)))
    length = int(len(data) * rng.random() ** 2) + 1
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def huge_sizes(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Put huge numbers into 1 to 4 fields of the first or last 1,500 bytes, where headers are."""
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(min(1500, len(data) - 4)))
        place = len(data) - 4 - place if rng.random() < 0.5 else place
        data[place : place + 4] = _SIZES[int(rng.integers(len(_SIZES)))]
    return data


def leave(data: bytearray, _: np.random.Generator) -> bytearray:
    """Change nothing; the name alone is wrong."""
    return data


DAMAGES: dict[str, Damage] = {
    "bit flips": flip_bits,
    "truncation": truncate,
    "wrong extension": leave,
    "zero bytes": zero,
    "huge header sizes": huge_sizes,
}


def write_source(path: Path, codec: str, pix_fmt: str, options: dict[str, str]) -> None:
    """A video of 64 x 48 pixels with a bright square on its way over a noisy background."""
    background = np.random.default_rng(0).integers(30, 90, (48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for number in range(NUM_FRAMES):
            image: NDArray[np.uint8] = background.copy()
            image[10:26, 2 * number : 2 * number + 16] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def damaged_copies(folder: Path, count: int, seed: int = 0) -> VideoDataset:
    """Write damaged copies, each kind of damage in turn, and as many whole files as sources.

    Returns:
        All of them; the label is the kind of damage, the last one ``"none"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    originals: dict[str, bytes] = {}
    for name, how in SOURCES.items():
        write_source(folder / name, *how)
        originals[name] = (folder / name).read_bytes()
    kinds = [*DAMAGES, "none"]
    files = [VideoFile(folder / name, name, len(DAMAGES)) for name in SOURCES]
    suffixes = sorted({Path(name).suffix for name in SOURCES})
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        label = number % len(DAMAGES)
        source = Path(list(SOURCES)[int(rng.integers(len(SOURCES)))])
        data = DAMAGES[kinds[label]](bytearray(originals[source.name]), rng)
        suffix = source.suffix
        if kinds[label] == "wrong extension":
            suffix = str(rng.choice([other for other in suffixes if other != suffix]))
        path = folder / f"{number:05d}_{source.stem}{suffix}"
        path.write_bytes(data)
        files.append(VideoFile(path, path.name, label))
    return VideoDataset("damaged", folder, "all", files, kinds)


def verdicts(videos: VideoDataset, manifest: Manifest) -> dict[str, dict[str, int]]:
    """Number of files by damage and verdict."""
    table: dict[str, Counter[str]] = {name: Counter() for name in videos.class_names}
    for file, label in zip(videos, videos.targets(), strict=True):
        table[videos.class_names[label]][manifest.checks[file.name].verdict] += 1
    return {name: dict(counts) for name, counts in table.items()}


def one_epoch(videos: VideoDataset, out: Path, workers: int) -> dict[str, Any]:
    """Pretrain the tiny network on all videos once.

    Returns:
        ``videos``, ``steps``, ``replaced`` and ``seconds``.
    """
    batch = 8
    config = PretrainConfig(
        name="damaged",
        data=DataConfig(
            "folder", num_frames=4, workers=workers, max_replaced=1.0, augment=AugmentConfig(32)
        ),
        model=ModelConfig("tiny", num_concepts=10),
        optim=OptimConfig(epochs=1, batch_size=batch),
    )
    rows: list[Row] = []
    begin = time.perf_counter()
    pretrain(config, out, videos=videos, on_step=rows.append, progress=False)
    return {
        "videos": len(videos),
        "steps": len(rows),
        "replaced": int(rows[-1]["replaced"]),  # so far in this epoch
        "seconds": round(time.perf_counter() - begin, 1),
    }


def table(counts: dict[str, dict[str, int]]) -> str:
    """Counts in Markdown."""
    columns = sorted({verdict for row in counts.values() for verdict in row})
    lines = [f"| damage | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for name, row in counts.items():
        cells = " | ".join(str(row.get(verdict, 0)) for verdict in columns)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Damage, check, train, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="damaged copies")
    parser.add_argument("--workers", type=int, default=2, help="child processes and loader workers")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds a file may take")
    parser.add_argument("--device", default="", help="what it runs on, for the record")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        videos = damaged_copies(Path(folder) / "videos", args.count)
        begin = time.perf_counter()
        manifest = check_dataset(videos, args.workers, args.timeout)
        seconds = round(time.perf_counter() - begin, 1)
        usable = apply_manifest(videos, manifest)
        epoch = one_epoch(usable, Path(folder) / "run", args.workers)
    counts = verdicts(videos, manifest)
    record = {
        "count": args.count,
        "verdicts": counts,
        "causes": Counter(check.cause.split(":")[0].split(" (")[0] for check in manifest.unusable),
        "check_seconds": seconds,
        "timeout": args.timeout,
        "workers": args.workers,
        "epoch": epoch,
        "device": args.device,
        "commit": current_commit(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{table(counts)}\n\nchecked in {seconds} s; one epoch: {epoch}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
