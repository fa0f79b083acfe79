"""Alarms warn when a sign of collapse lasts, once."""

import math

import pytest

from sdc_lib.training.alarms import CollapseAlarm, CollapseWarning
from tests.training.rows import log_row


def test_a_healthy_run_is_left_alone() -> None:
    alarm = CollapseAlarm(num_concepts=10, patience=1)
    for step in range(1, 30):
        assert alarm.check(log_row(step)) == []


@pytest.mark.parametrize(
    ("signs", "message"),
    [
        ({"perplexity_dynamic": 1.2}, "only about 1.2 of 10 concepts"),
        ({"top_share": 0.99}, "one concept is on top in 99%"),
        ({"feature_std": 0.001}, "features hardly differ"),
        ({"align_static": math.log(10)}, "alignment has stayed at log K"),
    ],
)
def test_a_lasting_sign_of_collapse_warns_once(signs: dict[str, float], message: str) -> None:
    alarm = CollapseAlarm(num_concepts=10, patience=2)
    patience = 20 if "align_static" in signs else 2
    for step in range(1, patience):
        assert alarm.check(log_row(step, **signs)) == []
    with pytest.warns(CollapseWarning, match=message):
        (said,) = alarm.check(log_row(patience, **signs))
    assert said.startswith(f"step {patience}: ")
    assert "Try a" in said
    assert alarm.check(log_row(patience + 1, **signs)) == []


def test_a_sign_that_passes_starts_the_count_again() -> None:
    alarm = CollapseAlarm(num_concepts=10, patience=2)
    for step, std in enumerate([0.0, 0.6, 0.0, 0.6, 0.0], 1):
        assert alarm.check(log_row(step, feature_std=std)) == []
