"""SIGTERM and SIGINT become an orderly stop.

Clusters send SIGTERM before they take a machine away; Ctrl-C and a notebook's Stop button send
SIGINT.
"""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric


class StopRequest:
    """While it is entered, a signal only sets a flag, which the training loop looks at.

    A second SIGINT interrupts as usual. Signals can be caught in the main thread only; elsewhere
    nothing is changed.

    Args:
        max_minutes: Also ask for a stop after so many minutes; None for no limit.
    """

    def __init__(self, max_minutes: float | None = None) -> None:
        self._requested = False
        self._before: dict[int, Any] = {}
        self._end = None if max_minutes is None else time.monotonic() + 60 * max_minutes

    @property
    def requested(self) -> bool:
        """Whether a signal came or time is up."""
        return self._requested or (self._end is not None and time.monotonic() >= self._end)

    def __enter__(self) -> "StopRequest":
        """Start catching."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._request) or signal.SIG_DFL
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the earlier handlers back."""
        self._release()

    def agreed(self, fabric: Fabric) -> bool:
        """Whether any process was asked to stop; all processes get the same answer."""
        if fabric.world_size == 1:
            return self.requested
        flag = torch.tensor(float(self.requested), device=fabric.device)
        torch.distributed.all_reduce(flag)
        return bool(flag > 0)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:  # whoever presses Ctrl-C twice does not want to wait
            if number not in self._before:  # the second one came before the next line was done
                raise KeyboardInterrupt
            signal.signal(number, self._before.pop(number))
        self._requested = True

    def _release(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
