"""How fast clips can be read: originals, prepared copies, and one JPEG per frame.

    python -m benchmarks.data [--seconds 12] [--repeats 5] [--reads 20000] [--out results/...json]

A sample is what pretraining reads of a video: two consecutive clips of 16 frames with one random
stride from 1 to 3, as bytes, not yet augmented. Speed is samples a second of processor time on one
thread, the best of several repeats, so that other work on the machine matters little. The clip is
generated: textures that move, an object, sensor noise; 340 x 256 pixels, 25 frames a second.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sdc_lib.datasets.frames import pair_indices
from sdc_lib.evaluation.ledger import current_commit
from sdc_lib.video import read_clip, sample_clip, write_video
from sdc_lib.video.other_decoders import TorchcodecReader
from sdc_lib.video.transcode import transcode

OUT = Path("results/benchmark_data.json")
HEIGHT, WIDTH, SHORT_SIDE = 256, 340, 128
CLIP_FRAMES, MAX_STRIDE = 16, 3.0
SAMPLES = 8  # in one repeat
PREPARED = "Motion JPEG, q 5"  # what `sdc data prepare` writes

Read = Callable[[np.random.Generator], Any]


def texture(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of all coarseness, as in natural images; ``(H, W, 3)``, 0 to 255."""
    total = np.zeros((height, width, 3))
    for octave in range(1, 8):
        small = rng.integers(0, 256, (2**octave, 2**octave, 3), dtype=np.uint8)
        large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(large, dtype=np.float64) * 0.57**octave
    scaled: NDArray[np.float64] = (total - total.min()) * (255 / np.ptp(total))
    return scaled


def moving_frames(count: int, noise: float = 4.0) -> Iterator[NDArray[np.uint8]]:
    """A camera that sways over a background while an object circles; ``(H, W, 3)`` each."""
    rng = np.random.default_rng(0)
    background = texture(2 * HEIGHT, 2 * WIDTH, rng)
    thing = texture(HEIGHT // 3, WIDTH // 3, rng)
    for number in range(count):
        top = int(HEIGHT / 2 + HEIGHT / 3 * np.cos(number / 53))
        left = int(WIDTH / 2 + WIDTH / 3 * np.sin(number / 40))
        image = background[top : top + HEIGHT, left : left + WIDTH].copy()
        y = int((HEIGHT - len(thing)) * (0.5 + 0.5 * np.sin(number / 9)))
        x = int((WIDTH - thing.shape[1]) * (0.5 + 0.5 * np.cos(number / 13)))
        image[y : y + len(thing), x : x + thing.shape[1]] = thing
        image += rng.normal(0, noise, image.shape)
        yield image.clip(0, 255).astype(np.uint8)


def make_files(folder: Path, count: int) -> dict[str, Path]:
    """The original, its frames as JPEG, and copies prepared in several ways."""
    frames = list(moving_frames(count))
    files = {"original": folder / "original.mp4"}
    write_video(files["original"], frames, crf=23, gop=250)
    files["frames"] = folder / "frames"
    files["frames"].mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(files["frames"] / f"{number:06d}.jpg", quality=90)
    width = 2 * round(WIDTH * SHORT_SIDE / HEIGHT / 2)
    small = [
        np.asarray(Image.fromarray(frame).resize((width, SHORT_SIDE), Image.Resampling.BOX))
        for frame in frames
    ]
    for gop in (1, 8, 24, 250):
        files[f"H.264, {gop}"] = folder / f"gop{gop}.mp4"
        write_video(files[f"H.264, {gop}"], small, crf=20, gop=gop)
    for quality in (3, 5):
        files[f"Motion JPEG, q {quality}"] = folder / f"mjpeg{quality}.mp4"
        transcode(files["original"], files[f"Motion JPEG, q {quality}"], SHORT_SIDE, quality)
    return files


def indices(length: int, rng: np.random.Generator) -> list[int]:
    """Frames of two consecutive clips."""
    return [int(index) for index in pair_indices(length, CLIP_FRAMES, MAX_STRIDE, rng)]


def with_pillow(folder: Path) -> Read:
    """One JPEG a frame."""
    count = len(list(folder.glob("*.jpg")))

    def read(rng: np.random.Generator) -> NDArray[np.uint8]:
        paths = [folder / f"{index:06d}.jpg" for index in indices(count, rng)]
        return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])

    return read


def with_pyav(path: Path) -> Read:
    """PyAV in the usual way: seek to the key frame before, decode on, keep what is wanted."""

    def read(rng: np.random.Generator) -> NDArray[np.uint8]:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            ticks = float(1 / (stream.average_rate or 25) / (stream.time_base or 1))
            wanted = indices(stream.frames, rng)
            kept: dict[int, NDArray[np.uint8]] = {}
            container.seek(int(min(wanted) * ticks), stream=stream)
            for frame in container.decode(stream):
                number = round((frame.pts or 0) / ticks)
                if number in wanted and number not in kept:
                    kept[number] = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                if number >= max(wanted):
                    break
            return np.stack([kept[index] for index in wanted])

    return read


def with_torchcodec(path: Path) -> Read:
    """torchcodec, one thread."""

    def read(rng: np.random.Generator) -> NDArray[np.uint8]:
        reader = TorchcodecReader(path)
        return reader.read(indices(len(reader), rng))

    return read


def with_library(path: Path) -> Read:
    """``sdc_lib.video.read`` with its default backend, as training reads."""
    return lambda rng: sample_clip(path, lambda length: indices(length, rng))


def cases(files: dict[str, Path]) -> dict[str, tuple[Read, Path]]:
    """What is compared, by name: how it is read and from which file."""
    original, prepared = files["original"], files[PREPARED]
    found: dict[str, tuple[Read, Path]] = {
        "JPEG frames, Pillow": (with_pillow(files["frames"]), files["frames"]),
        "original, PyAV": (with_pyav(original), original),
        "original, sdc_lib": (with_library(original), original),
    }
    for name, path in files.items():
        if name not in ("original", "frames"):
            found[f"{SHORT_SIDE} px {name}, sdc_lib"] = with_library(path), path
    found[f"{SHORT_SIDE} px {PREPARED}, PyAV"] = with_pyav(prepared), prepared
    try:
        TorchcodecReader(original)
    except ImportError as error:
        print(f"without torchcodec: {error}")
        return found
    found["original, torchcodec"] = with_torchcodec(original), original
    for name in (PREPARED, "H.264, 24"):
        found[f"{SHORT_SIDE} px {name}, torchcodec"] = with_torchcodec(files[name]), files[name]
    return found


def measure(found: dict[str, tuple[Read, Path]], repeats: int) -> dict[str, float]:
    """Samples a second of processor time, the best of all repeats; cases take turns."""
    best = dict.fromkeys(found, 0.0)
    for repeat in range(repeats):
        for name, (read, _) in found.items():
            rng = np.random.default_rng(repeat)
            begin = time.process_time()
            for _ in range(SAMPLES):
                read(rng)
            best[name] = max(best[name], SAMPLES / (time.process_time() - begin))
    return best


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir()))


def memory_over(path: Path, reads: int) -> dict[str, float]:
    """Resident memory of this process in MiB at tenths of many reads of the same file (Linux)."""
    resident = {}
    for number in range(1, reads + 1):
        read_clip(path, [0, 5])
        if number % max(1, reads // 10) == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident[str(number)] = round(pages * resource.getpagesize() / 2**20, 1)
    return resident


def in_fresh_process(path: Path, reads: int) -> dict[str, float]:
    """`memory_over` where no freed memory of earlier work can hide a leak."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(memory_over, path, reads).result()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of the clip")
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--reads", type=int, default=0, help="reads to watch the memory of")
    parser.add_argument("--device", default="", help="what it runs on, for the record")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), round(25 * args.seconds))
        found = cases(files)
        speeds = measure(found, args.repeats)
        memory = {
            name: in_fresh_process(files[name], args.reads)
            for name in (PREPARED, "H.264, 24")
            if args.reads
        }
        sizes = {name: size_of(path) for name, (_, path) in found.items()}
    base = speeds["JPEG frames, Pillow"]
    ours = speeds[f"{SHORT_SIDE} px {PREPARED}, sdc_lib"]
    print("| read from | samples/s per core | of Pillow's | bytes a second of video |")
    print("| --- | ---: | ---: | ---: |")
    for name, speed in speeds.items():
        density = sizes[name] / args.seconds
        print(f"| {name} | {speed:.1f} | {speed / base:.1f} | {density:.0f} |")
    record = {
        "sample": f"2 x {CLIP_FRAMES} frames, stride 1 to {MAX_STRIDE:g}, no augmentation",
        "clip": f"{WIDTH} x {HEIGHT}, {args.seconds:g} s at 25 frames/s, generated",
        "rows": [
            {"case": name, "samples_per_core_second": round(speed, 1), "bytes": sizes[name]}
            for name, speed in speeds.items()
        ],
        "prepared_over_pillow": round(ours / base, 2),
        "resident_memory_mib_by_reads": memory,
        "device": args.device,
        "commit": current_commit(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
