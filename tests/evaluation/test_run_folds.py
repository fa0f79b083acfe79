"""Any factors of a list, measured by folds; what is missing is told before the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation.ledger import read_record
from sdc_lib.evaluation.protocols import Protocol
from sdc_lib.evaluation.run import evaluate
from tests.helpers.evaluations import World, not_reached


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
def test_folds_have_no_split_of_their_own(weights: Path) -> None:
    with pytest.raises(ValueError, match="folds have no splits: leave out either --folds or"):
        evaluate(weights, "world", "knn", folds="motion", split="val", progress=False)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("protocol", "factors", "message"),
    [
        ("disentanglement", None, "disentanglement compares factors: name them with --factors"),
        ("linear", ("appearance",), "give either --target, for one labelling, or --factors"),
    ],
)
def test_a_target_that_would_not_count_is_refused(
    weights: Path, protocol: Any, factors: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(weights, "world", protocol, target="motion", factors=factors, progress=False)


def test_labels_that_training_lacks_are_missed_before_the_work(
    weights: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [replace(file, label=None, factors={}) for file in world[0]]
    train = VideoDataset("world", world[0].root, "train", plain)
    opened = {"train": train, "test": world[1]}
    monkeypatch.setattr(
        "sdc_lib.evaluation.run.open_parts", lambda *_: tuple(opened[part] for part in opened)
    )
    monkeypatch.setattr("sdc_lib.evaluation.run.extract_features", not_reached)
    with pytest.raises(ValueError, match="world has no factor 'motion'; it has: none"):
        evaluate(weights, "world", "linear", target="motion", workers=0, progress=False)
