"""Generate MotionFactors: in parallel, resumable, every file whole or not there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock
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
from sdc_lib.support.files import naming, read_facts, write_atomically
from sdc_lib.support.processes import available_cores
from sdc_lib.video import write_video
from sdc_lib.video.isolate import Outcome, run_isolated

_TASK = f"{__name__}:make_one"
_VIDEOS_A_PROCESS = 100  # fewer are made before a process has started
_TIMEOUT = 300.0
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
        workers: Processes; ``None`` for one a core, or none where there is little to do.
        progress: Show a bar.

    Returns:
        ``root``.

    Raises:
        ValueError: Unknown size, or ``root`` holds a data set with other settings.
        OSError: ``root`` is full or read-only; what is there stays, to go on from.
    """
    folder = Path(root)
    chosen = size_named(size)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # whoever comes second waits, and finds it made
        _make(folder, chosen, seed, background, workers, progress)
    return folder


def _make(
    folder: Path,
    chosen: Size,
    seed: int,
    background: Background,
    workers: int | None,
    progress: bool,
) -> None:
    settings = _settings(chosen, seed, background)
    videos = list(plan(chosen, seed))
    for split in SPLITS:
        (folder / split).mkdir(parents=True, exist_ok=True)
    _claim(folder, settings)
    log = folder / ".hashes.csv"
    hashes = _read_hashes(log)
    todo = [v for v in videos if v.path not in hashes or not (folder / v.path).exists()]
    if todo or not (folder / "meta.json").exists():
        with naming(log, log), log.open("a", encoding="utf-8") as file:
            file.write("\n")  # the last line may have been cut short
            done = len(videos) - len(todo)
            jobs = [
                {"video": asdict(v), "folder": str(folder), "side": chosen.side}
                | {"num_frames": chosen.num_frames, "background": background}
                for v in todo
            ]
            with tqdm(
                _made(jobs, workers),
                "MotionFactors",
                len(videos),
                unit="video",
                initial=done,
                disable=not progress,
            ) as bar:
                for path, digest in bar:
                    hashes[path] = digest
                    file.write(f"{path},{digest}\n")
                    file.flush()
        _finish(folder, videos, hashes, settings)


def _made(jobs: Sequence[Mapping[str, Any]], workers: int | None) -> Iterator[tuple[str, str]]:
    """Make the videos, here or in child processes: path and hash of each, as they come."""
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; it must be at least 1")
    count = workers or min(available_cores(), len(jobs) // _VIDEOS_A_PROCESS)
    outcomes: Iterator[Outcome]
    if count < 2:
        outcomes = (Outcome(job, "ok", make_one(**job)) for job in jobs)
    else:
        outcomes = run_isolated(_TASK, jobs, workers=count, timeout=_TIMEOUT)
    for outcome in outcomes:
        path = str(outcome.job["video"]["path"])
        if "no_room" in outcome.result:
            number = int(outcome.result["no_room"])
            raise OSError(number, os.strerror(number), os.path.join(outcome.job["folder"], path))
        if outcome.status != "ok":
            raise RuntimeError(f"{path} was not made: {outcome.cause}")
        yield path, outcome.result["digest"]


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
        found = read_facts(path)
        other = [key for key, value in settings.items() if found.get(key) != value]
        if other:
            raise ValueError(
                f"{folder} holds MotionFactors with {other[0]} {found.get(other[0])}, not "
                f"{settings[other[0]]}: choose another folder, or delete this one"
            )
    _write_text(folder / ".settings.json", json.dumps(settings))


def make_one(
    video: Mapping[str, Any], folder: str, side: int, num_frames: int, background: Background
) -> dict[str, Any]:
    """Write one video; also called in child processes, hence all values are those of JSON.

    Every frame is a key frame: differences between frames must not show in single frames, as
    they do where an encoder spends fewer bits on what rests than on what moves.

    Args:
        video: The fields of a `Planned`.
        folder: Of the data set.
        side: Of the frames, pixels.
        num_frames: In the video.
        background: As for `make_motion_factors`.

    Returns:
        ``digest``, the hash of the pixels before encoding; or ``no_room``, the system's error
        number, where no further video can be written either.
    """
    planned = Planned(**video)
    pixels = render_video(
        planned.appearance,
        planned.motion,
        planned.seed,
        side,
        num_frames,
        background,
        planned.scene,
    )
    try:
        write_video(Path(folder) / planned.path, pixels, fps=FPS, crf=23, gop=1, preset="veryfast")
    except OSError as error:
        return {"no_room": error.errno}
    return {"digest": hashlib.sha256(pixels.tobytes()).hexdigest()}


def _read_hashes(log: Path) -> dict[str, str]:
    """Hashes of the videos made so far; a line cut short by a crash does not count."""
    if not log.exists():
        return {}
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = (line.split(",") for line in text.splitlines())
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
