"""Weights to begin from give their backbone, which must be that of the run."""

from dataclasses import replace

import pytest
from torch.testing import assert_close

from sdc_lib.model import build_model
from sdc_lib.training.initial import load_initial_backbone
from sdc_lib.weights import load
from tests.helpers.small_runs import CONFIG


def test_the_backbone_is_taken_and_nothing_else() -> None:
    config = replace(CONFIG, init_backbone="motion_factors_small")
    model = build_model(config.model)
    heads = {name: value.clone() for name, value in model.heads.state_dict().items()}
    load_initial_backbone(model, config)
    taken = load("motion_factors_small").backbone.state_dict()
    assert_close(model.backbone.state_dict(), taken, rtol=0, atol=0)
    assert_close(model.heads.state_dict(), heads, rtol=0, atol=0)


def test_another_backbone_is_named_in_one_line() -> None:
    config = replace(CONFIG, init_backbone="motion_factors_small")
    model = build_model(config.model)
    load_initial_backbone(model, config)
    other = replace(config, model=replace(config.model, backbone="r3d_18"))
    message = (
        "motion_factors_small has the backbone tiny, the run has r3d_18: give --model.backbone"
    )
    with pytest.raises(ValueError, match=message):
        load_initial_backbone(model, other)
