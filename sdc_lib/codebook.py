"""Concept codebooks, equal-partition assignments and swapped prediction.

A codebook holds 2K unit vectors, the *concepts*: the first K static, the last K dynamic. A
feature's scores are its cosines with them. Sinkhorn-Knopp turns the scores of a batch into soft
assignments that use all concepts equally; predicting the assignment of one view from another
aligns what the views say (SwAV: Caron et al., arXiv 2006.09882). Notebook 03 explains this module.
Equations 4.1 to 4.7 of docs/equations.md.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.support.checks import require
from sdc_lib.support.distributed import gather_rows, local_rows
from sdc_lib.support.precision import at_least_float32, full_precision
from sdc_lib.views import Stream


class ConceptCodebook(nn.Module):
    """K static and K dynamic concepts as rows of one matrix.

    The forward pass uses the rows as they are; the training loop keeps them at unit length by
    calling `normalize_` before every step, outside autograd.

    Args:
        dim: Width D of a concept.
        num_concepts: K, the number of concepts in each half.

    Attributes:
        weight: ``(2K, D)``, unit rows after construction.
    """

    def __init__(self, dim: int, num_concepts: int) -> None:
        super().__init__()
        right = dim >= 1 and num_concepts >= 1
        require(right, "dim and num_concepts must be >= 1", dim, num_concepts)
        self.num_concepts = num_concepts
        self.weight = nn.Parameter(torch.randn(2 * num_concepts, dim))
        self.normalize_()

    @property
    def static(self) -> Tensor:
        """The static half, a ``(K, D)`` view of the weight."""
        return self.weight[: self.num_concepts]

    @property
    def dynamic(self) -> Tensor:
        """The dynamic half, a ``(K, D)`` view of the weight."""
        return self.weight[self.num_concepts :]

    @torch.no_grad()
    def normalize_(self) -> None:
        """Scale every concept back to unit length, in place."""
        self.weight.copy_(F.normalize(self.weight, dim=-1))

    def forward(self, u: Tensor) -> Tensor:
        """Score features against all concepts.

        Args:
            u: L2-normalised features, ``(..., D)``.

        Returns:
            Cosines with the concepts, ``(..., 2K)``, static half first, in float32 or better: in
            bfloat16 close scores tie, and the concept filter drops all that tie with its threshold.
        """
        with torch.autocast(u.device.type, enabled=False):
            return F.linear(at_least_float32(u), at_least_float32(self.weight))


@torch.no_grad()
@full_precision
def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Assign samples to concepts so that every concept gets the same share.

    Sinkhorn-Knopp on ``exp(scores / ε)``: columns (concepts) are scaled to 1/K each, rows (samples)
    to 1/N each, `iterations` times over. On logarithms that is a log-softmax down the columns, then
    one along the rows: they scale to 1 instead, and the next scaling undoes any constant factor. In
    float32 or better it stays finite for all finite scores, where the plain version can divide zero
    by zero.

    Args:
        scores: One row a sample, one column a concept, ``(..., N, K)``.
        epsilon: Entropy weight ε > 0; smaller is closer to a hard assignment.
        iterations: How often columns and rows are scaled, at least 1.

    Returns:
        Soft assignments of the same shape without gradient; each row sums to 1.

    Raises:
        ValueError: If the scores are not a matrix (or a batch of them), ε is not positive or there
            are no iterations.
    """
    filled = scores.ndim >= 2 and 0 not in scores.shape
    require(filled, "scores must be (..., N, K) and not empty", scores)
    right = epsilon > 0 and iterations >= 1
    require(right, "epsilon must be positive and iterations at least 1", epsilon, iterations)
    log_q = (scores - scores.amax(dim=(-2, -1), keepdim=True)) / epsilon
    # Only scores near the largest float get here: their differences overflow
    log_q = log_q.clamp(min=torch.finfo(log_q.dtype).min / 4)
    for _ in range(iterations):
        log_q = log_q.log_softmax(dim=-2)  # concepts share alike
        log_q = log_q.log_softmax(dim=-1)  # samples share alike
    return log_q.exp()


@full_precision
def alignment(
    scores: Tensor,
    queue: Tensor | None = None,
    temperature: float | Sequence[float] = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    *,
    across_ranks: bool = False,
) -> Tensor:
    """Predict each view's concept assignment from every other view of its group.

    For view i the target is ``q_i = sinkhorn([p_i; queue_i])``, cut back to the batch; every other
    view k pays ``-Σ q_i log softmax(p_k / τ)``, averaged over samples, then over k, then over i.

    Args:
        scores: Scores of the V views of one group within one half, ``(..., B, V, K)``: the video
            and static views for the static half, the video and dynamic views for the dynamic half.
            Every leading index is a group of its own.
        queue: Scores of earlier batches for the same views and half, ``(..., Q, V, K)``, or None.
            They make the equal partition meaningful when a batch is smaller than K.
        temperature: τ of the predicted distributions, or one for each group of the first index.
        epsilon: See `sinkhorn`.
        iterations: See `sinkhorn`.
        across_ranks: Partition the samples of all processes together.

    Returns:
        A scalar for ``(B, V, K)``, else ``(...)``; log K when the predictions are uniform.

    Raises:
        ValueError: If the scores are not ``(..., B, V, K)`` with V >= 2, the queue does not fit
            or a temperature is not positive or has no group.
    """
    grouped = scores.ndim >= 3 and scores.shape[-2] >= 2
    require(grouped, "scores must be (..., B, V, K) with V >= 2", scores)
    *groups, batch, views, concepts = scores.shape
    wanted = ", ".join(map(str, (*groups, "Q", views, concepts)))
    fits = queue is None or (*queue.shape[:-3], *queue.shape[-2:]) == (*groups, views, concepts)
    require(fits, f"the queue must be ({wanted})", queue)
    if isinstance(temperature, Sequence):
        fits = [len(temperature)] == groups[:1]
        require(fits, "temperature must be one number, or one for each group", temperature)
        require(min(temperature) > 0, "temperature must be positive", temperature)
        logits = torch.stack([group / t for group, t in zip(scores, temperature, strict=True)])
    else:
        require(temperature > 0, "temperature must be positive", temperature)
        logits = scores / temperature
    pool = gather_rows(scores, dim=-3) if across_ranks else scores.detach()
    samples = pool.shape[-3]
    if queue is not None:
        pool = torch.cat([pool, queue.to(pool.dtype)], dim=-3)
    targets = sinkhorn(pool.transpose(-3, -2), epsilon, iterations)  # (..., V, B + Q, K)
    targets = targets[..., :samples, :].transpose(-3, -2)
    if across_ranks:
        targets = local_rows(targets, dim=-3)
    log_prediction = logits.log_softmax(dim=-1)
    # for i in views: for k in views other than i:
    #     cost[i, k] = -(targets[:, i] * log_prediction[:, k]).sum(dim=-1).mean()
    of_the_others = log_prediction.sum(dim=-2, keepdim=True) - log_prediction
    cost = -(targets * of_the_others).sum(dim=(-3, -2, -1))
    return cost / (batch * views * (views - 1))


def own_half(scores: Tensor, stream: Stream) -> Tensor:
    """The scores against the concepts that a stream attends with.

    Args:
        scores: ``(..., 2K)``, static half first.
        stream: Whose they are.

    Returns:
        All ``(..., 2K)`` of the video, of the other streams their own half ``(..., K)``.
    """
    k = scores.shape[-1] // 2
    return {"video": scores, "static": scores[..., :k], "dynamic": scores[..., k:]}[stream]


def perplexity(distributions: Tensor) -> Tensor:
    """How many concepts a distribution amounts to: exp of its entropy, from 1 to K.

    Args:
        distributions: Shares of K concepts that sum to 1, ``(..., K)``.

    Returns:
        One number a distribution, ``(...)``: 1 where one concept takes all, K where all are equal.
    """
    entropy: Tensor = torch.special.entr(distributions).sum(dim=-1)
    return entropy.exp()


class ScoreQueue(nn.Module):
    """The scores of the last `size` videos, first in, first out.

    Owned by the training loop and saved with its checkpoints; never part of the model.

    Args:
        size: How many videos are kept, one row each.
        num_concepts: K; a row holds the scores of six views against 2K concepts.
    """

    scores: Tensor
    filled: Tensor

    def __init__(self, size: int, num_concepts: int) -> None:
        super().__init__()
        right = size >= 1 and num_concepts >= 1
        require(right, "size and num_concepts must be >= 1", size, num_concepts)
        self.size = size
        self.register_buffer("scores", torch.zeros(size, 6, 2 * num_concepts))
        self.register_buffer("filled", torch.tensor(0))
        self._count = 0  # `filled` on the host: asking the device would make it wait

    @torch.no_grad()
    def push(self, scores: Tensor) -> None:
        """Append the scores of a batch and forget the oldest rows.

        Args:
            scores: ``(B, 6, 2K)``; of a batch larger than the queue the last rows are kept.

        Raises:
            ValueError: If the rows do not fit.
        """
        wanted = ", ".join(map(str, self.scores.shape[1:]))
        fits = scores.shape[1:] == self.scores.shape[1:]
        require(fits, f"the scores must be (B, {wanted}), like the queue's", scores)
        new = scores.detach()[-self.size :].to(self.scores)
        self.scores = torch.cat([self.scores[len(new) :], new])
        self._count = min(self._count + len(new), self.size)
        self.filled.fill_(self._count)

    def rows(self) -> Tensor | None:
        """The filled rows, oldest first, ``(n, 6, 2K)``; None while there are none."""
        return self.scores[self.size - self._count :] if self._count else None

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._count = int(self.filled)
