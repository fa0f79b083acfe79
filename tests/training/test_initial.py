"""Weights to begin from must have the backbone of the run."""

from dataclasses import replace

import pytest

from sdc_lib.model import build_model
from sdc_lib.training.initial import load_initial_backbone
from tests.helpers.small_runs import CONFIG


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
