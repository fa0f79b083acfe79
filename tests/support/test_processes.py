"""Whether a process still lives, and is the one that it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from sdc_lib.support.processes import available_cores, describe_exit, lives_since
from tests.helpers.processes import ended_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="asks by a signal of Unix")


def test_this_process_lives_and_one_that_ended_does_not() -> None:
    assert lives_since(os.getpid(), time.time())
    assert not lives_since(ended_process(), time.time())
    assert not lives_since(2**80, time.time())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")
def test_a_number_that_was_given_out_again_is_another_process() -> None:
    assert not lives_since(os.getpid(), time.time() - 24 * 3600)
    assert lives_since(1, time.time())  # of whoever may be its owner


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how a process is")
def test_one_that_ended_and_is_still_listed_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.read()  # until its end
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not lives_since(process.pid, time.time())


def test_at_least_one_core() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("code", "text"),
    [(-9, "SIGKILL (signal 9)"), (-6, "SIGABRT (signal 6)"), (3, "exit status 3")],
)
def test_how_a_process_ended_is_said_in_words(code: int, text: str) -> None:
    assert describe_exit(code) == text
