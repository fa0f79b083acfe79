"""All questions of an evaluation, answered once each, and the table of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import experiment
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.experiment import (
    all_questions,
    answer,
    compare,
    official_folds,
)
from sdc_lib.evaluation.ledger import Record, write_record
from sdc_lib.evaluation.questions import Conditions, Question
from sdc_lib.evaluation.run import Evaluation
from sdc_lib.weights import export_model
from tests.datasets import trees
from tests.helpers.records import PUBLISHED
from tests.helpers.small_runs import CONFIG


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return export_model(random_model(CONFIG.model), CONFIG, tmp_path / "w.safetensors", {})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Calls of `evaluate`, which here only writes a record: the fold times ten."""
    calls: list[dict[str, Any]] = []

    def evaluate(weights: Path, dataset: str, protocol: str, data_dir: Path, **more: Any) -> Any:
        calls.append({"dataset": dataset, "protocol": protocol, **more})
        record = Record(
            name=more["name"],
            table=protocol,
            row="w",
            values={"top-1": [10.0 * more["fold"]], "top-5": [99.0]},
            dataset=f"{dataset}/{more['split']}",
            protocol=protocol,
            column="this run",
            seeds=[0],
            config="c",
            commit="c",
            device="d",
            wall_time=1.0,
            evaluated=1,
            official=1,
        )
        write_record(record, more["results_dir"])
        return Evaluation({}, None, record)  # type: ignore[arg-type]

    empty = VideoDataset("none", Path("none"), "all", [])
    monkeypatch.setattr(experiment, "evaluate", evaluate)
    monkeypatch.setattr("sdc_lib.evaluation.questions.open_dataset", lambda *_, **__: empty)
    return calls


def test_data_sets_are_found_with_all_their_folds(tmp_path: Path) -> None:
    assert official_folds(tmp_path) == {}
    trees.ucf101(tmp_path / "UCF101")
    trees.diving48(tmp_path / "diving48")
    assert official_folds(tmp_path) == {"ucf101": (1, 2, 3), "diving48": (1,)}


def test_random_weights_and_factors_of_ones_own_can_be_asked_about() -> None:
    questions = all_questions(
        {"r": "random:ucf101"}, {"csv": (1,)}, ["disentanglement"], ["a", "b"]
    )
    assert [(q.weights, q.dataset) for q in questions] == [
        ("random:ucf101", "motion-factors"),
        ("random:ucf101", "csv"),
    ]


def test_every_protocol_is_asked_of_every_fold_quick_ones_first(weights: Path) -> None:
    questions = all_questions({"this run": weights, "random": weights}, {"ucf101": (1, 2, 3)})
    assert len(questions) == 2 * (6 + 3 * 5)
    assert questions[-1].protocol in ("linear_online", "finetune")
    assert {q.protocol for q in questions[:26]} == {"linear", "retrieval", "knn", "disentanglement"}
    asked_of = {q.dataset for q in questions if q.protocol == "disentanglement"}
    assert asked_of == {"motion-factors"}


def test_an_answered_question_is_not_asked_again(
    tmp_path: Path, weights: Path, asked: list[dict[str, Any]]
) -> None:
    questions = all_questions({"this run": weights}, {}, ["linear", "finetune"])
    first = answer(questions, tmp_path / "out", Conditions(epochs=1), progress=False)
    again = answer(questions, tmp_path / "out", Conditions(epochs=1), progress=False)
    assert again == first
    assert [(call["protocol"], call["epochs"], call["target"]) for call in asked] == [
        ("linear", None, None),
        ("finetune", 1, "motion"),
    ]
    answer(questions, tmp_path / "out", Conditions(epochs=2), progress=False)
    assert len(asked) == 4  # other conditions are other questions


@pytest.mark.filterwarnings("ignore:.*shorter than a clip")
def test_numbers_of_other_videos_are_never_taken_for_an_answer(
    weights: Path, world: tuple[VideoDataset, VideoDataset], tmp_path: Path
) -> None:
    root = tmp_path / "videos"

    def place(number: int, part: VideoDataset, names: Sequence[str]) -> Path:
        file = part[number]
        target = root / part.split / names[number % 2] / file.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.path.read_bytes() + part.split.encode())
        return target

    def ask(data_dir: Path = root) -> Record:
        question = Question("w", str(weights), "folder", 1, "knn")
        conditions = Conditions(data_dir=data_dir, workers=0)
        return answer([question], tmp_path / "out", conditions, progress=False)[0].record

    for number in range(4):
        for part in world:
            last = place(number, part, ("a", "b"))
    first = ask()
    assert ask() == first
    with pytest.raises(ValueError, match="not_there is not a folder"):
        ask(tmp_path / "not_there")
    last.write_bytes(last.read_bytes() + b"x")  # other content under the same names
    assert ask().name != first.name
    last.unlink()
    (root / "train" / "a" / "circle.mp4").symlink_to("circle.mp4")
    assert (ask().evaluated, first.evaluated) == (3, 4)


def test_time_runs_out_between_questions(
    tmp_path: Path, weights: Path, asked: list[dict[str, Any]]
) -> None:
    questions = all_questions({"this run": weights}, {}, ["linear", "knn"])
    assert answer(questions, tmp_path, max_minutes=0, progress=False) == []
    assert asked == []


def test_the_table_has_published_numbers_and_the_mean_over_folds(
    tmp_path: Path, weights: Path, asked: list[dict[str, Any]]
) -> None:
    questions = all_questions({"random": weights}, {"ucf101": (1, 2, 3)}, ["linear"])
    table = compare(answer(questions, tmp_path, progress=False), [PUBLISHED])
    assert table.names == ("random",)
    assert table.rows["ucf101", "linear", "top-1"] == ("up to 46.8", "20.0 ± 10.0")
    assert table.rows["motion-factors", "linear", "top-1"] == ("", "10.0")
    assert table.sources == ("A (a page)",)
    assert "top-5" not in str(table)


def test_published_numbers_of_a_test_split_stand_beside_no_others(
    tmp_path: Path, weights: Path, asked: list[dict[str, Any]]
) -> None:
    questions = all_questions({"random": weights}, {"ucf101": (1,)}, ["linear"])
    for split, first in (("val", ""), ("test", "up to 46.8")):
        conditions = Conditions(split=split)  # type: ignore[arg-type]
        table = compare(answer(questions, tmp_path, conditions, progress=False), [PUBLISHED])
        assert table.rows["ucf101", "linear", "top-1"] == (first, "10.0")
        assert bool(table.sources) == (split == "test")
