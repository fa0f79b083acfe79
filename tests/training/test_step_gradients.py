"""Gradients of a step: with recomputed activations, and of decorrelation kept from the backbone."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from sdc_lib.backbones import recompute_activations
from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig
from sdc_lib.model import build_model
from sdc_lib.objective import SDCObjective
from sdc_lib.training.batches import PixelBatch
from sdc_lib.training.networks import SixViews
from sdc_lib.training.schedule import Phase
from sdc_lib.training.step import LOGGED, compute_losses
from tests.helpers.small_runs import CONFIG, changed


def step_gradients(config: PretrainConfig, phase: Phase, *, recompute: bool = False) -> Any:
    """Gradients, running statistics and logged values of one step on fixed bytes."""
    torch.manual_seed(0)
    model = build_model(config.model).double()
    if recompute:
        recompute_activations(model.backbone)
    clips = torch.randint(0, 255, (4, 2, 3, 4, 16, 16), dtype=torch.uint8)
    queue = ScoreQueue(6, config.model.num_concepts).double()
    nobody = torch.zeros(4, dtype=torch.bool)
    batch = PixelBatch(clips, clips[:, :, :, :1].flip(0), torch.arange(4), nobody)
    total, logged, _ = compute_losses(
        SixViews(model, "wrap"),
        batch,
        SDCObjective(config.objective),
        queue,
        phase,
        config.weights,
        detach_backbone=config.curriculum.decorrelation_detach_backbone,
    )
    total.backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    return grads, dict(model.named_buffers()), dict(zip(LOGGED, logged.tolist(), strict=True))


def test_recomputed_activations_change_nothing() -> None:
    phase = Phase(queue=True, codebooks=True, local=True, decorrelation=0.0)
    grads, buffers, logged = step_gradients(CONFIG, phase)
    again = step_gradients(CONFIG, phase, recompute=True)
    assert_close(again[0], grads, rtol=0, atol=0)
    assert_close(again[1], buffers, rtol=0, atol=0)
    assert again[2] == logged


def test_decorrelation_can_be_kept_out_of_the_backbone() -> None:
    off, on = (Phase(True, True, False, weight) for weight in (0.0, 5.0))
    detached = changed(curriculum={"decorrelation": 5.0, "decorrelation_detach_backbone": True})
    joint = changed(curriculum={"decorrelation": 5.0})
    plain, plain_buffers, _ = step_gradients(CONFIG, off)
    kept, buffers, logged = step_gradients(detached, on)
    mixed, _, joint_logged = step_gradients(joint, on)
    stem, head = "backbone.stem.0.weight", "heads.concept_projections.video.0.weight"
    assert_close(kept[stem], plain[stem], rtol=1e-12, atol=1e-15)
    assert not torch.allclose(mixed[stem], plain[stem], rtol=1e-6)
    assert_close(kept[head], mixed[head], rtol=1e-9, atol=1e-15)  # the heads get all of it
    assert not torch.allclose(kept[head], plain[head], rtol=1e-6)
    assert_close(buffers, plain_buffers, rtol=0, atol=0)  # statistics updated once
    assert logged["decorrelation"] == pytest.approx(joint_logged["decorrelation"], rel=1e-12)
    assert logged["total"] == pytest.approx(joint_logged["total"], rel=1e-12)
