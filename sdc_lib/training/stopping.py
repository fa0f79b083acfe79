"""SIGTERM, as clusters send it before they take a machine away, becomes an orderly stop."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric


class StopRequest:
    """While it is entered, SIGTERM only sets a flag, which the training loop looks at.

    Signals can be caught in the main thread only; elsewhere nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None
        self._caught = False

    def __enter__(self) -> "StopRequest":
        """Start catching."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._request)
            self._caught = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the earlier handler back."""
        if self._caught:
            signal.signal(signal.SIGTERM, self._before)
            self._caught = False

    def agreed(self, fabric: Fabric) -> bool:
        """Whether any process was asked to stop; all processes get the same answer."""
        if fabric.world_size == 1:
            return self.requested
        flag = torch.tensor(float(self.requested), device=fabric.device)
        torch.distributed.all_reduce(flag)
        return bool(flag > 0)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
