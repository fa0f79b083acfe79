"""MotionFactors on disk: balanced, reproducible, resumable, and read like other data."""

from __future__ import annotations

import csv
import errno
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdc_lib.datasets import MotionFactors, PairClips, sample_clips
from sdc_lib.datasets.motion_factors import (
    APPEARANCES,
    MOTIONS,
    SCENES,
    SIZES,
    SPLITS,
    Size,
    generate,
    make_motion_factors,
)
from sdc_lib.datasets.motion_factors.plan import GENERATOR_VERSION, Planned, name_of, plan
from sdc_lib.datasets.motion_factors.world import render_video
from sdc_lib.video import check_video, read_clip, write_video
from sdc_lib.video.isolate import Outcome

SMALL = Size(side=40, num_frames=24, train=100, val=100, test=100)
PIXEL = Size(side=40, num_frames=3, train=100, val=0, test=0)


@pytest.mark.parametrize("name", SIZES)
def test_labels_and_pairs_are_balanced_in_every_split(name: str) -> None:
    size = SIZES[name]
    videos = list(plan(size, seed=0))
    for split, count in zip(SPLITS, (size.train, size.val, size.test), strict=True):
        pairs = Counter((v.appearance, v.motion) for v in videos if v.split == split)
        assert len(pairs) == 100
        assert set(pairs.values()) == {count // 100}
    assert len({video.path for video in videos}) == len(videos)


def unevenness(videos: list[Planned], *factors: str) -> int:
    """Largest difference between the counts of two scenes within any values of these factors."""
    counts: dict[tuple[int, ...], Counter[int]] = {}
    for video in videos:
        values = tuple(int(getattr(video, factor)) for factor in factors)
        counts.setdefault(values, Counter())[video.scene] += 1
    return max(
        max(found[s] for s in range(16)) - min(found[s] for s in range(16))
        for found in counts.values()
    )


@pytest.mark.parametrize("name", SIZES)
def test_scenes_are_balanced_as_far_as_counts_allow(name: str) -> None:
    videos = list(plan(SIZES[name], seed=0))
    for split in SPLITS:
        own = [video for video in videos if video.split == split]
        assert unevenness(own, "appearance", "motion") <= 1
        assert unevenness(own, "appearance") <= 1
        assert unevenness(own, "motion") <= 1
        assert unevenness(own) <= 2
        if len(own) % 1600 == 0:
            assert unevenness(own, "appearance", "motion") == 0


def test_what_is_uneven_in_one_split_says_nothing_about_another() -> None:
    """With one video a pair, its scene must not be the one that the pair has elsewhere."""
    small = Size(side=40, num_frames=3, train=100, val=100, test=100)
    scenes = [
        {(v.appearance, v.motion): v.scene for v in plan(small, seed) if v.split == split}
        for seed in range(4)
        for split in SPLITS
    ]
    agree = [
        np.mean([first[pair] == second[pair] for pair in first])
        for i, first in enumerate(scenes)
        for second in scenes[:i]
    ]
    assert np.mean(agree) == pytest.approx(1 / 16, abs=0.02)


def test_sizes_are_those_documented() -> None:
    assert SIZES["tiny"] == Size(64, 48, 1000, 100, 200)
    assert SIZES["small"] == Size(64, 48, 9000, 300, 600)
    assert SIZES["standard"] == Size(128, 64, 16000, 2000, 2000)


def test_sizes_have_names_of_their_own_in_records() -> None:
    names = {size: name_of(SIZES[size]) for size in SIZES}
    assert names["tiny"] == "motion-factors"
    assert names["small"] == "motion-factors-small"
    assert len(set(names.values())) == len(SIZES)


def test_no_nuisance_seed_is_used_twice() -> None:
    seeds = [video.seed for seed in (0, 1) for video in plan(SIZES["tiny"], seed)]
    assert len(set(seeds)) == len(seeds)


def test_a_count_that_cannot_be_balanced_is_refused() -> None:
    with pytest.raises(ValueError, match="val has 150 videos; a multiple of 100"):
        list(plan(Size(64, 48, 1000, 150, 200), 0))


def test_the_files(motion_factors_root: Path) -> None:
    with (motion_factors_root / "annotations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "split", "appearance", "motion", "scene", "seed"]
    assert len(rows) == 300
    assert all((motion_factors_root / row["path"]).is_file() for row in rows)
    assert {row["appearance"] for row in rows} == set(APPEARANCES)
    assert {row["scene"] for row in rows} == set(SCENES)
    meta = json.loads((motion_factors_root / "meta.json").read_text())
    assert (meta["generator"], meta["seed"], meta["background"]) == (GENERATOR_VERSION, 7, "shared")
    assert len(meta["pixels_sha256"]) == 64
    info = check_video(motion_factors_root / "train" / "000000.mp4")
    assert (info.num_frames, info.fps, info.width, info.height) == (24, 25.0, 40, 40)


def test_reading_it_back(motion_factors_root: Path) -> None:
    for split in SPLITS:
        videos = MotionFactors(motion_factors_root, split, SMALL)
        assert len(videos) == 100
        names = {"appearance": APPEARANCES, "motion": MOTIONS, "scene": SCENES}
        assert videos.factor_names == names
        assert videos.class_names == MOTIONS
        pairs = zip(videos.targets("appearance"), videos.targets("motion"), strict=True)
        assert len(set(pairs)) == 100
        assert (videos.targets() == videos.targets("motion")).all()
        assert videos[0].num_frames == 24
    assert PairClips(videos, 4)[0].clips.shape == (2, 3, 4, 40, 40)


def test_the_files_show_what_the_labels_say(motion_factors_root: Path) -> None:
    for video in MotionFactors(motion_factors_root, "test")[:8]:
        drawn = render_video(
            video.factors["appearance"],
            video.factors["motion"],
            int(video.group or 0),
            40,
            24,
            scene=video.factors["scene"],
        )
        read = read_clip(video.path, range(24)).numpy()
        assert np.abs(read.astype(int) - drawn).mean() < 10


def test_only_shared_scenes_are_labels(tmp_path: Path) -> None:
    root = make_motion_factors(tmp_path, PIXEL, background="unique", progress=False)
    assert ",,".join(["", ""]) in (root / "annotations.csv").read_text()
    videos = MotionFactors(root)
    assert list(videos.factor_names) == ["appearance", "motion"]
    assert videos[0].factors.keys() == {"appearance", "motion"}


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


def test_a_missing_file_is_listed_and_a_bad_row_is_named(
    motion_factors_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "motion_factors"
    shutil.copytree(motion_factors_root, root)
    (root / "val" / "000003.mp4").unlink()
    videos = MotionFactors(tmp_path, "val")
    assert videos.root == root
    assert len(videos) == 99
    assert [(out.name, out.cause) for out in videos.left_out] == [
        ("val/000003.mp4", "no such file")
    ]
    table = root / "annotations.csv"
    whole = table.read_text()
    for path in ("/etc/passwd", "../val/000004.mp4"):
        table.write_text(whole.replace("val/000004.mp4", path))
        with pytest.raises(ValueError, match=rf"line \d+: '{path}' is refused; names must be rel"):
            MotionFactors(root, "val")
    table.write_text(whole)
    table.write_text(table.read_text().replace(",ring,", ",hexagon,"))
    with pytest.raises(ValueError, match=r"annotations\.csv, line \d+: .*hexagon"):
        MotionFactors(root)


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


@pytest.mark.parametrize("name", ["meta.json", ".settings.json"])
@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff"])
def test_damaged_facts_are_named(name: str, text: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(ValueError, match=rf"{tmp_path}/{name} (is not JSON|holds a list)"):
        make_motion_factors(tmp_path, PIXEL, progress=False)
