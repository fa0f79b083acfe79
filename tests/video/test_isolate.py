"""Functions that crash, hang or raise in child processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sdc_lib.video import VideoError
from sdc_lib.video.isolate import run_isolated


def misbehave(how: str) -> dict[str, Any]:
    """What a child is asked to do here."""
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(3)
    if how == "hang":
        threading.Event().wait()
    if how == "raise":
        raise RuntimeError("first line\nsecond line")
    if how == "video error":
        raise VideoError("some.mp4", "truncated")
    if how == "memory":
        bytearray(3 * 2**30)
    if how == "print":
        print("noise on standard output")
    return {"pid": os.getpid()}


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """This module, where children can import it."""
    (tmp_path / "misbehaviour.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "misbehaviour:misbehave"


@pytest.mark.slow
def test_each_failure_is_one_outcome_and_the_rest_goes_on(importable: str) -> None:
    hows = ["fine", "segfault", "killed", "exit", "hang", "raise", "video error", "memory", "print"]
    jobs = [{"how": how} for how in hows]
    outcomes = run_isolated(importable, jobs, workers=1, timeout=15.0, memory_gb=2.0)
    said = {outcome.job["how"]: outcome for outcome in outcomes}
    assert {how: outcome.status for how, outcome in said.items()} == {
        "fine": "ok",
        "segfault": "crashed",
        "killed": "killed",
        "exit": "crashed",
        "hang": "timeout",
        "raise": "error",
        "video error": "error",
        "memory": "error" if sys.platform == "linux" else "ok",
        "print": "ok",
    }
    assert said["segfault"].cause == "its process died: SIGSEGV (signal 11)"
    assert said["exit"].cause == "its process died: exit status 3"
    assert said["hang"].cause == "took more than 15 s"
    assert said["raise"].cause == "RuntimeError: first line"
    assert said["video error"].cause == "truncated"
    assert said["fine"].result["pid"] not in (os.getpid(), said["print"].result["pid"])


def test_children_end_when_the_caller_stops_listening(importable: str) -> None:
    outcomes = run_isolated(importable, [{"how": "fine"}] * 3, workers=1, timeout=60.0)
    pid = next(outcomes).result["pid"]
    outcomes.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_cannot_start_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"cannot start a process for sdc_lib\.no_such:f"):
        list(run_isolated("sdc_lib.no_such:f", [{}], workers=1, timeout=5.0))
    with pytest.raises(ValueError, match="workers is 0 and timeout 5"):
        list(run_isolated("sdc_lib.no_such:f", [{}], workers=0, timeout=5.0))
    assert list(run_isolated("sdc_lib.no_such:f", [], workers=1, timeout=5.0)) == []
