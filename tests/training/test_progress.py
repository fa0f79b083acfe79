"""A line an epoch, with the time left."""

from sdc_lib.training.progress import EpochSummary, duration
from tests.training.rows import log_row


def test_summary_speaks_once_an_epoch_and_leaves_out_the_slow_start() -> None:
    summary = EpochSummary(last_step=16, steps_per_epoch=8, epochs=2, videos_per_step=20)
    lines = [summary.add(log_row(s, samples_per_s=1 if s < 4 else 20)) for s in range(1, 9)]
    assert lines[:-1] == [None] * 7
    line = lines[-1]
    assert line is not None
    assert line.startswith("epoch 2/2, step 8: loss 0.50 (contrast 1.50, align 2.20")
    assert "1:05 spent, about 0:08 left" in line  # 3 x 20 s + 5 x 1 s; then 8 x 1 s


def test_summary_speaks_at_the_end_of_a_run_that_is_cut_short() -> None:
    summary = EpochSummary(last_step=2, steps_per_epoch=8, epochs=2, videos_per_step=1)
    assert summary.add(log_row(1)) is None
    assert "about 0:00 left" in str(summary.add(log_row(2)))


def test_durations_are_written_in_hours_minutes_and_seconds() -> None:
    assert [duration(s) for s in (0.4, 59.6, 3599, 3600, 36061)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "10:01:01",
    ]
