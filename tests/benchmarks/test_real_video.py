"""Real video: every question has its record, from generated videos in the layout of one's own."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmarks import real_video, real_video_finetune, real_video_heads
from benchmarks.real_video_sets import gesture_grid, gestures, ucf101
from sdc_lib.config import AugmentConfig, DataConfig, ModelConfig, PretrainConfig
from sdc_lib.evaluation.ledger import Record, read_record
from sdc_lib.presets import PRESETS
from sdc_lib.video import write_video
from tests.datasets import trees

SMALL = PretrainConfig(
    name="small",
    data=DataConfig(num_frames=4, augment=AugmentConfig(size=16, flip=0.0)),
    model=ModelConfig("tiny", num_concepts=6, projection_dim=8),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two gestures before three scenes, twice, in the layout of docs/real_video.md."""
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 255, (3, 16, 16, 3)).astype(np.uint8)
    grid, split = ["path,gesture,scene,fold,scene_split"], ["path,gesture,split"]
    for gesture, scene, copy in product(range(2), range(3), range(2)):
        name = f"g{gesture}/{scene}_{copy}.avi"
        frames = np.stack([np.roll(scenes[scene], t + copy, axis=gesture) for t in range(14)])
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, frames)
        part = "test" if scene == 2 else "train"
        grid.append(f"{name},g{gesture},s{scene},{copy},{part}")
        split.append(f"{name},g{gesture},{part}")
    (tmp_path / "factors.csv").write_text("\n".join(grid))
    (tmp_path / "split_by_scene.csv").write_text("\n".join(split))
    return tmp_path


RecordsOf = Callable[[ModuleType, Sequence[str]], list[Record]]


@pytest.fixture
def records_of(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordsOf:
    """The records, by name, that a measurement of the gestures leaves with small weights."""
    monkeypatch.setitem(PRESETS, "small", SMALL)

    def run(module: ModuleType, words: Sequence[str]) -> list[Record]:
        shared = ["--gestures", str(folder), "--weights", "random:small", "--workers", "0"]
        shared += ["--seeds", "1", "--results", str(tmp_path / "r")]
        assert module.main([*shared, *words]) == 0
        return [read_record(path) for path in sorted((tmp_path / "r").glob("*.json"))]

    return run


def test_every_official_fold_is_a_pair_of_one_question(folder: Path, tmp_path: Path) -> None:
    question = ucf101(trees.ucf101(tmp_path / "ucf"))
    assert question.dataset == "UCF-101, 4 of 101 classes, splits 1 to 3"
    assert [(len(train), len(test)) for train, test in question.pairs] == [(8, 4)] * 3
    assert len(question.videos) == 12
    ours = gestures(folder)
    assert [(len(train), len(test)) for train, test in ours.pairs] == [(8, 4)]
    assert {file.name for file in gesture_grid(folder)} == {file.name for file in ours.videos}


@pytest.mark.slow
def test_networks_and_controls_have_records(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(PRESETS, "small", SMALL)
    ucf = trees.real_ucf101(tmp_path / "ucf")
    words = ["--gestures", str(folder), "--ucf101", str(ucf), "--results", str(tmp_path / "r")]
    words += ["--preset", "small", "--weights", "--seeds", "2", "--workers", "0"]
    words += ["--frames", "4", "--size", "16", "--stride", "2"]
    assert real_video.main(words) == 0
    record = read_record(tmp_path / "r" / "real_video_gestures-random-weights-stride2.json")
    assert (record.seeds, record.evaluated, record.official) == ([0, 1], 4, 4)
    assert {"linear, video", "R@1, still", "kNN, difference"} < set(record.values)
    grid = read_record(tmp_path / "r" / "real_video_grid-random-weights-stride2.json")
    assert {"static half, scene", "dynamic feature, gesture", "gap"} < set(grid.values)
    whole = read_record(tmp_path / "r" / "real_video_ucf101-random-weights-stride2.json")
    assert whole.evaluated == 12
    control = read_record(tmp_path / "r" / "real_video_ucf101-length-alone-stride2.json")
    assert set(control.values) == {"linear, video"}
    assert str(tmp_path) not in "".join(p.read_text() for p in (tmp_path / "r").glob("*.json"))
    capsys.readouterr()
    real_video.main(words)
    assert all(line.endswith("recorded") for line in capsys.readouterr().out.splitlines())


@pytest.mark.slow
def test_heads_are_trained_for_each_fold(records_of: RecordsOf) -> None:
    words = ["--concepts", "12", "--decorrelation", "10", "--steps", "3", "--passes", "2"]
    (record,) = records_of(real_video_heads, words)
    cells = [record.values[f"{half} half, {f}"][0] for half, f in HALVES_AND_FACTORS]
    assert all(0 <= cell <= 100 for cell in cells)
    assert record.values["gap"][0] == pytest.approx((cells[0] + cells[3] - cells[1] - cells[2]) / 2)


HALVES_AND_FACTORS = list(product(("static", "dynamic"), ("scene", "gesture")))


@pytest.mark.slow
def test_fine_tuning_from_both_starts_has_records(records_of: RecordsOf) -> None:
    words = ["--scratch", "random:small", "--epochs", "1", "--stride", "2"]
    pretrained, scratch = records_of(real_video_finetune, words)
    assert pretrained.name == "real_video_finetune-small-from-pretrained-weights"
    assert scratch.name == "real_video_finetune-small-from-scratch"
    assert pretrained.row == "small, from pretrained weights"
    assert 0 <= pretrained.values["top-1"][0] <= 100
