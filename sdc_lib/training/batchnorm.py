"""BatchNorm over the samples of all processes, on any device.

``torch.nn.SyncBatchNorm`` is fast but runs on GPUs only; the plain version here computes the same
on a CPU, so that distributed training can be tested without a GPU.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from sdc_lib.model import SDC


class _SumOverRanks(torch.autograd.Function):
    """Add up over all processes; so are the gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _sum_over_ranks(value: Tensor) -> Tensor:
    total: Tensor = _SumOverRanks.apply(value)
    return total


class PlainSyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose training statistics are those of all processes; for CPU."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected (N, C, ...), got {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``(N, C, ...)`` per channel."""
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.ndim) if axis != 1]
        shape = [1, -1] + [1] * (input.ndim - 2)
        count = input.numel() // input.shape[1] * dist.get_world_size()
        mean = _sum_over_ranks(input.sum(axes)) / count
        centred = input - mean.view(shape)
        squares = _sum_over_ranks(centred.square().sum(axes))
        variance = squares / count
        self._track(mean.detach(), squares.detach() / (count - 1))
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        out: Tensor = normal * self.weight.view(shape) + self.bias.view(shape)
        return out

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def synchronize_batchnorm(model: SDC, device: torch.device) -> SDC:
    """Replace every BatchNorm by one that sees the samples of all processes."""
    if device.type == "cuda":
        converted: SDC = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return converted
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                norm = PlainSyncBatchNorm(child.num_features, child.eps, child.momentum)
                norm.load_state_dict(child.state_dict())
                setattr(parent, name, norm.to(child.weight))
    return model
