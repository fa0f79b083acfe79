"""Generate MotionFactors: in parallel, resumable, every file whole or not there."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sdc_lib.datasets.motion_factors.plan import (
    FPS,
    GENERATOR_VERSION,
    SPLITS,
    Planned,
    Size,
    plan,
    size_named,
)
from sdc_lib.datasets.motion_factors.scenes import SCENES, Background
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES
from sdc_lib.datasets.motion_factors.tracks import MOTIONS
from sdc_lib.datasets.motion_factors.world import render_video
from sdc_lib.support.files import available_cores, naming, write_atomically
from sdc_lib.video import write_video

_COLUMNS = ("path", "split", "appearance", "motion", "scene", "seed")


def make_motion_factors(
    root: str | os.PathLike[str],
    size: str | Size = "tiny",
    seed: int = 0,
    background: Background = "shared",
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Generate the data set; what is already there is kept, so that a broken run continues.

    Args:
        root: Folder that gets ``train/``, ``val/``, ``test/``, ``annotations.csv``, ``meta.json``.
        size: ``"toy"`` (300 videos of 32 x 32 pixels), ``"tiny"`` (1,300 of 64 x 64), ``"small"``
            (9,900 of them), ``"standard"`` (20,000 of 128 x 128), or a size of your own.
        seed: Same seed, same pixels before encoding.
        background: ``"shared"``: one of 16 scenes, a third label; ``"unique"``: every video has its
            own; ``"plain"``: grey.
        workers: Threads; ``None`` for one a core.
        progress: Show a bar.

    Returns:
        ``root``.

    Raises:
        ValueError: Unknown size, or ``root`` holds a data set with other settings.
    """
    folder = Path(root)
    chosen = size_named(size)
    settings = _settings(chosen, seed, background)
    videos = list(plan(chosen, seed))
    for split in SPLITS:
        (folder / split).mkdir(parents=True, exist_ok=True)
    _claim(folder, settings)
    log = folder / ".hashes.csv"
    hashes = _read_hashes(log)
    todo = [v for v in videos if v.path not in hashes or not (folder / v.path).exists()]
    if todo or not (folder / "meta.json").exists():
        work = partial(_make_one, folder=folder, size=chosen, background=background)
        pool = ThreadPoolExecutor(_threads(workers))
        with naming(log, log), log.open("a", encoding="utf-8") as file, _ended(pool):
            file.write("\n")  # the last line may have been cut short
            made = zip(todo, pool.map(work, todo), strict=True)
            done = len(videos) - len(todo)
            with tqdm(
                made, "MotionFactors", len(videos), unit="video", initial=done, disable=not progress
            ) as bar:
                for video, digest in bar:
                    hashes[video.path] = digest
                    file.write(f"{video.path},{digest}\n")
                    file.flush()
        _finish(folder, videos, hashes, settings)
    return folder


@contextlib.contextmanager
def _ended(pool: ThreadPoolExecutor) -> Iterator[None]:
    """After an error, wait for what is being made, not for all that is still queued."""
    try:
        yield
    finally:
        pool.shutdown(cancel_futures=True)


def _threads(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; it must be at least 1")
    return workers or available_cores()


def _settings(size: Size, seed: int, background: Background) -> dict[str, Any]:
    return {
        "name": "motion-factors",
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "background": background,
        "size": asdict(size),
        "fps": FPS,
        "appearance": list(APPEARANCES),
        "motion": list(MOTIONS),
        "scene": list(SCENES) if background == "shared" else [],
    }


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Note the settings before the first video, and refuse a folder made with other ones."""
    for name in ("meta.json", ".settings.json"):
        path = folder / name
        if not path.exists():
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        other = [key for key, value in settings.items() if found.get(key) != value]
        if other:
            raise ValueError(
                f"{folder} holds MotionFactors with {other[0]} {found.get(other[0])}, not "
                f"{settings[other[0]]}: choose another folder, or delete this one"
            )
    _write_text(folder / ".settings.json", json.dumps(settings))


def _make_one(video: Planned, folder: Path, size: Size, background: Background) -> str:
    """Write one video and return the hash of its pixels before encoding.

    Every frame is a key frame: differences between frames must not show in single frames, as
    they do where an encoder spends fewer bits on what rests than on what moves.
    """
    pixels = render_video(
        video.appearance,
        video.motion,
        video.seed,
        size.side,
        size.num_frames,
        background,
        video.scene,
    )
    write_video(folder / video.path, pixels, fps=FPS, crf=23, gop=1, preset="veryfast")
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _read_hashes(log: Path) -> dict[str, str]:
    """Hashes of the videos made so far; a line cut short by a crash does not count."""
    if not log.exists():
        return {}
    lines = (line.split(",") for line in log.read_text(encoding="utf-8").splitlines())
    return {parts[0]: parts[1] for parts in lines if len(parts) == 2 and len(parts[1]) == 64}


def _finish(
    folder: Path, videos: list[Planned], hashes: dict[str, str], settings: dict[str, Any]
) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for video in videos:
        scene = SCENES[video.scene] if settings["scene"] else ""
        labels = (APPEARANCES[video.appearance], MOTIONS[video.motion], scene)
        writer.writerow((video.path, video.split, *labels, video.seed))
    _write_text(folder / "annotations.csv", table.getvalue())
    together = hashlib.sha256("".join(hashes[video.path] for video in videos).encode())
    meta = {**settings, "pixels_sha256": together.hexdigest()}
    _write_text(folder / "meta.json", json.dumps(meta, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    write_atomically(path, text.encode())
