"""Train and test share no videos, and no groups but those that official lists divide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdc_lib.datasets import Diving48
from sdc_lib.evaluation import knn, linear_probe, retrieve
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.disjoint import check_disjoint, note_of_divided_groups
from sdc_lib.evaluation.protocols import Protocol
from sdc_lib.evaluation.run import evaluate
from sdc_lib.features import Features, extract_features, load_features, save_features
from sdc_lib.model import SDC
from sdc_lib.video import write_video
from sdc_lib.weights import export_model
from tests.datasets import trees
from tests.helpers.small_runs import CONFIG
from tests.helpers.small_world import CLIPS, MakeFeatures, moving_square


@pytest.fixture
def dives(tmp_path: Path) -> Path:
    """Diving-48 whose dives are all of one recording, four to learn from and two to test."""
    root = trees.diving48(tmp_path / "diving48")
    for number, path in enumerate(sorted((root / "rgb").glob("*.mp4"))):
        write_video(path, moving_square(number % 2, 0, start=number))
    return root


@pytest.mark.parametrize("protocol", ["linear", "knn", "retrieval", "linear_online", "finetune"])
@pytest.mark.filterwarnings("ignore:.*in no train video", "ignore:.*shorter than a clip")
def test_groups_that_an_official_split_divides_are_kept_and_noted(
    protocol: Protocol, dives: Path, tmp_path: Path
) -> None:
    assert "1 sources have videos in both" in Diving48(dives).summary()
    weights = export_model(random_model(CONFIG.model), CONFIG, tmp_path / "w.safetensors", {})
    options = {"epochs": 1, "workers": 0, "progress": False}
    record = evaluate(weights, "diving48", protocol, dives, **options).record  # type: ignore[arg-type]
    assert (record.evaluated, record.official) == (2, 2)
    assert record.notes == "1 groups are in train and in test, as in the official lists"


def test_that_a_split_divides_groups_outlives_subsets_and_files(
    dives: Path, model: SDC, tmp_path: Path
) -> None:
    part = Diving48(dives, "train").thinned(2)
    features = extract_features(model, part, CLIPS, progress=False).subset([1])
    save_features(tmp_path / "f.npz", features)
    for kept in (part, features, load_features(tmp_path / "f.npz")):
        assert kept.divides_groups


@pytest.mark.parametrize("divides", [False, True])
def test_shared_videos_are_always_refused_shared_groups_of_ones_own_lists_too(
    divides: bool, make_features: MakeFeatures
) -> None:
    def made(split: str, group: str) -> Features:
        features = make_features(split, 16)
        return replace(features, groups=(group,) * 16, divides_groups=divides)

    train, test = made("train", "one"), made("test", "one")
    for measure in (linear_probe, knn, retrieve):
        with pytest.raises(ValueError, match="train and test of made share 16 videos"):
            measure(train, train)
    check_disjoint(train, made("test", "two"))
    if divides:
        check_disjoint(train, test)
        assert note_of_divided_groups(train, test).startswith("1 groups")
        assert note_of_divided_groups(train, made("test", "two")) == ""
    else:
        with pytest.raises(ValueError, match="share 1 groups, one first"):
            check_disjoint(train, test)
        assert note_of_divided_groups(train, test) == ""
