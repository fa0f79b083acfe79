"""The monitor: alarms, smoothing, a resumed run, and how often it draws."""

from __future__ import annotations

import numpy as np

from sdc_lib import explore
from sdc_lib.explore.training import WINDOWS
from tests.explore.examples import (
    record,
)


def test_the_monitor_draws_no_more_often_than_it_was_told() -> None:
    now = 0.0
    monitor = explore.TrainingMonitor(10, seconds=2.0, clock=lambda: now)
    images = []
    for step in range(1, 7):
        monitor(record(step))
        images.append(monitor.image.value)
        now += 1.0
    assert len(set(images)) == 3
    assert len(monitor.records) == 6
    monitor.refresh()
    assert monitor.image.value != images[-1]
    assert monitor.describe().startswith("Step 6, total 0.167")


def test_the_monitor_raises_the_alarms_of_the_training_loop() -> None:
    monitor = explore.TrainingMonitor(40, patience=3, clock=lambda: 0.0)
    for step in range(1, 5):
        monitor(record(step, perplexity_static=1.2))
    assert len(monitor.alarms) == 1
    monitor.refresh()
    assert 'role="alert"' in monitor.caption.value
    assert "of 40 concepts are in use" in monitor.caption.value


def test_smoothing_is_left_to_the_browser_which_has_all_choices() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 30):
        monitor(record(step))
    monitor.refresh()
    assert [value for _, value in monitor.smooth.options] == list(WINDOWS)
    pictures = [child.value for child in monitor.stack.children]
    assert len(set(pictures)) == len(WINDOWS)
    assert monitor.static().axes


def test_a_resumed_run_continues_the_curves_of_its_monitor() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    whole = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 9):
        whole(record(step))
    for step in (1, 2, 3, 4, 5, 4, 5, 6, 7, 8):  # interrupted at 5, the last checkpoint was at 3
        monitor(record(step))
    assert monitor.steps == list(range(1, 9))
    assert [row["step"] for row in monitor.records] == monitor.steps
    np.testing.assert_array_equal(monitor.render(), whole.render())


def test_a_column_that_begins_late_stays_at_its_steps() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    monitor({"step": 1, "total": 3.0})
    monitor(record(2))
    monitor({"step": 3, "total": 1.0})
    assert {len(values) for values in monitor._columns.values()} == {3}
    assert np.isnan(monitor._columns["feature_std"]).tolist() == [True, False, True]


def test_drawing_takes_a_twentieth_of_the_time_at_most() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5  # each look at the clock: a drawing takes half a second
        return now

    monitor = explore.TrainingMonitor(10, seconds=0.1, clock=clock)
    drawn = []
    for step in range(1, 30):
        monitor(record(step))
        drawn.append(monitor.image.value)
    assert len(set(drawn)) == 2
