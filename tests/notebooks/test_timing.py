"""The minutes in a header are compared at the speed of the machine."""

import pytest

from tests.notebooks.made_up import HEADER, made_up
from tools.timing import REFERENCE_SECONDS, measure_work, slowness, stated_minutes, too_slow


@pytest.mark.parametrize(
    ("header", "minutes"),
    [
        (HEADER, 0.1),
        ("# T\n\n**Time**: about 2 minutes on 2 CPU cores, 1 min on one GPU", 2.0),
        ("# T\n\n1 min on two CPU cores", 1.0),
        ("# T\n\nSoon.", None),
    ],
)
def test_stated_minutes(header: str, minutes: float | None) -> None:
    assert stated_minutes(made_up(header=header)) == minutes


@pytest.mark.parametrize(
    ("seconds", "minutes", "factor", "slow"),
    [
        (19.0, 0.1, 1.0, False),
        (21.0, 0.1, 1.0, True),
        (89.0, 1.0, 1.0, False),
        (91.0, 1.0, 1.0, True),
        (91.0, 1.0, 2.0, False),
        (181.0, 1.0, 2.0, True),
    ],
)
def test_slow_notebooks_are_reported(
    seconds: float, minutes: float, factor: float, slow: bool
) -> None:
    assert bool(too_slow(seconds, minutes, factor)) is slow


def test_header_without_minutes_is_reported() -> None:
    assert "does not say" in too_slow(1.0, None)


def test_a_faster_machine_changes_nothing() -> None:
    assert slowness(REFERENCE_SECONDS / 10) == 1
    assert slowness(REFERENCE_SECONDS * 3) == pytest.approx(3)


def test_work_takes_the_median_of_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 10.0, 19.0, 20.0, 22.0])  # 1, 9 and 2 seconds
    monkeypatch.setattr("tools.timing.time.perf_counter", lambda: next(clock))
    assert measure_work(repeats=3) == 2
