from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sdc_lib.config import AugmentConfig, DataConfig, ModelConfig, PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.ledger import Record, read_record
from sdc_lib.evaluation.protocols import Protocol, settings_for
from sdc_lib.evaluation.run import evaluate
from sdc_lib.evaluation.train_batches import TrainAugment
from sdc_lib.weights import export_model

World = tuple[VideoDataset, VideoDataset]
CONFIG = PretrainConfig(
    name="small",
    data=DataConfig(num_frames=4, max_stride=1.0, augment=AugmentConfig(size=16, flip=0.0)),
    model=ModelConfig("tiny", num_concepts=10, projection_dim=8),
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return export_model(random_model(CONFIG.model), CONFIG, tmp_path / "small.safetensors", {})


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_world(config: DataConfig, data_dir: Path, split: str, *_: object) -> VideoDataset:
        assert config.dataset == "world"
        return world[0] if split == "train" else world[1]

    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", open_world)


@pytest.mark.usefixtures("opened")
@pytest.mark.filterwarnings("ignore:.*in no train video")
def test_a_rehearsal_takes_few_videos_from_all_over_the_list(weights: Path) -> None:
    done = evaluate(weights, "world", "knn", videos=2, workers=0, progress=False)
    (result, *_) = done.results.values()
    assert (result.evaluated, result.official) == (2, 4)
    assert done.record.protocol.endswith("at most 2 videos a split")
    whole = evaluate(weights, "world", "knn", videos=99, workers=0, progress=False)
    assert whole.record.evaluated == 4
    with pytest.raises(ValueError, match="videos"):
        evaluate(weights, "world", "knn", videos=0, workers=0, progress=False)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("protocol", "metric"),
    [
        ("linear", "appearance, top-1"),
        ("knn", "motion, mean per class"),
        ("retrieval", "motion, R@5"),
        ("disentanglement", "gap"),
        ("finetune", "motion, top-1"),
    ],
)
def test_weights_are_evaluated_and_recorded(
    weights: Path, tmp_path: Path, protocol: str, metric: str
) -> None:
    done = evaluate(
        weights,
        "world",
        protocol,  # type: ignore[arg-type]
        epochs=1,
        workers=0,
        cache_dir=tmp_path / "cache",
        results_dir=tmp_path / "results",
        name="mine",
        progress=False,
    )
    assert "4 of 4" in str(done)
    record = read_record(tmp_path / "results" / "mine.json")
    assert record == done.record
    assert (record.row, record.config) == ("small", CONFIG.hash())
    assert (record.evaluated, record.official, record.dataset) == (4, 4, "world/test")
    assert -100 <= record.values[metric][0] <= 100
    assert (metric in record.intervals) == (protocol == "disentanglement")
    assert str(tmp_path) not in (tmp_path / "results" / "mine.json").read_text()


@pytest.mark.usefixtures("opened")
def test_a_record_names_the_device_that_computed(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda *_: "A card")
    record = evaluate(weights, "world", "knn", workers=0, device="cpu", progress=False).record
    assert record.device.startswith("CPU (")


@pytest.mark.usefixtures("opened")
def test_weights_that_ship_have_a_column_of_their_own(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDC_WEIGHTS", str(weights.parent))
    for name, column in ((weights.stem, "trained here"), (weights, "this run")):
        record = evaluate(name, "world", "knn", workers=0, progress=False).record
        assert record.column == column


@pytest.mark.usefixtures("opened")
def test_random_weights_and_names_that_do_not_exist(weights: Path) -> None:
    with pytest.raises(ValueError, match="unknown preset 'nonsense'"):
        evaluate("random:nonsense", "world")
    with pytest.raises(ValueError, match="unknown protocol 'guess'"):
        evaluate(weights, "world", "guess")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no weights at"):
        evaluate("no-such-model", "world")


@pytest.fixture
def listed(world: World, tmp_path: Path) -> Path:
    """All twelve videos in one list, with two factors and a column of folds; one is no video."""
    (tmp_path / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    lines = ["path,appearance,motion,fold"]
    for number, file in enumerate(file for part in world for file in part):
        target = tmp_path / file.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.path.read_bytes() + str(number).encode())  # none like another
        a, m = file.factors["appearance"], file.factors["motion"]
        lines.append(f"{file.name},a{a},m{m},{number // 4}")
    path = tmp_path / "list.csv"
    path.write_text("\n".join([*lines, "torn.mp4,a0,m0,0"]))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["disentanglement", "linear", "finetune"])
def test_any_factors_are_measured_by_folds(
    protocol: Protocol, weights: Path, listed: Path, tmp_path: Path
) -> None:
    done = evaluate(
        weights,
        "csv",
        protocol,
        listed,
        factors=("appearance", "motion"),
        folds="fold",
        epochs=1,
        workers=0,
        cache_dir=tmp_path / "cache",
        results_dir=tmp_path / "results",
        progress=False,
    )
    record = read_record(tmp_path / "results" / f"{done.record.name}.json")
    options = "factors-appearance+motion-folds-fold-epochs-1"
    assert record.name == f"small-list-{protocol}-{options}"
    assert (record.evaluated, record.official, record.dataset) == (12, 13, "list/all")
    assert record.table == f"{protocol}_folds"
    assert "each fold tested by the others" in record.protocol
    metric = "gap" if protocol == "disentanglement" else "motion, top-1"
    assert metric in record.values
    assert not any("fold" in name for name in record.values)
    assert [line.partition(":")[0] for line in done.left_out] == ["torn.mp4"]


def not_reached(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the work was begun")


@pytest.mark.slow
def test_factors_and_folds_that_do_not_exist_are_named_before_the_work(
    weights: Path, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.evaluation.run.extract_features", not_reached)
    options = {"workers": 0, "progress": False}
    with pytest.raises(ValueError, match="no factor 'scene'; it has: appearance, motion, fold"):
        evaluate(weights, "csv", "linear", listed, factors=("scene",), folds="fold", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no factor 'part'"):
        evaluate(weights, "csv", "linear", listed, folds="part", **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": "motion"}, "all videos are in fold"),
        ({"factors": ("motion",)}, "factors are motion; needed are a static and a dynamic one"),
        ({"factors": ("motion", "motion")}, "all different"),
        ({}, "world/test has the factors motion: name the static and the dynamic one"),
    ],
)
def test_what_disentanglement_lacks_is_told_before_the_work(
    weights: Path,
    world: World,
    options: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [replace(file, label=None, factors={"motion": 1}) for file in world[1]]
    motion = {"motion": world[1].factor_names["motion"]}
    alike = VideoDataset("world", world[1].root, "test", files, factor_names=motion)
    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", lambda *_: alike)
    monkeypatch.setattr("sdc_lib.evaluation.run.extract_features", not_reached)
    with pytest.raises(ValueError, match=message):
        evaluate(weights, "world", "disentanglement", workers=0, progress=False, **options)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("letter", ["w", "é", "動"])
def test_long_names_of_weights_make_records_that_can_be_written(
    weights: Path, letter: str, tmp_path: Path
) -> None:
    stem = letter * (240 // len(letter.encode()))  # with ".safetensors" nearly 255 bytes
    names = set()
    for last in "ab":
        weights = weights.rename(tmp_path / f"{stem}{last}.safetensors")
        record = evaluate(
            weights, "world", "knn", workers=0, results_dir=tmp_path / "results", progress=False
        ).record
        assert read_record(tmp_path / "results" / f"{record.name}.json") == record
        names.add(record.name)
    assert len(names) == 2


@pytest.mark.usefixtures("opened")
def test_what_breaks_in_a_training_protocol_is_returned_and_recorded(
    weights: Path, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    bad = {file.name: replace(file, path=tmp_path / "torn.mp4") for file in (p[0] for p in world)}
    for part in world:
        monkeypatch.setattr(part, "files", tuple(bad.get(file.name, file) for file in part))
    settings = replace(settings_for("own", CONFIG, epochs=1))
    settings = replace(settings, finetune=replace(settings.finetune, max_replaced=0.2))
    monkeypatch.setattr("sdc_lib.evaluation.run.settings_for", lambda *_: settings)
    done = evaluate(weights, "world", "finetune", target="motion", workers=0, progress=False)
    trained, tested = done.left_out
    assert trained.startswith("train/000.mp4: ")
    assert "torn.mp4" in tested
    assert done.record.notes == "training samples replaced: 1, of unreadable videos"
    assert (done.record.evaluated, done.record.official) == (3, 4)


@pytest.mark.usefixtures("opened")
@pytest.mark.filterwarnings("ignore:.*in no train video")
def test_no_record_replaces_another_question_s(weights: Path, tmp_path: Path) -> None:
    def record(path: Path, **options: Any) -> Record:
        options = {"workers": 0, "progress": False, "results_dir": tmp_path / "results", **options}
        return evaluate(path, "world", "knn", **options).record

    files = {}
    for run in ("lr0.1", "lr0.2"):
        (tmp_path / run).mkdir()
        files[run] = tmp_path / run / "model.safetensors"
        export_model(random_model(CONFIG.model, len(files)), CONFIG, files[run], {})
    asked: list[dict[str, Any]] = [{}, {"fold": 2}, {"seed": 1}, {"split": "val"}]
    asked += [{"clips": "coclr"}, {"target": "motion"}, {"videos": 2}]
    names = [record(file, **options).name for file in files.values() for options in asked]
    assert len(set(names)) == len(list((tmp_path / "results").iterdir())) == 14
    assert names[:2] == ["lr0.1-world-knn", "lr0.1-world-knn-fold-2"]
    mine = record(files["lr0.1"], name="mine")
    again = record(files["lr0.1"].parent, name="mine", batch_size=1)
    assert (mine.values, mine.inputs) == (again.values, again.inputs)
    for file, options in ((files["lr0.2"], {}), (files["lr0.1"], {"target": "motion"})):
        with pytest.raises(ValueError, match=r"mine\.json holds numbers of other weights, videos"):
            record(file, name="mine", **options)
    assert read_record(tmp_path / "results" / "mine.json") == again


def test_folders_are_tested_before_data_are_made(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", not_reached)
    for option in ("results_dir", "cache_dir"):
        with pytest.raises(OSError, match=r"small\.safetensors/inside"):
            evaluate(weights, data_dir=tmp_path, **{option: weights / "inside"})  # type: ignore[arg-type]


@pytest.mark.usefixtures("opened")
def test_outputs_are_tested_before_the_work(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.evaluation.run.extract_features", not_reached)
    results = tmp_path / "results"
    results.mkdir()
    (results / "mine.json").write_text("{}")
    for options, line in (
        ({"name": "a/b"}, "the name of a record is 'a/b'; it must be a file name"),
        ({"name": "mine"}, r"mine\.json is not a record"),
        ({"results_dir": weights}, r"small\.safetensors"),
        ({"cache_dir": weights}, r"small\.safetensors"),
    ):
        with pytest.raises((ValueError, OSError), match=line):
            evaluate(weights, "world", **{"results_dir": results, **options})  # type: ignore[arg-type]
    assert (results / "mine.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("dataset", "asked", "said"),
    [
        ("ucf101", None, "flips with probability 0.5"),
        ("hmdb51", None, "flips with probability 0.5"),
        ("kinetics400", None, "flips with probability 0.5"),
        ("ucf101", False, "no flips"),
        ("motion-factors", None, "no flips"),
        ("diving48", None, "no flips"),
        ("csv", None, "no flips"),
        ("folder", None, "no flips"),
        ("folder", True, "flips with probability 0.5"),
    ],
)
@pytest.mark.parametrize("trained_with", [0.0, 0.5])
def test_labels_say_whether_training_flips_and_the_record_says_so(
    dataset: str,
    asked: bool | None,
    said: str,
    trained_with: float,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_world(config: DataConfig, data_dir: Path, split: str, *_: object) -> VideoDataset:
        return world[0] if split == "train" else world[1]

    monkeypatch.setattr("sdc_lib.evaluation.opening.open_usable", open_world)
    monkeypatch.setattr("sdc_lib.evaluation.online.TrainAugment", seen := Seen())
    data = replace(CONFIG.data, augment=replace(CONFIG.data.augment, flip=trained_with))
    config = replace(CONFIG, data=data)
    path = export_model(random_model(CONFIG.model), config, tmp_path / "w.safetensors", {})
    options: dict[str, Any] = {"target": "motion", "epochs": 1, "workers": 0, "progress": False}
    done = evaluate(path, dataset, "finetune", flip=asked, **options)
    assert done.record.protocol.endswith(f", {said}")
    assert seen.flips == [0.0 if said == "no flips" else 0.5]
    without = evaluate(path, dataset, "knn", flip=asked, **options)
    assert "flips" not in without.record.protocol


class Seen:
    """Stands for the augmentation and remembers how often it should flip."""

    def __init__(self) -> None:
        self.flips: list[float] = []

    def __call__(self, size: int, flip: float) -> TrainAugment:
        self.flips.append(flip)
        return TrainAugment(size, flip)


@pytest.mark.usefixtures("opened")
def test_folds_have_no_split_of_their_own(weights: Path) -> None:
    with pytest.raises(ValueError, match="folds have no splits: leave out either --folds or"):
        evaluate(weights, "world", "knn", folds="motion", split="val", progress=False)


@pytest.mark.usefixtures("opened")
def test_a_device_is_chosen_or_refused_by_name(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    done = evaluate(weights, "world", "knn", device="auto", workers=0, progress=False)
    assert done.record.device.startswith("CPU")
    with pytest.raises(ValueError, match="torch finds 0 CUDA devices; use auto or cpu"):
        evaluate(weights, "world", "knn", device="cuda", progress=False)
