"""Damaged files go through the check and an epoch of loading, and end neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.damaged import DAMAGES, SOURCES, damaged_copies, table, verdicts
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.manifest import apply_manifest, check_dataset
from sdc_lib.training.batches import BatchPlan, make_loader

COPIES = 60


def read_once(videos: VideoDataset) -> tuple[list[int], int]:
    """One epoch through the loader: the videos that were read, and how many were replaced."""
    pairs = PairClips(videos, num_frames=4)
    plan = BatchPlan(len(pairs), batch_size=1, seed=0, epochs=1)
    read: list[int] = []
    replaced = 0
    for batch in make_loader(pairs, plan, workers=1):
        assert batch.clips.shape[1:4] == (2, 3, 4)
        read += batch.indices.tolist()
        replaced += int(batch.replaced.sum())
    return read, replaced


@pytest.mark.slow
def test_damaged_files_end_neither_check_nor_epoch(tmp_path: Path) -> None:
    videos = damaged_copies(tmp_path, COPIES)
    assert len(videos) == COPIES + len(SOURCES)
    manifest = check_dataset(videos, workers=2, timeout=60.0, progress=False)
    counts = verdicts(videos, manifest)
    assert sum(sum(row.values()) for row in counts.values()) == len(videos)
    assert counts["none"] == {"ok": len(SOURCES)}
    assert counts["wrong extension"] == {"ok": COPIES // len(DAMAGES)}  # content decides
    assert counts["truncation"].get("ok", 0) == 0
    assert counts["bit flips"]["broken"] > 0
    assert len(manifest.report().splitlines()) == 1 + len(manifest.unusable)

    usable = apply_manifest(videos, manifest)
    assert len(usable) == len(videos) - len(manifest.unusable)
    assert len(usable.left_out) == len(manifest.unusable)
    read, replaced = read_once(usable)
    long_enough = [file for file in usable if (file.num_frames or 0) > 2 * 4]
    assert len(read) == len(long_enough) >= len(usable) - 3
    assert replaced <= len(usable) // 10

    # other damage may leave the frames that are drawn here unharmed
    cut = {check.name for check in manifest.unusable if check.cause.startswith("truncated")}
    torn = [i for i, file in enumerate(videos) if file.name in cut][:4]
    whole = [i for i, file in enumerate(videos) if file.label == len(DAMAGES)]
    read, replaced = read_once(videos.subset([*whole, *torn]))
    assert replaced == len(torn) == 4
    assert set(read) == set(range(len(whole)))


def test_every_damage_changes_the_file_or_its_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = bytes(rng.integers(0, 256, 5000, dtype=np.uint8))
    for name, damage in DAMAGES.items():
        assert (damage(bytearray(data), rng) == data) == (name == "wrong extension")
    suffixes = {Path(file.name).suffix for file in damaged_copies(tmp_path, 10)}
    assert suffixes <= {Path(name).suffix for name in SOURCES}


def test_table() -> None:
    counts = {"bit flips": {"ok": 2, "broken": 1}, "none": {"ok": 6}}
    assert table(counts).splitlines() == [
        "| damage | broken | ok |",
        "| --- | ---: | ---: |",
        "| bit flips | 1 | 2 |",
        "| none | 0 | 6 |",
    ]
