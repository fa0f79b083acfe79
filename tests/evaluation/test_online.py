from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import FINETUNE, OnlineConfig, carve_validation, finetune, linear_online
from sdc_lib.evaluation.classification import merge_folds
from sdc_lib.evaluation.online import Classifier
from sdc_lib.model import SDC
from sdc_lib.training.alarms import TrainingError
from sdc_lib.video import sample_clip
from tests.helpers.small_world import CLIPS

World = tuple[VideoDataset, VideoDataset]
SHORT = OnlineConfig(epochs=2, batch_size=4, flip=0.0, milestones=(1,))


def test_the_online_probe_never_touches_the_backbone(model: SDC, world: World) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = linear_online(model, *world, CLIPS, SHORT, target="appearance", progress=False)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())
    assert (result.evaluated, result.official, len(result.predictions)) == (4, 4, 4)
    assert result.notes["epoch"] == "last of 2"
    assert "16" in result.notes["clips"]


def test_the_copy_inside_the_probe_stays_frozen_too(model: SDC) -> None:
    network = Classifier(model.backbone, 16, 2, "linear_online").train()
    norms = [m for m in network.backbone.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert norms
    assert not any(m.training for m in norms)
    assert network.head[0].training
    loss = network(torch.randn(3, 3, 4, 16, 16)).sum()
    loss.backward()
    assert all(p.grad is None for p in network.backbone.parameters())
    assert network.head[1].weight.grad is not None


def test_fine_tuning_trains_a_copy_of_the_backbone(model: SDC, world: World) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = replace(FINETUNE, epochs=2, batch_size=4)
    first = finetune(model, *world, CLIPS, config, target="motion", progress=False)
    frozen = replace(config, backbone_lr=0.0)
    second = finetune(model, *world, CLIPS, frozen, target="motion", progress=False)
    assert not np.array_equal(first.scores, second.scores)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    again = finetune(model, *world, CLIPS, config, target="motion", progress=False)
    np.testing.assert_array_equal(first.scores, again.scores)


def test_videos_kept_in_memory_change_nothing_and_are_decoded_once(
    model: SDC, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    real = sample_clip

    def read(path: Path, *rest: Any) -> torch.Tensor:
        decoded.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr("sdc_lib.datasets.reading.sample_clip", read)
    config = replace(FINETUNE, epochs=3, batch_size=4, milestones=())
    scores, reads = [], []
    for cache_mb in (0, 100):
        decoded.clear()
        tuned = replace(config, cache_mb=cache_mb)
        done = finetune(model, *world, CLIPS, tuned, target="motion", progress=False)
        scores.append(done.scores)
        reads.append(len(decoded))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert reads[0] - reads[1] == 2 * len(world[0])


def test_fine_tuning_backbone_runs_in_training_mode(model: SDC) -> None:
    network = Classifier(model.backbone, 16, 2, "finetune", dropout=0.5).train()
    assert network.backbone.training
    network(torch.randn(3, 3, 4, 16, 16)).sum().backward()
    assert all(p.grad is not None for p in network.backbone.parameters())


def test_the_epoch_is_chosen_on_validation_videos(model: SDC, world: World) -> None:
    config = replace(SHORT, validation=0.25)
    result = linear_online(model, *world, CLIPS, config, target="appearance", progress=False)
    assert "best on 2 validation videos" in result.notes["epoch"]


def test_splits_that_share_groups_are_refused(model: SDC, world: World) -> None:
    with pytest.raises(ValueError, match="train and test of world share 8 videos"):
        linear_online(model, world[0], world[0], CLIPS, SHORT)


@pytest.mark.parametrize(("videos", "batch_size"), [(1, 64), (2, 1)])
def test_the_probe_needs_two_videos_a_step(
    videos: int, batch_size: int, model: SDC, world: World
) -> None:
    train, test = world
    config = OnlineConfig(epochs=1, batch_size=batch_size)
    with pytest.raises(ValueError, match="linear_online needs at least two training videos a step"):
        linear_online(model, train.thinned(videos), test, CLIPS, config, target="motion")


def test_validation_takes_whole_groups(world: World) -> None:
    files = [replace(file, group=f"g{i // 2}") for i, file in enumerate(world[0])]
    names = (world[0].class_names, world[0].factor_names)
    grouped = VideoDataset("w", world[0].root, "train", files, *names)
    train, validation = carve_validation(grouped, 0.3, seed=1)
    assert (len(train), len(validation)) == (4, 4)
    assert not set(train.groups) & set(validation.groups)
    assert validation.groups == carve_validation(grouped, 0.3, seed=1)[1].groups
    with pytest.raises(ValueError, match="too few to set 90% aside"):
        carve_validation(grouped, 0.9)
    with pytest.raises(ValueError, match="share is 1; it must lie between"):
        carve_validation(grouped, 1)


@pytest.fixture
def torn(world: World, tmp_path: Path) -> World:
    """Both splits with a first file that broke after it was checked."""
    (tmp_path / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    parts = []
    for part in world:
        files = [replace(part[0], path=tmp_path / "torn.mp4"), *part[1:]]
        names = part.class_names, part.factor_names
        parts.append(VideoDataset(part.name, part.root, part.split, files, *names))
    return parts[0], parts[1]


@pytest.mark.parametrize("workers", [0, 1])
def test_videos_that_break_are_counted_and_named(model: SDC, torn: World, workers: int) -> None:
    config = replace(FINETUNE, epochs=2, batch_size=3, max_replaced=0.2, workers=workers)
    result = finetune(model, *torn, CLIPS, config, target="motion", progress=False)
    assert (result.replaced, result.evaluated, result.official) == (2, 3, 4)
    trained, tested = result.left_out
    assert trained == "train/000.mp4: it could not be read while training"
    assert "torn.mp4" in tested
    assert "training samples replaced: 2" in str(result)
    merged = merge_folds([result, result], official=8)
    assert (merged.replaced, merged.left_out) == (4, result.left_out)


def test_too_many_videos_that_break_end_the_training(model: SDC, torn: World) -> None:
    for run in (finetune, linear_online):
        with pytest.raises(TrainingError, match=r"12\.5% of all; at most 5\.0% .* train/000\.mp4"):
            run(model, *torn, CLIPS, SHORT, target="motion", progress=False)
