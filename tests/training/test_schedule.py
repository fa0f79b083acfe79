"""The learning rate and the curriculum are functions of the position in the whole run."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdc_lib.config import CurriculumConfig, LossWeights, OptimConfig
from sdc_lib.presets import PRESETS
from sdc_lib.training.schedule import learning_rate, phase_of


def test_step_schedule_drops_after_each_milestone() -> None:
    config = OptimConfig(epochs=4, lr=1.0, milestones=(1, 3))
    rates = [learning_rate(config, step, 2) for step in range(8)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_ends_at_zero_and_is_half_way_in_the_middle() -> None:
    config = OptimConfig(epochs=10, lr=2.0, schedule="cosine")
    assert learning_rate(config, 0, 10) == 2.0
    assert learning_rate(config, 50, 10) == pytest.approx(1.0)
    assert learning_rate(config, 100, 10) == pytest.approx(0.0, abs=1e-12)


def test_warm_up_rises_linearly_and_joins_the_schedule() -> None:
    config = OptimConfig(epochs=10, lr=1.0, schedule="cosine", warmup_epochs=0.5)
    assert [learning_rate(config, step, 8) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


@given(step=st.integers(0, 2000), warm=st.floats(0, 5), kind=st.sampled_from(["step", "cosine"]))
def test_rate_stays_between_zero_and_the_base_rate(step: int, warm: float, kind: str) -> None:
    config = OptimConfig(epochs=20, lr=0.3, schedule=kind, warmup_epochs=warm)  # type: ignore[arg-type]
    assert 0 <= learning_rate(config, step, 100) <= 0.3


@pytest.mark.parametrize(("step", "per_epoch"), [(-1, 3), (0, 0)])
def test_impossible_positions_are_errors(step: int, per_epoch: int) -> None:
    with pytest.raises(ValueError, match=f"{step} and {per_epoch}"):
        learning_rate(OptimConfig(), step, per_epoch)


def test_released_curriculum_starts_parts_in_the_second_and_eleventh_epoch() -> None:
    config = PRESETS["released_ucf101"].curriculum
    assert phase_of(config, 0, 7) == (False, False, False, 0.0)
    assert phase_of(config, 6, 7) == (False, False, False, 0.0)
    assert phase_of(config, 7, 7) == (True, True, False, 0.0)
    assert phase_of(config, 69, 7) == (True, True, False, 0.0)
    assert phase_of(config, 70, 7) == (True, True, True, 0.0)


def test_without_a_queue_it_is_never_read() -> None:
    assert not phase_of(CurriculumConfig(queue_size=0), 10**6, 7).queue


@pytest.mark.parametrize(
    ("weights", "counts"),
    [(None, True), (LossWeights(local=0), False), ({"local_static": 0.1}, True), ({}, False)],
)
def test_local_terms_count_only_with_a_weight(
    weights: LossWeights | dict[str, float] | None, counts: bool
) -> None:
    config = CurriculumConfig(local_from_epoch=1)
    assert phase_of(config, 5, 5, weights).local is counts
    assert not phase_of(config, 4, 5, weights).local


def test_decorrelation_waits_then_rises_then_stays() -> None:
    config = CurriculumConfig(
        decorrelation=8.0, decorrelation_from_epoch=1, decorrelation_ramp_epochs=2.0
    )
    weights = [phase_of(config, step, 2).decorrelation for step in range(8)]
    assert weights == pytest.approx([0, 0, 2, 4, 6, 8, 8, 8])


def test_decorrelation_without_a_ramp_is_there_at_once() -> None:
    config = CurriculumConfig(decorrelation=3.0, decorrelation_from_epoch=1)
    assert [phase_of(config, step, 1).decorrelation for step in range(3)] == [0, 3, 3]


def test_every_preset_ends_with_a_smaller_rate_than_it_has_after_warm_up() -> None:
    for preset in PRESETS.values():
        optim = preset.optim
        warm = math.ceil(optim.warmup_epochs * 100)
        first = learning_rate(optim, warm, 100)
        assert learning_rate(optim, optim.epochs * 100 - 1, 100) < first == optim.lr
