"""The log has each step once."""

from pathlib import Path

import pytest

from sdc_lib.training.log import COLUMNS, TrainingLog
from tests.helpers.small_runs import read_log
from tests.training.rows import log_row


def test_rows_come_back(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.write(log_row(1, total=1 / 3))
    log.write(log_row(2))
    log.close()
    columns = read_log(log.path)
    assert list(columns) == list(COLUMNS)
    assert columns["step"] == [1, 2]
    assert columns["total"][0] == pytest.approx(1 / 3, rel=1e-9)


def test_resuming_removes_later_and_broken_rows(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    for step in range(1, 6):
        log.write(log_row(step))
    log.close()
    with log.path.open("a") as file:
        file.write("6,1,0.")  # cut off by a kill
    again = TrainingLog(tmp_path, step=3)
    again.write(log_row(4))
    again.close()
    assert read_log(log.path)["step"] == [1, 2, 3, 4]


def test_a_new_run_starts_a_new_log(tmp_path: Path) -> None:
    TrainingLog(tmp_path).close()
    assert read_log(tmp_path / "log.csv")["step"] == []


def test_tensorboard_files_are_written_on_request(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, tensorboard=True)
    log.write(log_row(1))
    log.flush()
    log.close()
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"loss/align_static" in events.read_bytes()
    assert b"speed/data_wait" in events.read_bytes()
