"""The list of videos that every data set is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdc_lib.datasets import LeftOut, VideoDataset, VideoFile

ROOT = Path("videos")


def make(**changes: Any) -> VideoDataset:
    files = [
        VideoFile(ROOT / f"{i}.mp4", f"{i}.mp4", i % 3, f"g{i // 2}", {"motion": i % 2})
        for i in range(6)
    ]
    settings: dict[str, Any] = {
        "name": "toy",
        "root": ROOT,
        "split": "train",
        "files": files,
        "class_names": ("a", "b", "c"),
        "factor_names": {"motion": ("left", "right")},
        "left_out": [LeftOut(f"bad{i}.mp4", "empty") for i in range(7)],
    }
    return VideoDataset(**{**settings, **changes})


def test_it_is_a_sequence() -> None:
    videos = make()
    assert len(videos) == 6
    assert videos[1].name == "1.mp4"
    assert [file.name for file in videos[4:]] == ["4.mp4", "5.mp4"]
    assert list(videos)[-1] is videos[-1]
    assert videos.groups == ("g0", "g0", "g1", "g1", "g2", "g2")


def test_targets() -> None:
    videos = make()
    assert videos.targets().dtype == np.int64
    assert videos.targets().tolist() == [0, 1, 2, 0, 1, 2]
    assert videos.targets("motion").tolist() == [0, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="no factor 'colour'; it has: motion"):
        videos.targets("colour")
    unlabelled = make(files=[VideoFile(ROOT / "a.mp4", "a.mp4")])
    with pytest.raises(ValueError, match=r"1 videos have no class label: a\.mp4"):
        unlabelled.targets()
    with pytest.raises(ValueError, match="no motion"):
        unlabelled.targets("motion")


def test_columns_as_text() -> None:
    videos = make()
    assert videos.column("label") == ("a", "b", "c", "a", "b", "c")
    assert videos.column("motion") == ("left", "right") * 3
    assert videos.column("group") == videos.groups
    with pytest.raises(ValueError, match="no factor 'colour'"):
        videos.column("colour")


def test_subset_keeps_everything_else() -> None:
    videos = make()
    part = videos.subset([5, 0])
    assert [file.name for file in part] == ["5.mp4", "0.mp4"]
    assert (part.class_names, part.split, part.left_out) == (
        videos.class_names,
        "train",
        videos.left_out,
    )
    with pytest.raises(ValueError, match="listed more than once"):
        videos.subset([1, 1])


def test_a_part_of_a_split_keeps_its_official_number() -> None:
    videos = make()
    assert videos.official == 13
    for part in (videos.subset([5, 0]), videos.thinned(2), videos.thinned(4).thinned(2)):
        assert (len(part), part.official) == (2, 13)
        assert "2 of 13 videos" in part.summary()


def test_the_fingerprint_knows_content_and_order_but_not_place() -> None:
    videos = make()
    moved = [VideoFile(Path("else") / f.name, f.name, f.label, f.group, f.factors) for f in videos]
    assert make(files=moved, root=Path("else")).fingerprint() == videos.fingerprint()
    others = [
        videos.subset([1, 0, 2, 3, 4, 5]),
        videos.subset(range(5)),
        make(split="test"),
        make(class_names=("a", "b", "d")),
        make(files=[VideoFile(f.path, f.name, f.label) for f in videos]),
    ]
    assert len({videos.fingerprint(), *(other.fingerprint() for other in others)}) == 6


def test_pickling() -> None:
    videos = make()
    copy = pickle.loads(pickle.dumps(videos))
    assert copy.files == videos.files
    assert copy.fingerprint() == videos.fingerprint()


def test_the_summary_counts_and_lists() -> None:
    text = make().summary()
    assert "6 of 13 videos" in text
    assert "bad0.mp4: empty" in text
    assert "and 2 more left out" in text
    assert "left out" not in make(left_out=()).summary()


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        (VideoFile(ROOT / "x.mp4", "0.mp4"), r"'0\.mp4' is listed more than once"),
        (VideoFile(ROOT / "x.mp4", "x.mp4", 3), "label 3, but there are 3 classes"),
        (VideoFile(ROOT / "x.mp4", "x.mp4", factors={"motion": 2}), "motion 2"),
        (VideoFile(ROOT / "x.mp4", "x.mp4", factors={"size": 0}), "size 0"),
    ],
)
def test_inconsistent_lists_are_refused(file: VideoFile, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        make(files=[*make().files, file])
