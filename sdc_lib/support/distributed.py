"""The few collective operations that the losses need, each the identity on a single process.

Every cross-sample part of the objective is one of two things: a *constant* seen by local queries
(InfoNCE keys, Sinkhorn targets, the other samples of local contrast), which needs no gradient
through the collective, or a mean over samples, which averaging the gradients over processes
already makes global. So gathering without gradient is exact.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes, 1 when `torch.distributed` is not initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Index of this process, 0 when `torch.distributed` is not initialised."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather_rows(rows: Tensor, dim: int = 0) -> Tensor:
    """Concatenate the rows of all processes in rank order, without gradient.

    Args:
        rows: ``(B, ...)``, the same shape on every process.
        dim: Where the B rows are.

    Returns:
        ``(W * B, ...)`` for W processes; ``rows.detach()`` for one.
    """
    rows = rows.detach()
    if world_size() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts, dim=dim)


def gather_rows_with_grad(rows: Tensor) -> Tensor:
    """Concatenate the rows of all processes in rank order and let gradients flow back to each.

    Args:
        rows: ``(B, ...)``, the same shape on every process.

    Returns:
        ``(W * B, ...)`` for W processes; ``rows`` itself for one.
    """
    if world_size() == 1:
        return rows
    gathered: Tensor = _GatherWithGrad.apply(rows)
    return gathered


def local_rows(rows: Tensor, dim: int = 0) -> Tensor:
    """Take this process's share out of rows gathered from all processes.

    Args:
        rows: ``(W * B, ...)`` in rank order.
        dim: Where the rows are.

    Returns:
        ``(B, ...)``.
    """
    return rows.chunk(world_size(), dim=dim)[rank()]


def sum_over_ranks(value: Tensor) -> Tensor:
    """Add a tensor of one shape up over all processes, without gradient."""
    if world_size() == 1:
        return value
    total = value.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


class _GatherWithGrad(torch.autograd.Function):
    """A row that all processes see gets the sum of the gradients that they give it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return gather_rows(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return local_rows(sum_over_ranks(gradients[0]))
