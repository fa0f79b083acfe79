"""Signals ask for a stop; the second Ctrl-C interrupts."""

import signal
from collections.abc import Iterator

import pytest

from sdc_lib.training.stopping import StopRequest


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    runners = signal.getsignal(signal.SIGINT)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # test runners may ignore it
    before[signal.SIGINT] = signal.default_int_handler
    yield
    assert {number: signal.getsignal(number) for number in before} == before
    signal.signal(signal.SIGINT, runners)


def test_one_signal_is_a_request_and_the_second_interrupts() -> None:
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_second_signal_during_the_first_interrupts() -> None:
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop._request(signal.SIGINT, None)


def test_terminate_as_often_as_it_likes_is_one_request() -> None:
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested


def test_minutes_that_are_over_ask_for_a_stop() -> None:
    assert StopRequest(max_minutes=1e-9).requested
    assert not StopRequest(max_minutes=60).requested
