"""The log has each step once, alarms speak when they should, and summaries tell the time left."""

import math
from pathlib import Path

import pytest

from sdc_lib.training.log import (
    COLUMNS,
    CollapseAlarm,
    CollapseWarning,
    EpochSummary,
    Record,
    TrainingLog,
    duration,
    read_log,
)

HEALTHY = {
    "align_static": 1.0,
    "align_dynamic": 1.2,
    "perplexity_static": 9.0,
    "perplexity_dynamic": 8.0,
    "top_share": 0.3,
    "feature_std": 0.6,
}


def record(step: int, **changes: float) -> Record:
    row = dict.fromkeys(COLUMNS, 0.5)
    return {
        **row,
        "step": step,
        "epoch": (step - 1) // 4,
        "samples_per_s": 10,
        **HEALTHY,
        **changes,
    }


def test_rows_come_back(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.write(record(1, total=1 / 3))
    log.write(record(2))
    log.close()
    columns = read_log(log.path)
    assert list(columns) == list(COLUMNS)
    assert columns["step"] == [1, 2]
    assert columns["total"][0] == pytest.approx(1 / 3, rel=1e-9)


def test_resuming_removes_later_and_broken_rows(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    for step in range(1, 6):
        log.write(record(step))
    log.close()
    with log.path.open("a") as file:
        file.write("6,1,0.")  # cut off by a kill
    again = TrainingLog(tmp_path, step=3)
    again.write(record(4))
    again.close()
    assert read_log(log.path)["step"] == [1, 2, 3, 4]


def test_a_new_run_starts_a_new_log(tmp_path: Path) -> None:
    TrainingLog(tmp_path).close()
    assert read_log(tmp_path / "log.csv")["step"] == []


def test_tensorboard_files_are_written_on_request(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, tensorboard=True)
    log.write(record(1))
    log.flush()
    log.close()
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"loss/align_static" in events.read_bytes()
    assert b"speed/data_wait" in events.read_bytes()


def test_a_healthy_run_is_left_alone() -> None:
    alarm = CollapseAlarm(num_concepts=10, patience=1)
    for step in range(1, 30):
        assert alarm.check(record(step)) == []


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
        assert alarm.check(record(step, **signs)) == []
    with pytest.warns(CollapseWarning, match=message):
        (said,) = alarm.check(record(patience, **signs))
    assert said.startswith(f"step {patience}: ")
    assert "Try a" in said
    assert alarm.check(record(patience + 1, **signs)) == []


def test_a_sign_that_passes_starts_the_count_again() -> None:
    alarm = CollapseAlarm(num_concepts=10, patience=2)
    for step, std in enumerate([0.0, 0.6, 0.0, 0.6, 0.0], 1):
        assert alarm.check(record(step, feature_std=std)) == []


def test_summary_speaks_once_an_epoch_and_leaves_out_the_slow_start() -> None:
    summary = EpochSummary(last_step=16, steps_per_epoch=8, epochs=2, batch=20)
    lines = [summary.add(record(s, samples_per_s=1 if s < 4 else 20)) for s in range(1, 9)]
    assert lines[:-1] == [None] * 7
    line = lines[-1]
    assert line is not None
    assert line.startswith("epoch 2/2, step 8: loss 0.50 (contrast 1.50, align 2.20")
    assert "1:05 spent, about 0:08 left" in line  # 3 x 20 s + 5 x 1 s; then 8 x 1 s


def test_summary_speaks_at_the_end_of_a_run_that_is_cut_short() -> None:
    summary = EpochSummary(last_step=2, steps_per_epoch=8, epochs=2, batch=1)
    assert summary.add(record(1)) is None
    assert "about 0:00 left" in str(summary.add(record(2)))


def test_durations_are_written_in_hours_minutes_and_seconds() -> None:
    assert [duration(s) for s in (0.4, 59.6, 3599, 3600, 36061)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "10:01:01",
    ]
