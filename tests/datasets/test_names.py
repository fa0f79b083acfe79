"""Data sets open by the name in the configuration; a cache changes nothing but the time."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import sdc_lib.datasets
from sdc_lib.config import DataConfig
from sdc_lib.datasets import VideoDataset
from sdc_lib.datasets.base import VideoFile
from sdc_lib.datasets.motion_factors import SIZES, Size, make_motion_factors
from sdc_lib.datasets.motion_factors.plan import name_of
from sdc_lib.datasets.motion_factors.scenes import Background
from sdc_lib.datasets.names import DATASETS, Known, known, open_dataset, splits_in
from sdc_lib.datasets.reading import FrameCache
from sdc_lib.video import VideoError, sample_clip
from tests.datasets import trees
from tests.helpers.small_runs import make_videos


def test_a_folder_opens_with_the_split_that_is_asked_for(tmp_path: Path) -> None:
    videos = make_videos(tmp_path / "train", 5)
    (tmp_path / "test").mkdir()
    for video in videos[:3]:
        video.path.rename(tmp_path / "test" / video.name)
    config = DataConfig(dataset="folder")
    assert splits_in("folder", tmp_path) == ("train", "test")
    assert len(open_dataset(config, tmp_path)) == 2
    assert len(open_dataset(config, tmp_path, "test")) == 3
    assert len(open_dataset(config, tmp_path, "all")) == 5
    with pytest.raises(ValueError, match="has no val part, only train, test; expected a"):
        open_dataset(config, tmp_path, "val")


def test_a_folder_without_splits_is_never_a_test_part(tmp_path: Path) -> None:
    make_videos(tmp_path, 2)
    assert len(open_dataset(DataConfig(dataset="folder"), tmp_path)) == 2
    with pytest.raises(ValueError, match="has no test part, only train; expected a folder test"):
        open_dataset(DataConfig(dataset="folder"), tmp_path, "test")


def test_official_data_sets_have_their_own_splits_only(tmp_path: Path) -> None:
    root = trees.ucf101(tmp_path / "ucf101")
    assert splits_in("ucf101", tmp_path) == ("train", "test")
    assert open_dataset(DataConfig(dataset="ucf101", fold=3), tmp_path, "test").root == root
    for split in ("val", "all"):
        with pytest.raises(ValueError, match=f"ucf101 has no split '{split}'; it has: train, test"):
            open_dataset(DataConfig(dataset="ucf101"), tmp_path, split)
    trees.kinetics400(tmp_path / "kinetics400", {"train": trees.KINETICS["train"]})
    assert splits_in("kinetics400", tmp_path) == ("train",)


@pytest.mark.parametrize("name", sorted(set(DATASETS) - {"ucf101", "hmdb51"}))
def test_a_fold_is_refused_where_there_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{name} has no fold 7; it has: 1$"):
        open_dataset(DataConfig(dataset=name, fold=7), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_csv_file_is_its_own_list(tmp_path: Path) -> None:
    make_videos(tmp_path, 2)
    (tmp_path / "list.csv").write_text("path\n01.mp4\n")
    assert [f.name for f in open_dataset(DataConfig(dataset="csv"), tmp_path / "list.csv")] == [
        "01.mp4"
    ]


def test_motion_factors_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Size(side=16, num_frames=2, train=100, val=100, test=100)
    monkeypatch.setitem(SIZES, "tiny", small)
    made: list[Path] = []

    def make(root: Path, size: str) -> None:
        made.append(root)
        make_motion_factors(root, small, progress=False)

    monkeypatch.setattr("sdc_lib.datasets.motion_factors.make_motion_factors", make)
    for _ in range(2):
        assert len(open_dataset(DataConfig(), tmp_path)) == 100
    assert made == [tmp_path / "motion_factors"]
    assert len(open_dataset(DataConfig(), tmp_path / "motion_factors", "test")) == 100
    assert len(made) == 1


@pytest.mark.parametrize(("seed", "background"), [(7, "shared"), (0, "plain")])
def test_motion_factors_of_another_kind_never_passes_for_the_standard_one(
    seed: int, background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Size(side=16, num_frames=2, train=100, val=100, test=100)
    monkeypatch.setitem(SIZES, "toy", small)
    folder = tmp_path / "motion_factors_toy"
    make_motion_factors(folder, small, seed, background, progress=False)
    config = DataConfig(size="toy")
    with pytest.raises(ValueError, match=r"holds .* with (seed 7|background plain), not"):
        open_dataset(config, tmp_path)
    named = open_dataset(config, folder, "test")  # whoever names the folder, means it
    assert named.name == name_of(small, seed, background) != name_of(small)


@pytest.mark.parametrize(("name", "entry"), DATASETS.items(), ids=list(DATASETS))
def test_every_row_of_the_table_loads(name: str, entry: Known) -> None:
    assert known(name) is entry
    assert issubclass(entry.load(), VideoDataset)
    assert set(entry.splits) <= {"train", "val", "test"}
    assert all(set(videos) == set(entry.splits) for videos in entry.videos)


@pytest.mark.parametrize(
    "name",
    ["UCF101", "HMDB51", "Diving48", "Kinetics400", "VideoFolder", "VideoCSV", "MotionFactors"],
)
def test_the_package_exports_the_data_sets(name: str) -> None:
    homes = [entry.load() for entry in DATASETS.values() if entry.home.endswith(f":{name}")]
    assert [getattr(sdc_lib.datasets, name)] == homes


def test_the_package_is_light() -> None:
    code = (
        "import sys; from sdc_lib.datasets import UCF101, VideoCSV, open_dataset\n"
        "print([m for m in ('torch', 'decord', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_official_sizes_cover_the_data_sets() -> None:
    ucf, hmdb = DATASETS["ucf101"], DATASETS["hmdb51"]
    assert ucf.folds == hmdb.folds == (1, 2, 3)
    assert [sum(videos.values()) for videos in ucf.videos] == [13_320] * 3
    assert [hmdb.official(split, 3) for split in ("train", "test")] == [3_570, 1_530]
    assert DATASETS["kinetics400"].official("val", 7) == 19_907
    assert ucf.official("train", 4) is None
    assert DATASETS["folder"].official("train") is None


def test_unknown_names_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'ucf'; choose one of .*ucf101"):
        open_dataset(DataConfig(dataset="ucf"), tmp_path)


@pytest.mark.parametrize("name", ["ucf101", "hmdb51", "diving48", "kinetics400"])
def test_missing_official_data_is_an_error_that_names_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=str(tmp_path / name)):
        open_dataset(DataConfig(dataset=name), tmp_path)


@pytest.mark.parametrize("limit_mb", [0, 1])
def test_a_cache_gives_the_same_frames_and_errors(limit_mb: int, tmp_path: Path) -> None:
    file = make_videos(tmp_path, 1)[0]
    cache = FrameCache(limit_mb)
    for _ in range(2):
        frames = cache(file, lambda length: [length - 1, 0, 3])
        assert torch.equal(frames, sample_clip(file.path, lambda length: [length - 1, 0, 3]))
    file.path.unlink()
    if limit_mb:
        assert len(cache(file, range)) == 12  # read from memory
    with pytest.raises(VideoError, match="no such file"):
        cache(VideoFile(tmp_path / "other.mp4", "other.mp4"), range)


def test_a_full_cache_keeps_what_it_has(tmp_path: Path) -> None:
    videos = make_videos(tmp_path, 2)
    cache = FrameCache(1)
    cache._room = 12 * 32 * 32 * 3 + 1
    for video in videos:
        assert len(cache(video, range)) == 12
    assert list(cache._videos) == [videos[0].path]
