"""The objective written out as plainly as possible: one loop a sum, no batching, no tricks.

It is slow on purpose and shares no code with `sdc_lib`. Tests compare both on random inputs, values
and gradients; `benchmarks/objective.py` compares what they cost. Views are numbered
``v1, v2, s1, s2, d1, d2 = 0..5``.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

V1, V2, S1, S2, D1, D2 = range(6)


class LiteralInputs(NamedTuple):
    """What the objective reads, as plain tensors."""

    pooled: Tensor  # (B, 6, D)
    projections: tuple[Tensor, ...]  # v, vs, vd, s, d, each (B, 2, P)
    scores: Tensor  # (B, 6, 2K)
    reconstruction: Tensor  # (B, 6, D)
    descriptors: tuple[Tensor, ...]  # video (B, 2, 2K, D), static and dynamic (B, 2, K, D)


def literal_objective(inputs: LiteralInputs, queue: Tensor | None = None) -> dict[str, Tensor]:
    """All thirteen terms and their weighted sum.

    Args:
        inputs: The output of the heads.
        queue: Earlier scores ``(Q, 6, 2K)``, or None.

    Returns:
        Term name to scalar, and ``"total"``.
    """
    terms = contrast_terms(inputs.projections)
    terms |= align_terms(inputs.scores, queue)
    terms |= diversity_terms(inputs.scores)
    terms |= fidelity_terms(inputs.reconstruction, inputs.pooled)
    terms |= local_terms(inputs.descriptors, inputs.scores)
    total = torch.zeros((), dtype=inputs.scores.dtype)
    for name, term in terms.items():
        total = total + (0.1 * term if name.startswith("diversity") else term)
    return terms | {"total": total}


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two vectors."""
    return (a * b).sum()


def unit(vector: Tensor) -> Tensor:
    """A vector of length 1 in the same direction."""
    return vector / dot(vector, vector).sqrt()


def mean(values: Sequence[Tensor]) -> Tensor:
    """Average of scalars."""
    return torch.stack(list(values)).sum() / len(values)


def log_softmax(values: Sequence[Tensor]) -> list[Tensor]:
    """Logarithms of the softmax of a list of scalars."""
    largest = max(value.item() for value in values)
    denominator = torch.stack([(value - largest).exp() for value in values]).sum()
    return [value - largest - denominator.log() for value in values]


def nce(queries: Tensor, keys: Tensor) -> Tensor:
    """InfoNCE of rows ``(B, P)`` with the rest of the batch as negatives."""
    losses = []
    for b, query in enumerate(queries):
        similarities = [dot(unit(query), unit(key.detach())) / 0.07 for key in keys]
        losses.append(-log_softmax(similarities)[b])
    return mean(losses)


def contrast_terms(projections: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Three terms from the five projections."""
    (v1, v2), (vs1, vs2), (vd1, vd2), (s1, s2), (d1, d2) = (p.unbind(1) for p in projections)
    return {
        "contrast_video": (nce(v1, v2) + nce(v2, v1)) / 2,
        "contrast_static": (nce(vs1, s2) + nce(vs2, s1) + nce(s1, vs2) + nce(s2, vs1)) / 2,
        "contrast_dynamic": (nce(vd1, d2) + nce(vd2, d1) + nce(d1, vd2) + nce(d2, vd1)) / 2,
    }


def literal_sinkhorn(scores: list[list[float]]) -> list[list[float]]:
    """Soft assignments of N samples (rows) to K concepts (columns), by plain numbers."""
    samples, concepts = len(scores), len(scores[0])
    largest = max(max(row) for row in scores)
    q = [[math.exp((p - largest) / 0.05) for p in row] for row in scores]
    total = sum(sum(row) for row in q)
    q = [[value / total for value in row] for row in q]
    for _ in range(3):
        for k in range(concepts):
            share = sum(q[n][k] for n in range(samples)) * concepts
            for n in range(samples):
                q[n][k] /= share
        for n in range(samples):
            share = sum(q[n]) * samples
            q[n] = [value / share for value in q[n]]
    return [[value * samples for value in row] for row in q]


def align(scores: Tensor, queue: Tensor | None, group: Sequence[int]) -> Tensor:
    """Swapped prediction among the views of a group; one half, ``(B, 6, K)``."""
    batch = len(scores)
    over_targets = []
    for i in group:
        rows = scores[:, i].tolist() + ([] if queue is None else queue[:, i].tolist())
        targets = literal_sinkhorn(rows)[:batch]
        over_predictions = []
        for k in group:
            if k == i:
                continue
            samples = []
            for target, row in zip(targets, scores[:, k], strict=True):
                prediction = log_softmax([p / 0.1 for p in row])
                pairs = zip(target, prediction, strict=True)
                samples.append(-torch.stack([q * log_p for q, log_p in pairs]).sum())
            over_predictions.append(mean(samples))
        over_targets.append(mean(over_predictions))
    return mean(over_targets)


def align_terms(scores: Tensor, queue: Tensor | None) -> dict[str, Tensor]:
    """Static half with v and s, dynamic half with v and d."""
    k = scores.shape[2] // 2
    static_queue, dynamic_queue = (None, None) if queue is None else queue.split(k, dim=2)
    return {
        "align_static": align(scores[:, :, :k], static_queue, (V1, V2, S1, S2)),
        "align_dynamic": align(scores[:, :, k:], dynamic_queue, (V1, V2, D1, D2)),
    }


def diversity(scores: Tensor) -> Tensor:
    """Mean of Σ π log π over the rows of ``(B, K)``."""
    rows = []
    for row in scores:
        logs = log_softmax([p / 0.1 for p in row])
        rows.append(torch.stack([log.exp() * log for log in logs]).sum())
    return mean(rows)


def diversity_terms(scores: Tensor) -> dict[str, Tensor]:
    """Differences on the static half, static views on the dynamic half."""
    k = scores.shape[2] // 2
    return {
        "diversity_static": mean([diversity(scores[:, view, :k]) for view in (D1, D2)]),
        "diversity_dynamic": mean([diversity(scores[:, view, k:]) for view in (S1, S2)]),
    }


def fidelity_terms(reconstruction: Tensor, pooled: Tensor) -> dict[str, Tensor]:
    """Minus the mean cosine with the constant feature, per stream."""
    views = {"video": (V1, V2), "static": (S1, S2), "dynamic": (D1, D2)}
    return {
        f"fidelity_{stream}": -mean(
            [
                dot(unit(reconstruction[b, view]), unit(pooled[b, view].detach()))
                for view in pair
                for b in range(len(pooled))
            ]
        )
        for stream, pair in views.items()
    }


def local_terms(descriptors: tuple[Tensor, ...], scores: Tensor) -> dict[str, Tensor]:
    """Local contrast of each stream over the concepts it attends with."""
    k = scores.shape[2] // 2
    video, static, dynamic = descriptors
    return {
        "local_video": local(video, scores[:, V1], scores[:, V2]),
        "local_static": local(static, scores[:, S1, :k], scores[:, S2, :k]),
        "local_dynamic": local(dynamic, scores[:, D1, k:], scores[:, D2, k:]),
    }


def local(descriptors: Tensor, scores_1: Tensor, scores_2: Tensor) -> Tensor:
    """Contrast of active concepts' descriptors ``(B, 2, n, D)``, both directions."""
    batch = len(descriptors)
    active = []
    for b in range(batch):
        first, second = scores_1[b].tolist(), scores_2[b].tolist()
        tenth_1, tenth_2 = sorted(first)[-10], sorted(second)[-10]
        for c in range(len(first)):
            if first[c] > tenth_1 and second[c] > tenth_2:
                active.append((b, c))
    # [view][sample][concept]; taken apart once, or every index would cost a full-size gradient
    vectors = [[sample.unbind() for sample in view] for view in descriptors.unbind(1)]
    total = torch.zeros((), dtype=descriptors.dtype)
    for queries, keys in (vectors, vectors[::-1]):
        for b, c in active:
            query = unit(queries[b][c])
            for other in range(batch):
                key = unit(keys[other][c].detach())
                delta = (2 - 2 * dot(query, key) + 1e-5).sqrt()
                if other == b:
                    total = total + delta**2
                elif delta < 1.4:
                    total = total + (1.4 - delta) ** 2 / (batch - 1)
    return total / (2 * len(active) + 1)
