"""Protocols by folds: every video is tested once, by what is learned from the other folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sdc_lib.datasets import VideoCSV
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import FINETUNE, Features, evaluate
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.follow import Result, by_folds, from_features, from_videos, metrics_of
from sdc_lib.evaluation.protocols import EvalSettings, Protocol
from sdc_lib.evaluation.retrieval import Retrieval, knn, retrieve
from sdc_lib.features import ClipSource
from sdc_lib.model import SDC
from sdc_lib.weights import export_model
from tests.helpers.small_runs import CONFIG
from tests.helpers.small_world import CLIPS, MakeFeatures


@pytest.fixture
def whole(make_features: MakeFeatures) -> Features:
    """64 videos in four folds, of which 65 are listed."""
    features = make_features("all", 64)
    folds = np.arange(64) // 16 % 4
    return replace(
        features,
        labels={**features.labels, "fold": folds},
        classes={**features.classes, "fold": ("0", "1", "2", "3")},
    )


def follow(protocol: Protocol, videos: Features, target: str) -> Result:
    def run(train: Features, test: Features) -> dict[str, Result]:
        assert set(train.targets("fold")).isdisjoint(test.targets("fold"))
        return from_features(protocol, train, test, targets=[target])

    return by_folds(run, videos, "fold", videos.official)[target]


@pytest.mark.parametrize("protocol", ["linear", "knn"])
def test_every_video_is_classified_once(protocol: Protocol, whole: Features) -> None:
    result = follow(protocol, whole, "appearance")
    assert isinstance(result, Classification)
    assert sorted(result.names) == sorted(whole.names)
    assert (result.evaluated, result.official) == (64, 65)
    assert result.top1 == 100
    assert result.notes["folds"] == "4"
    own = dict(zip(whole.names, whole.targets("appearance"), strict=True))
    assert [own[name] for name in result.names] == result.targets.tolist()


def test_retrieval_counts_the_queries_of_all_folds(whole: Features) -> None:
    result = follow("retrieval", whole, "motion")
    assert isinstance(result, Retrieval)
    assert (result.evaluated, result.official, result.gallery) == (64, 65, 48)
    assert result.first_hit.shape == (64,)
    assert list(result.recalls) == [1, 5, 10, 20]
    assert metrics_of(result)["R@1"] == 100 * (result.first_hit == 1).mean()


@pytest.mark.parametrize("protocol", ["linear", "knn", "retrieval", "disentanglement"])
def test_labels_that_only_test_videos_have_are_named(protocol: Protocol, whole: Features) -> None:
    train, test = whole.subset(range(48)), whole.subset(range(48, 64))
    with pytest.warns(UserWarning, match=r"^fold is 3 in 16 of 16 test videos and in no train"):
        from_features(protocol, train, test, targets=["fold"], factors=["motion", "fold"])


def test_a_labelling_without_folds_is_refused(whole: Features) -> None:
    same = replace(whole, labels={**whole.labels, "fold": np.zeros(64, np.int64)})
    with pytest.raises(ValueError, match="all videos are in fold"):
        follow("knn", same, "motion")
    with pytest.raises(ValueError, match="has no labels 'part'"):
        by_folds(lambda *_: {}, whole, "part", 65)


def test_settings_of_neighbours_are_handed_on(make_features: MakeFeatures) -> None:
    parts = make_features("train", 96, noise=0.4), make_features("test", 40, noise=0.4)
    votes, hits = [], []
    for settings in (EvalSettings(), EvalSettings(centre=False, neighbours=3)):
        centre, k = settings.centre, settings.neighbours
        voted = from_features("knn", *parts, settings, ["motion"])["motion"]
        found = from_features("retrieval", *parts, settings, ["motion"])["motion"]
        assert isinstance(voted, Classification)
        assert isinstance(found, Retrieval)
        same = knn(*parts, target="motion", k=k, centre=centre).scores
        np.testing.assert_array_equal(voted.scores, same)
        assert str(found) == str(retrieve(*parts, target="motion", centre=centre))
        votes.append(voted.scores)
        hits.append(found.first_hit)
    assert not np.array_equal(votes[0], votes[1])
    assert not np.array_equal(hits[0], hits[1])


def test_protocols_that_need_videos_say_so(make_features: MakeFeatures) -> None:
    with pytest.raises(ValueError, match="'finetune' needs videos"):
        from_features("finetune", make_features("train", 16), make_features("test", 8))


@pytest.mark.parametrize("protocol", ["linear", "retrieval", "knn", "disentanglement"])
@pytest.mark.parametrize("kind", ["pooled", "scores"])
@pytest.mark.parametrize("broken", ["train", "test"])
def test_features_that_are_not_finite_become_no_number(
    protocol: Protocol, kind: str, broken: str, make_features: MakeFeatures
) -> None:
    parts = {split: make_features(split, 16) for split in ("train", "test")}
    rows = getattr(parts[broken], kind)["video"].copy()
    rows[3, 0] = np.nan
    parts[broken] = replace(parts[broken], **{kind: {"video": rows}})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"the features of {broken}/3 are not finite"):
        from_features(protocol, parts["train"], parts["test"])


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_a_fine_tuning_that_diverges_ends_in_an_error(
    validation: float, world: tuple[VideoDataset, VideoDataset], model: SDC
) -> None:
    wild = replace(FINETUNE, epochs=2, batch_size=4, lr=1000.0, backbone_lr=1000.0)
    settings = EvalSettings(CLIPS, finetune=replace(wild, validation=validation))
    with torch.no_grad():
        next(model.backbone.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="not finite: training diverged; use a smaller learning"):
        from_videos("finetune", model, *world, settings, ["motion"], progress=False)


def test_folds_that_share_a_video_are_refused(
    world: tuple[VideoDataset, VideoDataset], tmp_path: Path, model: SDC
) -> None:
    lines = ["path,gesture,fold"]
    for number, file in enumerate(world[0]):
        for fold, name in (("x", f"{number}.mp4"), ("y", f"copy_{number}.mp4")):
            (tmp_path / name).write_bytes(file.path.read_bytes())
            lines.append(f"{name},{'ab'[number % 2]},{fold}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    videos = VideoCSV(tmp_path / "list.csv")
    message = r"'0.mp4' \(fold x\) and 'copy_0.mp4' \(fold y\) are the same video \(8 such"
    with pytest.raises(ValueError, match=message):
        by_folds(lambda *_: {}, videos, "fold", len(videos))
    weights = export_model(random_model(CONFIG.model), CONFIG, tmp_path / "w.safetensors", {})
    protocols: tuple[Protocol, ...] = ("knn", "finetune", "disentanglement")
    for protocol in protocols:
        with pytest.raises(ValueError, match=message):
            evaluate(
                *(weights, "csv", protocol, tmp_path / "list.csv"),
                factors=("gesture", "fold"),
                folds="fold",
                workers=1,
                progress=False,
            )


@pytest.mark.parametrize("protocol", ["linear_online", "finetune"])
def test_the_size_of_a_forward_pass_is_that_of_prediction(
    protocol: Protocol,
    world: tuple[VideoDataset, VideoDataset],
    model: SDC,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []

    class Source(ClipSource):
        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            for clips, videos in super().__iter__():
                sizes.append(len(clips))
                yield clips, videos

    monkeypatch.setattr("sdc_lib.evaluation.online.ClipSource", Source)
    settings = EvalSettings(CLIPS)
    config = replace(settings.finetune, epochs=1, batch_size=4, validation=0.25)
    settings = replace(settings, online=config, finetune=config)
    scores = []
    for size in (3, 5):
        sizes.clear()
        done = from_videos(
            *(protocol, model, *world, settings, ["motion"]), batch_size=size, progress=False
        )["motion"]
        assert isinstance(done, Classification)
        scores.append(done.scores)
        assert max(sizes) == size
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-4)
