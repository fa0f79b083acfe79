from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sdc_lib.augment import normalize
from sdc_lib.backbones import TinyBackbone
from sdc_lib.config import AugmentConfig, ModelConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips
from sdc_lib.evaluation import extract_features, pixel_features, random_model, train_supervised
from sdc_lib.evaluation.baselines import Supervised, SupervisedConfig
from sdc_lib.evaluation.opening import open_weights
from sdc_lib.presets import PRESETS
from sdc_lib.training.alarms import TrainingError
from tests.helpers.small_world import CLIPS

World = tuple[VideoDataset, VideoDataset]


def test_random_weights_are_reproducible_and_leave_the_generator_alone() -> None:
    config = ModelConfig("tiny", num_concepts=4, projection_dim=8)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = random_model(config, seed=1)
    assert torch.equal(torch.rand(1), expected)
    second, third = random_model(config, seed=1), random_model(config, seed=2)
    weights = [m.state_dict()["heads.codebooks.video.weight"] for m in (first, second, third)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not first.training


def test_pixels_are_block_means(world: World) -> None:
    features = pixel_features(world[1], CLIPS)
    clips = normalize(EvalClips(world[1], 4, size=16)[1].clips)  # (n, 3, 4, 16, 16)
    blocks = clips.reshape(len(clips), 3, 4, 8, 2, 8, 2).mean(dim=(4, 6)).flatten(1)
    unit = blocks / blocks.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(features.pooled["video"][1], unit.mean(dim=0), atol=1e-5)
    assert features.scores == {}
    assert not np.allclose(features.pooled["dynamic"], features.pooled["static"])


def test_supervision_learns_all_factors(world: World) -> None:
    train = world[0]
    as_they_are = AugmentConfig(16, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    config = SupervisedConfig(epochs=10, batch_size=4, lr=0.02, augment=as_they_are)
    network = train_supervised(train, 4, 1, config, progress=False)
    source = EvalClips(train, 4, size=16)
    with torch.no_grad():
        logits = [network(normalize(source[i].clips)) for i in range(len(train))]
    for factor in ("appearance", "motion"):
        predicted = [int(one[factor].mean(dim=0).argmax()) for one in logits]
        assert predicted == train.targets(factor).tolist()


def test_supervision_is_reproducible_and_shows_factors_as_halves(world: World) -> None:
    config = SupervisedConfig(epochs=1, batch_size=4, augment=AugmentConfig(size=16, flip=0.0))
    network = train_supervised(world[0], 4, 1, config, progress=False)
    again = train_supervised(world[0], 4, 1, config, progress=False)
    assert not network.training
    for a, b in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    features = extract_features(network, world[1], CLIPS)
    assert features.scores["video"].shape == (4, 4)


def test_supervision_trains_where_it_is_told_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast: list[str] = []

    def autocast(kind: str, *_: object, **__: object) -> nullcontext[None]:
        cast.append(kind)
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)  # which knows no meta device
    augment = AugmentConfig(size=16, flip=0.0)
    config = SupervisedConfig(epochs=1, batch_size=4, augment=augment)
    network = train_supervised(world[0], 4, 1, config, device="meta", progress=False)
    assert {part.device.type for part in network.parameters()} == {"meta"} == set(cast)


def test_files_without_frames_shift_no_label(world: World) -> None:
    config = SupervisedConfig(epochs=1, batch_size=4, augment=AugmentConfig(size=16, flip=0.0))
    train = world[0]
    hollow = replace(train[0], name="hollow.mp4", num_frames=0)
    names = train.class_names, train.factor_names
    longer = VideoDataset("world", train.root, "train", [hollow, *train], *names)
    networks = [
        train_supervised(videos, 4, 1, config, progress=False) for videos in (train, longer)
    ]
    for a, b in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_supervision_tells_of_videos_that_break(world: World, tmp_path: Path) -> None:
    train = world[0]
    (tmp_path / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    files = [replace(train[0], path=tmp_path / "torn.mp4"), *train[1:]]
    torn = VideoDataset("world", train.root, "train", files, train.class_names, train.factor_names)
    config = SupervisedConfig(epochs=2, batch_size=4, augment=AugmentConfig(size=16, flip=0.0))
    with pytest.raises(TrainingError, match=r"12\.5% of all; at most 5\.0% are allowed"):
        train_supervised(torn, 4, 1, config, progress=False)
    with pytest.warns(UserWarning, match=r"samples replaced: 2, of train/000\.mp4 first"):
        train_supervised(torn, 4, 1, replace(config, max_replaced=0.2), progress=False)


def test_supervised_halves_are_the_logits_of_two_factors() -> None:
    torch.manual_seed(0)
    classes = {"appearance": 2, "motion": 2, "scene": 3}
    network = Supervised(TinyBackbone(4, 16), 16, classes, ("scene", "motion"))
    clips = torch.randn(4, 3, 4, 16, 16)
    encoded = network.eval().encode(clips)
    torch.testing.assert_close(encoded.scores[:, :3], network(clips)["scene"])
    torch.testing.assert_close(encoded.scores[:, 3:5], network(clips)["motion"])
    assert (encoded.scores[:, 3:].softmax(dim=1)[:, 2] < 1e-30).all()  # never wins


def test_supervision_needs_factors(world: World) -> None:
    plain = VideoDataset("plain", world[0].root, "train", world[0].files[:0])
    with pytest.raises(ValueError, match="plain has no factors"):
        train_supervised(plain)


def test_supervision_needs_a_static_and_a_dynamic_factor(world: World) -> None:
    moving = [{"motion": file.factors["motion"]} for file in world[0]]
    files = [replace(f, label=None, factors=m) for f, m in zip(world[0], moving, strict=True)]
    names = {"motion": world[0].factor_names["motion"]}
    videos = VideoDataset("one", world[0].root, "train", files, factor_names=names)
    with pytest.raises(ValueError, match="one has one factor, motion: a static and a dynamic one"):
        train_supervised(videos)


def test_presets_of_random_weights_may_be_written_as_on_the_command_line() -> None:
    model, config = open_weights("random:motion-factors-tiny", seed=3)
    assert config == PRESETS["motion_factors_tiny"]
    same = open_weights("random:motion_factors_tiny", seed=3)[0].state_dict()
    torch.testing.assert_close(model.state_dict(), same)
