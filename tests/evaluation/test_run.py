from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.follow import metrics_of
from sdc_lib.evaluation.ledger import Record, read_record
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.evaluation.run import evaluate
from sdc_lib.weights import export_model
from tests.helpers.evaluations import CONFIG, World, not_reached


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
        ("linear_online", "motion, top-1"),
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
    several = len(done.results) > 1
    numbers = {
        f"{key}, {name}" if several else name: number
        for key, result in done.results.items()
        for name, number in metrics_of(result).items()
    }
    estimates = {name: e for name, e in numbers.items() if isinstance(e, Estimate)}
    plain = {name: [e.value] for name, e in estimates.items()}
    assert metric in numbers
    assert record.values == {**{name: [number] for name, number in numbers.items()}, **plain}
    assert record.intervals == {name: (e.low, e.high) for name, e in estimates.items()}
    assert bool(estimates) == (protocol == "disentanglement")
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
