"""Several ranks in one process: threads that take the place of `torch.distributed`.

Collectives wait for all threads and exchange tensors through a list, so the real functions of
`sdc_lib.support.distributed` run, and a single backward pass goes through the work of all ranks.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from sdc_lib.support import distributed

T = TypeVar("T")


class Ranks:
    """Stands in for the module `torch.distributed` as `sdc_lib.support.distributed` uses it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._own = threading.local()
        self._barrier = threading.Barrier(size, timeout=60)
        self._board: dict[int, Tensor] = {}

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return hasattr(self._own, "rank")

    def get_world_size(self) -> int:
        return self.size

    def get_rank(self) -> int:
        return int(self._own.rank)

    def exchange(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """The tensors of all ranks, in rank order."""
        self._board[self.get_rank()] = tensor
        self._barrier.wait()
        everyone = tuple(self._board[r] for r in range(self.size))
        self._barrier.wait()
        return everyone

    def all_gather(self, parts: list[Tensor], tensor: Tensor) -> None:
        for part, theirs in zip(parts, self.exchange(tensor), strict=True):
            part.copy_(theirs)

    def all_reduce(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self.exchange(tensor.clone())).sum(dim=0))

    def run(self, function: Callable[[int], T]) -> list[T]:
        """Call the function once a rank, all at the same time."""

        def as_rank(rank: int) -> T:
            self._own.rank = rank
            return function(rank)

        with ThreadPoolExecutor(self.size) as pool:
            return list(pool.map(as_rank, range(self.size)))


def make_ranks(monkeypatch: pytest.MonkeyPatch, size: int) -> Ranks:
    """Replace the collectives for one test."""
    ranks = Ranks(size)
    monkeypatch.setattr(distributed, "dist", ranks)
    # one backward pass goes through all ranks: the real one is for processes
    joined = {"apply": staticmethod(lambda rows: torch.cat(ranks.exchange(rows)))}
    monkeypatch.setattr(distributed, "_GatherWithGrad", type("Joined", (), joined))
    return ranks
