"""The objective as a first draft has it: loops over views, samples and concepts.

Unlike `tests.reference.literal`, which loops over single numbers, rows are tensors here. It is the
baseline of `benchmarks.step`; a test compares its values with the real objective's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sdc_lib.config import LossWeights
from sdc_lib.model import HeadsOutput
from sdc_lib.objective import LossTerms

MARGIN, TOP = 1.4, 10


def looped_terms(output: HeadsOutput, queue: Tensor | None = None) -> LossTerms:
    """All thirteen terms of the released objective on one process."""
    v, vs, vd, s, d = output.projections
    assert output.descriptors is not None
    halves = output.scores.chunk(2, dim=-1)
    queues = (None, None) if queue is None else queue.chunk(2, dim=-1)
    own = (output.scores[:, :2], halves[0][:, 2:4], halves[1][:, 4:6])
    rebuilt, true = output.reconstruction, output.pooled
    return LossTerms(
        (_nce(v[:, 0], v[:, 1]) + _nce(v[:, 1], v[:, 0])) / 2,
        _crossed(vs, s),
        _crossed(vd, d),
        _align(halves[0], queues[0], (0, 1, 2, 3)),
        _align(halves[1], queues[1], (0, 1, 4, 5)),
        _diversity(halves[0], (4, 5)),
        _diversity(halves[1], (2, 3)),
        *(_fidelity(rebuilt[:, i : i + 2], true[:, i : i + 2]) for i in (0, 2, 4)),
        *(_local(x, p) for x, p in zip(output.descriptors, own, strict=True)),
    )


def looped_total(output: HeadsOutput, queue: Tensor | None = None) -> Tensor:
    """The weighted sum."""
    return looped_terms(output, queue).total(LossWeights())


def _nce(query: Tensor, key: Tensor) -> Tensor:
    query, key = F.normalize(query, dim=-1), F.normalize(key.detach(), dim=-1)
    losses = []
    for b in range(len(query)):
        logits = torch.stack([query[b] @ other for other in key]) / 0.07
        losses.append(-logits.log_softmax(dim=0)[b])
    return torch.stack(losses).mean()


def _crossed(a: Tensor, b: Tensor) -> Tensor:
    pairs = [(a[:, 0], b[:, 1]), (a[:, 1], b[:, 0])]
    return torch.stack([_nce(x, y) + _nce(y, x) for x, y in pairs]).sum() / 2


@torch.no_grad()
def _sinkhorn(scores: Tensor) -> Tensor:
    q = (scores / 0.05 - (scores / 0.05).max()).exp().T
    q /= q.sum()
    for _ in range(3):
        q /= q.sum(dim=1, keepdim=True) * q.shape[0]
        q /= q.sum(dim=0, keepdim=True) * q.shape[1]
    return (q * q.shape[1]).T


def _align(scores: Tensor, queue: Tensor | None, group: tuple[int, ...]) -> Tensor:
    losses = []
    for i in group:
        rows = scores[:, i] if queue is None else torch.cat([scores[:, i], queue[:, i]])
        target = _sinkhorn(rows.detach())[: len(scores)]
        for k in group:
            if k != i:
                prediction = (scores[:, k] / 0.1).log_softmax(dim=-1)
                losses.append(-(target * prediction).sum(dim=-1).mean())
    return torch.stack(losses).mean()


def _diversity(half: Tensor, views: tuple[int, ...]) -> Tensor:
    losses = []
    for view in views:
        log_p = (half[:, view] / 0.1).log_softmax(dim=-1)
        losses.append((log_p.exp() * log_p).sum(dim=-1).mean())
    return torch.stack(losses).mean()


def _fidelity(rebuilt: Tensor, true: Tensor) -> Tensor:
    return -F.cosine_similarity(rebuilt, true.detach(), dim=-1).mean()


def _local(descriptors: Tensor, scores: Tensor) -> Tensor:
    strong = [p > p.topk(TOP, dim=-1).values[:, -1:] for p in scores.unbind(1)]
    mask = strong[0] & strong[1]
    a, b = (F.normalize(view, dim=-1) for view in descriptors.unbind(1))
    total, batch = a.new_zeros(()), len(a)
    for query, key in ((a, b.detach()), (b, a.detach())):
        for sample in range(batch):
            for concept in mask[sample].nonzero().flatten().tolist():
                cosine = key[:, concept] @ query[sample, concept]  # (B,)
                distance = (2 - 2 * cosine + 1e-5).sqrt()
                pushed = (MARGIN - distance).clamp(min=0).square()
                total = total + distance[sample].square()
                if batch > 1:
                    total = total + (pushed.sum() - pushed[sample]) / (batch - 1)
    return total / (2 * mask.sum() + 1)
