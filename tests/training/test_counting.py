"""What a run keeps and computes is counted from shapes."""

import pytest

from sdc_lib.model import build_model
from sdc_lib.presets import PRESETS
from sdc_lib.training.counting import Count, _count, count, memory
from tests.helpers.small_runs import CONFIG, changed


def test_released_setting_costs_what_its_shapes_say() -> None:
    counted = count(PRESETS["released_ucf101"])
    assert counted.flops == pytest.approx(0.775e12, rel=0.01)  # 0.925e12 with all stills in full


def test_parameters_are_the_model_s() -> None:
    parameters = sum(p.numel() for p in build_model(CONFIG.model).parameters())
    assert count(CONFIG).parameters == parameters


def test_twice_the_frames_cost_about_twice() -> None:
    short, long = count(CONFIG), count(changed(data={"num_frames": 8}))
    assert long.flops / short.flops == pytest.approx(2, rel=0.2)
    assert long.saved / short.saved == pytest.approx(2, rel=0.2)


def test_memory_of_heads_alone_is_what_was_measured() -> None:
    """With 500 videos and 128 concepts a half; tables of all pairs would take 9 GB more."""
    config = PRESETS["motion_factors_small_decorrelated"]
    assert memory(count(config), "32-true", 500, "cpu") == pytest.approx(1.94e9, rel=0.2)


def test_tables_of_all_pairs_are_counted_where_they_are_kept() -> None:
    config = PRESETS["motion_factors_small_decorrelated"]
    counted = count(config)
    assert memory(counted, "32-true", 500, "cuda") == pytest.approx(5.73e9, rel=0.1)
    small = _count(config, 32)  # a batch for which a processor keeps them, too
    grown = counted.saved * 32 + counted.pairs * 32**2
    assert grown == pytest.approx(small.saved, rel=0.02)
    assert memory(counted, "32-true", 32, "cpu") == memory(counted, "32-true", 32, "cuda")
    without = count(changed(config, weights={"local": 0.0}))
    assert without.pairs < counted.pairs / 10


def test_a_frozen_backbone_keeps_nothing_and_a_recomputed_one_a_stage() -> None:
    whole = count(CONFIG)
    frozen = count(changed(optim={"freeze_backbone": True}))
    again = count(changed(optim={"checkpoint_activations": True}))
    assert frozen.saved < whole.saved / 2
    assert frozen.saved < again.saved < whole.saved
    assert again.flops > whole.flops > frozen.flops
    backbone = sum(p.numel() for p in build_model(CONFIG.model).backbone.parameters())
    assert (whole.frozen, frozen.frozen, again.frozen) == (0, backbone, 0)


def test_frozen_parameters_have_neither_gradients_nor_moments() -> None:
    assert memory(Count(100, 0.0, 0.0), "32-true", 1) == 1600
    assert memory(Count(100, 0.0, 0.0, frozen=60), "32-true", 1) == 40 * 16 + 60 * 4


def test_losses_keep_float32_in_any_precision() -> None:
    counted = Count(0, 0.0, 8.0, pairs=2.0)
    assert memory(counted, "32-true", 10) == 80 + 200
    assert memory(counted, "bf16-mixed", 10) == 40 + 200


def test_float64_takes_twice_the_memory_of_float32() -> None:
    counted = Count(100, 0.0, 8.0, pairs=2.0, frozen=60)
    assert memory(counted, "64-true", 10) == 2 * memory(counted, "32-true", 10)


def test_the_table_of_all_processes_is_always_counted() -> None:
    alone, everywhere = (
        _count(changed(objective={"global_local_contrast": choice}), 2)._replace(pairs=4.0)
        for choice in (False, True)
    )
    large = 1000
    assert memory(alone, "32-true", large, "cpu") < memory(alone, "32-true", large, "cuda")
    for device in ("cpu", "cuda"):
        assert memory(everywhere, "32-true", large, device) == memory(alone, "32-true", large)
