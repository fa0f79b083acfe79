from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdc_lib.augment import ClipAugment, normalize
from sdc_lib.backbones import TinyBackbone
from sdc_lib.config import AugmentConfig, CurriculumConfig, LossWeights, ObjectiveConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.frames import SampleKey
from sdc_lib.evaluation import extract_features
from sdc_lib.features import CachedViews, cache_clips, cache_views, rescore
from sdc_lib.model import SDC, ConceptHeads, HeadsOutput
from sdc_lib.objective import SDCObjective
from sdc_lib.terms import term_weights
from sdc_lib.training.batches import Batch, to_device
from sdc_lib.training.heads import train_heads
from sdc_lib.training.step import Losses, compute_losses
from sdc_lib.views import assemble_views
from tests.helpers.small_world import CLIPS, make_world

EVERYTHING = CurriculumConfig(queue_size=16, local_from_epoch=0)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_world(tmp_path_factory.mktemp("views"), "train", 4)


@pytest.fixture
def network() -> SDC:
    torch.manual_seed(0)
    return SDC(TinyBackbone(4, 16), ConceptHeads(16, num_concepts=10, projection_dim=8))


def clustered(local: bool = True) -> CachedViews:
    """32 videos in 4 clusters, whose views resemble each other."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 16, generator=generator)[torch.arange(32) % 4]
    noise = torch.randn(32, 3, 6, 16, generator=generator)
    pooled = centres[:, None, None] + 0.3 * noise
    maps = pooled[..., None, None, None].expand(-1, -1, -1, -1, 1, 2, 2).half()
    indices = torch.arange(32)[:, None].expand(32, 3)
    return CachedViews(pooled, maps if local else None, indices, {})


def heads(seed: int = 0) -> ConceptHeads:
    torch.manual_seed(seed)
    return ConceptHeads(16, num_concepts=10, projection_dim=8)


def test_cached_views_are_the_backbones_features(network: SDC, videos: VideoDataset) -> None:
    pairs = PairClips(videos, 4, seed=3)
    cached = cache_views(network, pairs, passes=2, local_grid=(1, 1, 1), batch_size=3)
    assert network.training
    assert cached.pooled.shape == (4, 2, 6, 16)
    sample = pairs[SampleKey(1, 2)]
    views = assemble_views(normalize(sample.clips), normalize(sample.stills))
    with torch.no_grad():
        expected = network.eval().backbone(views).pooled
    torch.testing.assert_close(cached.pooled[2, 1], expected, rtol=1e-4, atol=1e-5)
    assert cached.local is not None
    torch.testing.assert_close(
        cached.local[2, 1].flatten(1).float(), expected, rtol=1e-2, atol=1e-2
    )
    assert cached.indices.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert cached.labels["motion"][:, 0].tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="passes is 0"):
        cache_views(network, pairs, passes=0)


def test_cached_differences_begin_as_the_model_s(network: SDC, videos: VideoDataset) -> None:
    pairs = PairClips(videos, 4, seed=3)
    network.boundary = "zero"
    cached = cache_views(network, pairs, passes=1)
    sample = pairs[SampleKey(0, 1)]
    views = assemble_views(normalize(sample.clips), normalize(sample.stills), "zero")
    with torch.no_grad():
        expected = network.eval().backbone(views).pooled
    torch.testing.assert_close(cached.pooled[1, 0], expected, rtol=1e-4, atol=1e-5)


def test_augmentation_left_to_the_device_is_finished_before_the_network(
    network: SDC, videos: VideoDataset
) -> None:
    augment = ClipAugment(AugmentConfig(size=16))
    whole, cropped = (
        cache_views(network, PairClips(videos, 4, augment=augment, crop_only=crop_only), passes=2)
        for crop_only in (False, True)
    )
    # bytes differ by a level here and there
    torch.testing.assert_close(cropped.pooled, whole.pooled, rtol=0.05, atol=0.02)


def test_rescored_clips_equal_extracted_features(
    network: SDC, videos: VideoDataset, tmp_path: Path
) -> None:
    cached = cache_clips(network, videos, CLIPS, batch_size=5)
    network.heads = heads(7)
    expected = extract_features(network, videos, CLIPS)
    found = rescore(network.heads, cached)
    for stream in ("video", "static", "dynamic"):
        np.testing.assert_allclose(found.scores[stream], expected.scores[stream], atol=1e-5)
        np.testing.assert_allclose(found.pooled[stream], expected.pooled[stream], atol=1e-5)
    assert found.names == expected.names
    assert network.heads.training
    in_float64 = rescore(heads(7).double(), cached)
    np.testing.assert_allclose(in_float64.scores["video"], found.scores["video"], atol=1e-5)


def test_every_family_of_terms_falls() -> None:
    history = train_heads(
        heads(), clustered(), curriculum=EVERYTHING, steps=40, batch_size=16, lr=3e-3
    )
    assert all(np.isfinite(values).all() for values in history.values())
    for name in ("total", "contrast_video", "align_static", "fidelity_video", "local_video"):
        assert history[name][-5:].mean() < history[name][:5].mean(), name


def test_batches_and_queue_follow_the_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would tell of a GPU on a machine without one: precision, and where batches are sent."""
    sent: list[torch.device] = []
    queues: list[torch.dtype] = []

    def send(batch: Batch, device: torch.device) -> Batch:
        sent.append(device)
        return to_device(batch, device)

    def compute(*args: Any) -> Losses:
        queues.append(args[3].scores.dtype)
        return compute_losses(*args)

    monkeypatch.setattr("sdc_lib.training.heads.to_device", send)
    monkeypatch.setattr("sdc_lib.training.heads.compute_losses", compute)
    part = heads().double()
    train_heads(part, clustered(), curriculum=EVERYTHING, steps=2, batch_size=16)
    assert sent == [part.attention.project_q.weight.device] * 2
    assert queues == [torch.float64] * 2


def test_training_is_reproducible_and_reports_each_step() -> None:
    seen: list[float] = []
    runs = [
        train_heads(
            heads(),
            clustered(),
            curriculum=EVERYTHING,
            steps=5,
            batch_size=8,
            on_step=lambda step, values: seen.append(values["total"]),
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0]["total"], runs[1]["total"])
    assert seen == [*runs[0]["total"].tolist(), *runs[1]["total"].tolist()]


def test_every_epoch_shows_each_video_once_in_a_new_order_and_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached = clustered(local=False)
    videos, passes = torch.arange(32.0)[:, None, None, None], torch.arange(3.0)[:, None, None]
    cached = replace(cached, pooled=(videos + passes / 4).expand(32, 3, 6, 16))
    shown: list[list[float]] = []

    def compute(*args: Any) -> Losses:
        batch = args[1]
        assert torch.equal(batch.indices, batch.pooled[:, 0, 0].long())
        shown.append(batch.pooled[:, 0, 0].tolist())
        return compute_losses(*args)

    monkeypatch.setattr("sdc_lib.training.heads.compute_losses", compute)
    train_heads(heads(), cached, weights=LossWeights(local=0), steps=8, batch_size=16)
    epochs = [shown[step] + shown[step + 1] for step in range(0, 8, 2)]
    orders = [[int(value) for value in epoch] for epoch in epochs]
    assert all(sorted(order) == list(range(32)) for order in orders)
    assert all(a != b for a, b in itertools.combinations(orders, 2))
    assert {value % 1 for epoch in epochs for value in epoch} == {0.0, 0.25, 0.5}


def test_weight_decay_shrinks_the_heads() -> None:
    norms = []
    for weight_decay in (0.0, 1.0):
        part = heads()
        options = {"steps": 20, "batch_size": 16, "lr": 1e-2, "weight_decay": weight_decay}
        train_heads(part, clustered(local=False), weights=LossWeights(local=0), **options)  # type: ignore[arg-type]
        norms.append(float(part.state_dict()["projections.video.0.weight"].norm()))
    assert norms[1] < 0.8 * norms[0]


def test_codebooks_wait_for_their_epoch_and_stay_on_the_sphere() -> None:
    part = heads()
    before = part.concepts("video").detach().clone()
    options = {"weights": LossWeights(local=0), "batch_size": 16, "lr": 1e-2}
    frozen = CurriculumConfig(codebooks_from_epoch=1)
    train_heads(part, clustered(local=False), curriculum=frozen, steps=2, **options)  # type: ignore[arg-type]
    torch.testing.assert_close(part.concepts("video"), before)
    train_heads(part, clustered(local=False), curriculum=frozen, steps=3, **options)  # type: ignore[arg-type]
    assert not torch.allclose(part.concepts("video"), before)
    torch.testing.assert_close(part.concepts("video").norm(dim=1), torch.ones(20))


def test_weights_switch_terms_and_extra_joins_the_total() -> None:
    def penalty(output: HeadsOutput) -> torch.Tensor:
        return 2 + 0 * output.scores.sum()

    history = train_heads(
        heads(),
        clustered(local=False),
        weights={"align_static": 2.0},
        curriculum=CurriculumConfig(decorrelation=3.0),
        objective=ObjectiveConfig(alignment_temperature=0.2),
        steps=2,
        extra=penalty,
    )
    expected = 2 * history["align_static"] + 3 * history["decorrelation"] + 2
    np.testing.assert_allclose(history["total"], expected, rtol=1e-5)
    assert (history["decorrelation"] > 0).all()


@pytest.mark.parametrize(
    ("weights", "video_alone", "trained"),
    [
        (LossWeights(align=0, diversity=0, fidelity=0, local=0), False, "projections."),
        ({"contrast_static": 1.0}, False, "projections."),
        (LossWeights(contrast=0, diversity=0, fidelity=0, local=0), True, ".video."),
        ({"fidelity_dynamic": 1.0}, False, ".dynamic."),
    ],
)
def test_what_no_term_trains_stays_as_it_was(
    weights: LossWeights | dict[str, float], video_alone: bool, trained: str
) -> None:
    part = heads()
    part.normalize_codebooks_()
    before = {name: p.detach().clone() for name, p in part.named_parameters()}
    train_heads(
        part,
        clustered(),
        ObjectiveConfig(align_video_alone=video_alone),
        weights,
        EVERYTHING,
        steps=3,
        batch_size=16,
        weight_decay=0.1,
    )
    moved = {n for n, p in part.named_parameters() if (p - before[n]).abs().max() > 1e-6}
    assert moved
    assert all(name.startswith(trained) or trained in name for name in moved), moved


def test_contrast_alone_leaves_scores_that_tell_videos_apart() -> None:
    part, cached = heads(), clustered(local=False)
    weights = LossWeights(align=0, diversity=0, fidelity=0, local=0)
    train_heads(part, cached, weights=weights, steps=400, batch_size=16, lr=4e-3)
    scores = part.eval().score(cached.pooled[:, 0, 0], "video")
    assert scores.std(dim=0).mean() > 0.01


def test_steps_before_the_only_terms_with_a_weight_learn_nothing() -> None:
    part = heads()
    before = part.state_dict()["attention.project_q.weight"].clone()
    late = CurriculumConfig(local_from_epoch=1)
    history = train_heads(
        part, clustered(), None, {"local_video": 1.0}, late, steps=3, batch_size=16, lr=1e-2
    )
    assert history["total"][:2].tolist() == [0, 0]
    assert history["total"][2] > 0
    assert not torch.equal(part.state_dict()["attention.project_q.weight"], before)


def test_an_objective_of_ones_own_is_used() -> None:
    class Flat(SDCObjective):
        def decorrelation(self, output: HeadsOutput) -> torch.Tensor:
            return output.scores.new_tensor(0.25)

    settings = (Flat(), LossWeights(local=0), CurriculumConfig(decorrelation=1.0))
    history = train_heads(heads(), clustered(local=False), *settings, steps=1)
    assert history["decorrelation"].tolist() == [0.25]


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="local terms need local maps"):
        train_heads(heads(), clustered(local=False), curriculum=EVERYTHING, steps=1)
    for steps, batch_size in ((0, 8), (-1, 8), (1, 0)):
        with pytest.raises(ValueError, match=r"is (0|-1); it must be from 1 to"):
            train_heads(heads(), clustered(local=False), steps=steps, batch_size=batch_size)
    with pytest.raises(ValueError, match="no loss term is called 'aline_static'"):
        term_weights({"aline_static": 1.0})
    assert term_weights()["diversity_static"] == pytest.approx(0.1)
