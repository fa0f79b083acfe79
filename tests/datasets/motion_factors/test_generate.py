"""Making MotionFactors: reproducible, resumable, and what ends it is named."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.datasets import MotionFactors, sample_clips
from sdc_lib.datasets.motion_factors import (
    Size,
    generate,
    make_motion_factors,
)
from sdc_lib.datasets.motion_factors.plan import GENERATOR_VERSION
from sdc_lib.video import check_video, write_video
from sdc_lib.video.isolate import Outcome

SMALL = Size(side=40, num_frames=24, train=100, val=100, test=100)
PIXEL = Size(side=40, num_frames=3, train=100, val=0, test=0)


def test_same_seed_same_pixels(motion_factors_root: Path, tmp_path: Path) -> None:
    def pixels(root: Path) -> str:
        return str(json.loads((root / "meta.json").read_text())["pixels_sha256"])

    again = make_motion_factors(tmp_path / "a", PIXEL, seed=3, workers=1, progress=False)
    children = make_motion_factors(tmp_path / "b", PIXEL, seed=3, workers=4, progress=False)
    other = make_motion_factors(tmp_path / "c", PIXEL, seed=4, progress=False)
    assert pixels(again) == pixels(children)
    assert pixels(again) != pixels(other)
    assert (again / "annotations.csv").read_text() == (children / "annotations.csv").read_text()


def test_it_continues_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make_motion_factors(tmp_path / "whole", PIXEL, progress=False)
    made: list[str] = []
    real = write_video

    def stop_after(limit: int) -> None:
        def write(path: Path, *args: object, **options: object) -> None:
            if len(made) >= limit:
                raise KeyboardInterrupt
            made.append(path.name)
            real(path, *args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(generate, "write_video", write)

    stop_after(30)
    root = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        make_motion_factors(root, PIXEL, workers=1, progress=False)
    with pytest.raises(ValueError, match=r"no complete MotionFactors .*sdc data make"):
        MotionFactors(root)
    log = root / ".hashes.csv"
    log.write_text(log.read_text()[:-20])  # as if cut off in the middle of a line
    stop_after(1000)
    make_motion_factors(root, PIXEL, progress=False)
    assert 100 <= len(made) <= 103
    assert (root / "meta.json").read_text() == (whole / "meta.json").read_text()
    made.clear()
    (root / "train" / "000005.mp4").unlink()
    make_motion_factors(root, PIXEL, progress=False)
    assert made == ["000005.mp4"]
    make_motion_factors(root, PIXEL, progress=False)
    assert made == ["000005.mp4"]


def test_two_that_make_it_at_once_make_every_video_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = write_video

    def write(path: Path, *args: object, **options: object) -> None:
        made.append(path.name)
        real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(generate, "write_video", write)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: make_motion_factors(tmp_path, PIXEL, workers=1), range(2)))
    assert len(made) == len(set(made))


def test_other_settings_in_the_same_folder_are_refused(motion_factors_root: Path) -> None:
    before = (motion_factors_root / "meta.json").read_bytes()
    with pytest.raises(ValueError, match="with seed 7, not 8: choose another folder"):
        make_motion_factors(motion_factors_root, SMALL, seed=8, progress=False)
    with pytest.raises(ValueError, match="with background shared, not plain"):
        make_motion_factors(motion_factors_root, SMALL, 7, "plain", progress=False)
    with pytest.raises(ValueError, match="holds MotionFactors of"):
        MotionFactors(motion_factors_root, size="tiny")
    assert (motion_factors_root / "meta.json").read_bytes() == before


def test_wrong_arguments_name_what_would_be_right(
    motion_factors_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="'validation'; it must be one of train, val, test"):
        MotionFactors(motion_factors_root, "validation")
    with pytest.raises(ValueError, match="'huge'; it must be one of toy, tiny, small, standard"):
        make_motion_factors(tmp_path, "huge")
    with pytest.raises(ValueError, match="workers is 0"):
        make_motion_factors(tmp_path, PIXEL, workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_named_and_the_rest_is_not_tried(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def full(job: Mapping[str, Any]) -> Outcome:
        made.append(job["video"]["path"])
        return Outcome(job, "ok", {"no_room": errno.ENOSPC})

    monkeypatch.setattr(generate, "make_one", lambda **job: full(job).result)
    monkeypatch.setattr(generate, "run_isolated", lambda task, jobs, **_: map(full, jobs))
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/train/000000.mp4'"):
        make_motion_factors(tmp_path, PIXEL, workers=workers, progress=False)
    assert made == ["train/000000.mp4"]


def test_a_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(task: str, jobs: list[Any], **_: object) -> Iterator[Outcome]:
        yield Outcome(jobs[0], "crashed", {}, "its process died: SIGKILL (signal 9)")

    monkeypatch.setattr(generate, "run_isolated", dies)
    with pytest.raises(RuntimeError, match=r"train/000000.mp4 was not made: .*SIGKILL"):
        make_motion_factors(tmp_path, PIXEL, workers=2, progress=False)


def test_an_older_generator_is_not_mistaken(motion_factors_root: Path, tmp_path: Path) -> None:
    meta = json.loads((motion_factors_root / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps({**meta, "generator": 0}))
    with pytest.raises(
        ValueError, match=f"version 0, not of motion-factors version {GENERATOR_VERSION}"
    ):
        MotionFactors(tmp_path)
    with pytest.raises(ValueError, match=f"generator 0, not {GENERATOR_VERSION}: choose another"):
        make_motion_factors(tmp_path, PIXEL, progress=False)


def test_a_bar_shows_progress(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_motion_factors(tmp_path, PIXEL)
    assert "MotionFactors: 100%" in capfd.readouterr().err


def test_the_real_clips_are_whole_and_small(tmp_path: Path) -> None:
    clips = sample_clips()
    assert set(clips) == {"pedestrians", "big_buck_bunny"}
    for path in clips.values():
        assert path.stat().st_size < 1_000_000
        assert check_video(path).num_frames >= 80
        assert list(path.parent.glob(f"LICENSE-{path.stem}*"))
    with pytest.raises(ValueError, match="holds no clips"):
        sample_clips(tmp_path)
