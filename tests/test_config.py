"""Configurations: complete, strict, and faithful to the release where they say so."""

import dataclasses
import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sdc_lib.backbones import BACKBONES
from sdc_lib.config import (
    AugmentConfig,
    CurriculumConfig,
    DataConfig,
    LossWeights,
    ModelConfig,
    ObjectiveConfig,
    OptimConfig,
    PretrainConfig,
    check_config,
    from_dict,
    to_json,
)
from sdc_lib.presets import PRESETS, RELEASED_KINETICS400, RELEASED_UCF101

GROUPS = (
    AugmentConfig,
    DataConfig,
    ModelConfig,
    LossWeights,
    ObjectiveConfig,
    OptimConfig,
    CurriculumConfig,
    PretrainConfig,
)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_survive_json(name: str) -> None:
    preset = PRESETS[name]
    assert preset.name == name
    back = from_dict(PretrainConfig, json.loads(to_json(preset)))
    assert back == preset
    assert back.hash() == preset.hash()


def test_presets_differ() -> None:
    assert len({preset.hash() for preset in PRESETS.values()}) == len(PRESETS)


def another(value: Any) -> Any:
    """A value that is not this one; whether it makes sense does not matter."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return (*value, 1)
    if isinstance(value, str):
        return f"{value}x"
    return 0.5 if value is None else value + 1


def one_field_changed(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """For every field, also of the groups inside: its dotted name, and all with another value."""
    for field in dataclasses.fields(settings):
        value, name = getattr(settings, field.name), f"{prefix}{field.name}"
        inner = (
            one_field_changed(value, f"{name}.")
            if dataclasses.is_dataclass(value)
            else [(name, another(value))]
        )
        for dotted, other in inner:
            yield dotted, replace(settings, **{field.name: other})


def test_the_hash_sees_every_field() -> None:
    base = PretrainConfig()
    assert len(base.hash()) == 12
    hashes = {name: config.hash() for name, config in one_field_changed(base)}
    assert {"seed", "optim.milestones", "data.augment.flip"} <= set(hashes)
    assert [name for name, found in hashes.items() if found == base.hash()] == []
    assert len(set(hashes.values())) == len(hashes) > 50


def test_missing_settings_keep_their_defaults() -> None:
    assert from_dict(PretrainConfig, {}) == PretrainConfig()
    changed = from_dict(PretrainConfig, {"optim": {"milestones": [3, 5], "lr": 1}})
    assert changed.optim == OptimConfig(milestones=(3, 5), lr=1.0)
    assert isinstance(changed.optim.lr, float)


def test_a_setting_that_is_left_open_is_not_written() -> None:
    left_open = {"objective": {"dynamic_alignment_temperature": None}}
    assert from_dict(PretrainConfig, left_open) == PretrainConfig()
    assert "dynamic_alignment_temperature" not in to_json(PretrainConfig())
    chosen = ObjectiveConfig(dynamic_alignment_temperature=0.5)
    assert from_dict(ObjectiveConfig, json.loads(to_json(chosen))) == chosen
    assert chosen.alignment_temperatures == (0.1, 0.5)
    assert ObjectiveConfig(alignment_temperature=0.3).alignment_temperatures == (0.3, 0.3)


def test_former_names_of_settings_still_count() -> None:
    assert from_dict(PretrainConfig, {"data": {"split": 3}}).data == DataConfig(fold=3)
    assert "split" not in json.loads(to_json(DataConfig()))
    with pytest.raises(ValueError, match="unknown setting in data: split; known are"):
        from_dict(PretrainConfig, {"data": {"split": 3, "fold": 2}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sede": 1}, "unknown setting: sede; known are curriculum, data"),
        ({"data": {"frames": 1}}, "unknown setting in data: frames; known are augment"),
        ({"data": {"augment": {"x": 1}}}, r"unknown setting in data\.augment: x; known"),
        ({"data": {"boundary": "mirror"}}, r"data\.boundary must be one of wrap, zero, got 'mir"),
        ({"optim": {"epochs": "ten"}}, r"optim\.epochs must be int, got 'ten'"),
        ({"optim": {"epochs": 1.5}}, r"optim\.epochs must be int, got 1\.5"),
        ({"optim": {"lr": None}}, r"optim\.lr must be float, got None"),
        ({"optim": {"compile": 1}}, r"optim\.compile must be bool, got 1"),
        ({"optim": {"lr": True}}, r"optim\.lr must be float, got True"),
        ({"optim": {"milestones": 70}}, r"optim\.milestones must be tuple\[int, \.\.\.\], got 70"),
        ({"data": {"augment": {"crop_scale": [1.0]}}}, r"crop_scale must be tuple\[float, float\]"),
        ({"optim": 3}, "optim must be a group of settings, got 3"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dict(PretrainConfig, values)


@pytest.mark.parametrize(
    ("group", "wrong"),
    [
        ("objective", {"local_margin": 0.0}),
        ("model", {"num_concepts": 1}),
        ("optim", {"lr": None}),
        ("optim", {"milestones": None}),
        ("data", {"dataset": 5}),
    ],
)
def test_what_no_run_can_be_made_of_is_refused(group: str, wrong: dict[str, Any]) -> None:
    base = PretrainConfig()
    (name,) = wrong
    config = replace(base, **{group: replace(getattr(base, group), **wrong)})
    with pytest.raises(ValueError, match=rf"^{group}\.{name} is {wrong[name]}; it must be"):
        check_config(config)


def test_configurations_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainConfig().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("preset", [RELEASED_UCF101, RELEASED_KINETICS400])
def test_released_presets_are_the_release(preset: PretrainConfig) -> None:
    kinetics = preset is RELEASED_KINETICS400
    assert preset.model.num_concepts == (100 if kinetics else 50)
    assert preset.optim.epochs == (100 if kinetics else 300)
    assert preset.optim.milestones == ((70,) if kinetics else (200,))
    assert (preset.optim.lr, preset.optim.weight_decay) == (1e-3, 1e-5)
    assert (preset.optim.batch_size, preset.optim.schedule) == (64, "step")
    assert preset.optim.precision == "32-true"
    assert (preset.data.num_frames, preset.data.max_stride) == (16, 3.0)
    assert preset.data.augment == AugmentConfig(
        128, flip=0.5, grayscale=0.5, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25
    )
    assert preset.weights == LossWeights(1, 1, 0.1, 1, 1)
    assert preset.curriculum == CurriculumConfig(
        queue_size=1024,
        queue_from_epoch=1,
        codebooks_from_epoch=1,
        local_from_epoch=10,
        decorrelation=0.0,
    )
    objective = preset.objective
    assert (objective.contrast_temperature, objective.alignment_temperature) == (0.07, 0.1)
    assert (objective.sinkhorn_epsilon, objective.sinkhorn_iterations) == (0.05, 3)
    assert (objective.diversity_temperature, objective.local_margin) == (0.1, 1.4)
    assert (objective.filter_top_k, objective.filter_inclusive) == (10, False)


@pytest.mark.parametrize("preset", [RELEASED_UCF101, RELEASED_KINETICS400])
def test_released_presets_keep_every_quirk(preset: PretrainConfig) -> None:
    assert preset.data.boundary == "wrap"
    assert preset.data.short_videos == "drop"
    assert preset.model.backbone == "r2plus1d_18_released"
    assert not preset.model.shared_codebooks
    assert not preset.model.split_video_projection
    assert not preset.objective.filter_inclusive
    assert not preset.objective.global_batch
    assert not preset.objective.global_local_contrast


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_presets_fit_together(preset: PretrainConfig) -> None:
    assert preset.model.backbone in BACKBONES
    assert preset.objective.filter_top_k <= preset.model.num_concepts
    assert all(0 < epoch < preset.optim.epochs for epoch in preset.optim.milestones) or (
        preset.optim.schedule == "cosine"
    )
    if preset.data.dataset == "motion-factors":  # left and right are labels there
        assert preset.data.augment.flip == 0


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_field_is_explained(group: type) -> None:
    source = inspect.getsource(group)
    for number, field in enumerate(dataclasses.fields(group)):
        _, _, after = source.partition(f"    {field.name}: ")
        assert after.partition("\n")[2].lstrip().startswith('"""'), f"{field.name} ({number})"
