"""Workers are as many as there are cores, and as shared memory has room for."""

from __future__ import annotations

import pytest

from sdc_lib.support import memory
from sdc_lib.support.memory import fitting_workers


@pytest.mark.parametrize(
    ("wanted", "items", "fitting"),
    [
        (4, 8, (4, 2)),
        (4, 7, (3, 2)),
        (4, 2, (1, 2)),
        (4, 1, (1, 1)),
        (4, 0, (0, 1)),
        (0, 0, (0, 2)),
    ],
)
def test_small_shared_memory_takes_fewer_workers(
    wanted: int,
    items: int,
    fitting: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    recwarn: pytest.WarningsRecorder,
) -> None:
    monkeypatch.setattr(memory, "loader_workers", lambda wanted: wanted)
    monkeypatch.setattr(memory, "free_shared_memory", lambda: 2 * items * 10**6)
    assert fitting_workers(wanted, 10**6) == fitting
    messages = [str(warning.message) for warning in recwarn]
    assert bool(messages) == (fitting[0] < wanted)
    for message in messages:
        assert f"{wanted} workers that read 2 times 1 MB ahead" in message
        assert f"{fitting[0]} are started" in message
        assert "--shm-size" in message


@pytest.mark.filterwarnings("ignore:shared memory is small")
def test_processes_of_a_machine_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "loader_workers", lambda wanted: wanted)
    monkeypatch.setattr(memory, "free_shared_memory", lambda: 2 * 8 * 10**6)
    assert fitting_workers(4, 10**6) == (4, 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert fitting_workers(4, 10**6) == (2, 2)
