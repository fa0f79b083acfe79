"""Training with labels learns, follows its settings, and keeps the epoch it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.augment import normalize
from sdc_lib.backbones import BackboneOutput
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips
from sdc_lib.evaluation import FINETUNE, OnlineConfig, finetune, linear_online, online
from sdc_lib.evaluation.classification import Averaging, Classification, average_clips, classify
from sdc_lib.evaluation.online import Classifier, predict_videos
from sdc_lib.features import ClipSource
from sdc_lib.model import SDC
from tests.helpers.small_world import CLIPS

World = tuple[VideoDataset, VideoDataset]
SHORT = OnlineConfig(epochs=3, batch_size=4, flip=0.0, milestones=())


class Colours(nn.Module):
    """Stands for a backbone: its features are the mean colour of a clip."""

    dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, clips: Tensor) -> BackboneOutput:
        return BackboneOutput(self.weight * clips.mean(dim=(2, 3, 4)), clips)


@pytest.fixture
def colours(model: SDC) -> SDC:
    model.backbone = Colours()
    return model


def test_the_online_probe_learns(colours: SDC, world: World) -> None:
    config = replace(SHORT, epochs=10)
    done = linear_online(colours, *world, CLIPS, config, target="appearance", progress=False)
    assert done.top1 == 100


@pytest.mark.parametrize(
    ("top1s", "kept"), [((90.0, 10.0, 10.0), 1), ((10.0, 90.0, 90.0), 2), ((10.0, 20.0, 30.0), 3)]
)
def test_the_first_of_the_best_epochs_is_kept(
    top1s: tuple[float, ...],
    kept: int,
    colours: SDC,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(epochs: int) -> Classification:
        coming = iter(top1s)

        def judged(protocol: str, *rest: Any) -> Classification:
            done = classify(protocol, *rest)
            return replace(done, top1=next(coming)) if protocol == "validation" else done

        monkeypatch.setattr(online, "classify", judged)
        config = replace(SHORT, epochs=epochs, validation=0.25)
        return linear_online(colours, *world, CLIPS, config, target="appearance", progress=False)

    done, short = run(3), run(kept)
    assert done.notes["epoch"] == f"{kept}, best on 2 validation videos"
    np.testing.assert_array_equal(done.scores, short.scores)


def test_the_online_head_is_l2_batch_norm_linear(model: SDC) -> None:
    network = Classifier(model.backbone, 16, 2, "linear_online").eval()
    norm, linear = network.head
    assert isinstance(norm, nn.BatchNorm1d)
    assert isinstance(linear, nn.Linear)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.uniform_(-1, 1)
    clips = torch.randn(3, 3, 4, 16, 16)
    pooled = network.backbone(clips).pooled
    unit = pooled / pooled.norm(dim=1, keepdim=True)
    scaled = (unit - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(network(clips), scaled @ linear.weight.T)
    assert not torch.allclose(unit, pooled)


def test_the_fine_tuning_head_is_dropout_linear(model: SDC) -> None:
    network = Classifier(model.backbone, 16, 2, "finetune", dropout=0.5)
    linear = network.head[1]
    assert isinstance(linear, nn.Linear)
    clips = torch.randn(3, 3, 4, 16, 16)
    for training in (False, True):
        pooled = network.train(training).backbone(clips).pooled
        torch.manual_seed(0)
        expected = F.dropout(pooled, 0.5, training) @ linear.weight.T
        torch.manual_seed(0)
        torch.testing.assert_close(network(clips), expected)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[float, float, float]]]:
    """Learning rate, penalty and dropout of each group of parameters, step by step."""
    steps: list[list[tuple[float, float, float]]] = []
    build: Callable[..., torch.optim.Optimizer] = online._optimizer

    def watched(network: Classifier, config: OnlineConfig) -> torch.optim.Optimizer:
        optimizer = build(network, config)
        dropout = getattr(network.head[0], "p", 0.0)

        def note(*_: object) -> None:
            groups = optimizer.param_groups
            steps.append([(round(g["lr"], 9), g["weight_decay"], dropout) for g in groups])

        optimizer.register_step_pre_hook(note)
        return optimizer

    monkeypatch.setattr(online, "_optimizer", watched)
    return steps


def test_settings_reach_the_optimisation(
    model: SDC, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = watch(monkeypatch)
    config = replace(SHORT, batch_size=8, milestones=(1, 2), weight_decay=0.25)
    linear_online(model, *world, CLIPS, config, target="motion", progress=False)
    assert steps == [[(lr, 0.25, 0.0)] for lr in (0.1, 0.01, 0.001)]
    steps.clear()
    config = replace(FINETUNE, batch_size=8, epochs=2, milestones=(1,), weight_decay=0.25)
    finetune(model, *world, CLIPS, config, target="motion", progress=False)
    assert steps == [
        [(head, 0.25, 0.5), (backbone, 0.25, 0.5)]
        for head, backbone in ((1e-3, 1e-4), (1e-4, 1e-5))
    ]


def test_averaging_is_as_asked(colours: SDC, world: World) -> None:
    network = Classifier(Colours(), 3, 2, "finetune").eval()
    for weight in network.head.parameters():
        weight.data *= 1000  # so that it matters what is averaged
    source = EvalClips(world[1], CLIPS.num_frames, CLIPS.stride, CLIPS.size, CLIPS.clips)
    clips = [source[i].clips for i in range(len(world[1]))]
    owners = np.repeat(np.arange(len(clips)), [len(one) for one in clips])
    with torch.no_grad():
        logits = network(normalize(torch.cat(clips))).numpy()
    found = {}
    both: tuple[Averaging, ...] = ("softmax", "logits")
    for averaging in both:
        batches = ClipSource(world[1], CLIPS, progress=False)
        found[averaging] = predict_videos(network, batches, averaging)
        by_hand = average_clips(logits, owners, len(clips), averaging)
        np.testing.assert_allclose(found[averaging], by_hand, rtol=1e-5)
        config = replace(SHORT, epochs=1, averaging=averaging)
        done = linear_online(colours, *world, CLIPS, config, target="motion", progress=False)
        adds_to_one = np.allclose(done.scores.sum(axis=1), 1)
        assert adds_to_one == (averaging == "softmax")
    assert not np.allclose(found["softmax"], found["logits"])
