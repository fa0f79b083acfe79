"""BatchNorm of one batch that comes in parts: of several lengths, or spread over processes.

The parts are normalised with the statistics of all of them together. A frame of a part may stand
for several equal frames that were not computed again, and a part may carry channels that only fill
up a width. Values, gradients and running statistics are those of ``nn.BatchNorm`` on the whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sdc_lib.support.checks import require
from sdc_lib.support.distributed import gather_rows, sum_over_ranks
from sdc_lib.support.precision import at_least_float32


class SyncBatchNorm(_BatchNorm):
    """BatchNorm whose training statistics are those of all processes, on any device."""

    def _check_input_dim(self, input: Tensor) -> None:
        require(input.ndim >= 2, "BatchNorm's input must be (N, C, ...)", input)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``(N, C, ...)`` per channel."""
        self._check_input_dim(input)
        return normalise_parts(self, [input])[0]


def normalise_parts(
    norm: _BatchNorm, parts: Sequence[Tensor], repeats: Sequence[int] | None = None
) -> list[Tensor]:
    """Apply a BatchNorm to one batch in several parts.

    Args:
        norm: Its running statistics are updated once, in training.
        parts: ``(N, C', ...)`` each; channels from C on are filling and stay zero if they are.
        repeats: For each part how many equal frames its middle frame stands for (index ``T // 2``
            of the third axis); by default 1.

    Returns:
        The parts, normalised.

    Raises:
        ValueError: If there is but one value a channel in training.
    """
    repeats = tuple(repeats) if repeats else (1,) * len(parts)
    width = parts[0].shape[1]
    weight, bias = _filled(norm.weight, width, 1.0), _filled(norm.bias, width, 0.0)
    if not norm.training:
        mean, variance = _filled(norm.running_mean, width, 0.0), _filled(norm.running_var, width, 1)
        return [F.batch_norm(x, mean, variance, weight, bias, eps=norm.eps) for x in parts]
    everywhere = isinstance(norm, SyncBatchNorm)
    if not everywhere and sum(x.numel() for x in parts) == width:
        raise ValueError("expected more than 1 value per channel when training")
    results: tuple[Tensor, ...] = _Normalise.apply(
        weight, bias, norm.eps, everywhere, repeats, *parts
    )
    mean, variance, count, *normal = results
    _track(norm, mean, variance * (count / (count - 1)))
    return normal


@contextmanager
def unchanged_statistics(module: nn.Module) -> Iterator[None]:
    """Let BatchNorm work as ever, but have its running statistics back afterwards."""
    norms = [norm for norm in module.modules() if isinstance(norm, _BatchNorm)]
    before = [dict(norm.named_buffers(recurse=False)) for norm in norms]
    for norm, buffers in zip(norms, before, strict=True):
        # copies to write into: autograd may have saved the statistics themselves
        norm._buffers.update({name: buffer.clone() for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for norm, buffers in zip(norms, before, strict=True):
            norm._buffers.update(buffers)


class _Normalise(torch.autograd.Function):
    """``γ (x - mean) / sqrt(variance + ε) + β``, the statistics those of all parts and ranks."""

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        everywhere: bool,
        repeats: tuple[int, ...],
        *parts: Tensor,
    ) -> tuple[Tensor, ...]:
        rows = torch.stack(
            [row for x, r in zip(parts, repeats, strict=True) for row in _rows(x, r)]
        )
        if everywhere:
            rows = gather_rows(rows)
        counts, means, variances = rows[:, :1], *rows[:, 1:].chunk(2, dim=1)
        count = counts.sum()
        mean = (counts * means).sum(dim=0) / count  # (C,)
        variance = (counts * (variances + (means - mean).square())).sum(dim=0) / count
        ctx.eps, ctx.everywhere, ctx.repeats = eps, everywhere, repeats
        ctx.save_for_backward(weight, mean, variance, count, *parts)
        ctx.mark_non_differentiable(mean, variance, count)
        ctx.set_materialize_grads(False)
        out = [F.batch_norm(x, mean, variance, weight, bias, eps=eps) for x in parts]
        return mean, variance, count, *out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        weight, mean, variance, count, *parts = ctx.saved_tensors
        given = [
            torch.zeros_like(x) if g is None else g
            for x, g in zip(parts, gradients[3:], strict=True)
        ]
        of_parts = [
            torch.stack(_sums(g, x, weight, mean, variance, ctx.eps))
            for g, x in zip(given, parts, strict=True)
        ]
        sums = torch.stack(of_parts).sum(dim=0)  # (2, C)
        both = (sum_over_ranks(sums) if ctx.everywhere else sums) / count
        inverse = (variance + ctx.eps).rsqrt()
        scale = weight * inverse
        slope = -scale * inverse * both[0]
        shift = -scale * both[1] - slope * mean
        inputs = [
            _through(g, x, scale, slope, shift, r)
            for g, x, r in zip(given, parts, ctx.repeats, strict=True)
        ]
        return sums[0], sums[1], None, None, None, *inputs


def _rows(x: Tensor, repeats: int) -> list[Tensor]:
    """Statistics of a part; its middle frame counts once more as often as it is repeated."""
    if repeats == 1:
        return [_statistics(x)]
    return [_statistics(x), _statistics(x[:, :, x.shape[2] // 2].clone(), repeats - 1)]


def _statistics(x: Tensor, times: int = 1) -> Tensor:
    """How many values a channel, their mean and biased variance, ``(1 + 2C,)``."""
    if x.device.type == "cpu" and not torch.compiler.is_compiling():  # six times faster there
        spare = x.new_zeros(x.shape[1], dtype=torch.promote_types(x.dtype, torch.float32))
        mean, variance = torch.batch_norm_update_stats(x, spare, spare.clone(), 0.0)
    else:
        axes = [0, *range(2, x.ndim)]
        variance, mean = torch.var_mean(at_least_float32(x), axes, correction=0)
    count = mean.new_full((1,), times * x.numel() // x.shape[1])
    return torch.cat([count, mean, variance])


def _sums(
    gradient: Tensor, x: Tensor, weight: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Gradients of γ and β."""
    if x.device.type != "cpu" and not torch.compiler.is_compiling():
        return _plain_sums(gradient, x, mean, variance, eps)  # the operation below fails there
    _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
        gradient, x, weight, mean, variance, None, None, False, eps, [False, True, True]
    )
    return of_weight, of_bias


def _plain_sums(
    gradient: Tensor, x: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    axes = [0, *range(2, x.ndim)]
    gradient, x = at_least_float32(gradient), at_least_float32(x)
    mean, scale = (_per_channel(v, x.ndim) for v in (mean, (variance + eps).rsqrt()))
    return (gradient * (x - mean) * scale).sum(axes), gradient.sum(axes)


def _through(
    gradient: Tensor, x: Tensor, scale: Tensor, slope: Tensor, shift: Tensor, repeats: int
) -> Tensor:
    """The gradient of a part: directly, and through the statistics."""
    scale, slope, shift = (_per_channel(v, x.ndim) for v in (scale, slope, shift))
    out = torch.addcmul(shift, x, slope)
    if repeats > 1:
        out[:, :, x.shape[2] // 2] *= repeats
    return out.addcmul_(gradient, scale).to(x.dtype)


def _per_channel(values: Tensor, ndim: int) -> Tensor:
    return values.view(1, -1, *[1] * (ndim - 2))


def _filled(values: Tensor | None, width: int, value: float) -> Tensor:
    if values is None:
        raise ValueError("a BatchNorm needs weight, bias and running statistics here")
    if len(values) == width:
        return values
    return F.pad(values, (0, width - len(values)), value=value)


@torch.no_grad()
def _track(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if norm.momentum is None or norm.running_mean is None or norm.running_var is None:
        raise ValueError("a BatchNorm needs a momentum and running statistics here")
    norm.running_mean.lerp_(mean[: norm.num_features], norm.momentum)
    norm.running_var.lerp_(variance[: norm.num_features], norm.momentum)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
