"""MotionFactors on disk, read like other data."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sdc_lib.datasets import MotionFactors, PairClips
from sdc_lib.datasets.motion_factors import (
    APPEARANCES,
    MOTIONS,
    SCENES,
    SPLITS,
    Size,
    make_motion_factors,
)
from sdc_lib.datasets.motion_factors.plan import GENERATOR_VERSION
from sdc_lib.datasets.motion_factors.world import render_video
from sdc_lib.video import check_video, read_clip

SMALL = Size(side=40, num_frames=24, train=100, val=100, test=100)
PIXEL = Size(side=40, num_frames=3, train=100, val=0, test=0)


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


@pytest.mark.parametrize("lost", [-3, 2])
def test_lists_with_too_few_or_too_many_rows_are_refused(
    lost: int, motion_factors_root: Path, tmp_path: Path
) -> None:
    shutil.copy(motion_factors_root / "meta.json", tmp_path)
    head, *rows = (motion_factors_root / "annotations.csv").read_text().splitlines()
    other = [row for row in rows if ",val," not in row]
    val = [row for row in rows if ",val," in row]
    changed = val[:lost] if lost < 0 else [*val, *other[:lost]]
    renamed = [row.replace(",train,", ",val,") for row in changed]
    (tmp_path / "annotations.csv").write_text("\n".join([head, *renamed, *other]))
    with pytest.raises(ValueError, match=rf"lists {100 + lost} val videos, not 100"):
        MotionFactors(tmp_path, "val")


@pytest.mark.parametrize("name", ["meta.json", ".settings.json"])
@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff"])
def test_damaged_facts_are_named(name: str, text: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(ValueError, match=rf"{tmp_path}/{name} (is not JSON|holds a list)"):
        make_motion_factors(tmp_path, PIXEL, progress=False)
