"""Concepts look for themselves in the local features, and only active ones are contrasted.

Concepts are queries, positions of the local map are keys and values. The softmax runs over
*concepts* at each position, so concepts compete for places; each concept then averages the places
it won. Notebook 05 explains this module.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795); one pass of slot attention (Locatello et al.,
arXiv 2006.15055) without its recurrence, as used to integrate local features in image retrieval.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.support.checks import require
from sdc_lib.support.distributed import gather_rows, rank, sum_over_ranks, world_size
from sdc_lib.support.precision import at_least_float32, full_precision


class ConceptAttention(nn.Module):
    """One pass of cross-attention from concepts to local features.

    Args:
        dim: Width D of concepts and local features, at least 2.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project_q = nn.Linear(dim, dim, bias=False)
        self.project_k = nn.Linear(dim, dim, bias=False)
        self.project_v = nn.Linear(dim, dim, bias=False)
        self.norm_inputs = nn.LayerNorm(dim)
        self.norm_templates = nn.LayerNorm(dim)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, dim // 2), nn.ReLU(inplace=True), nn.Linear(dim // 2, dim)
        )

    def forward(self, local: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
        """Gather one descriptor per concept from a local map.

        Args:
            local: ``(B, D, T, H, W)``.
            concepts: ``(N, D)``, rows of a codebook; they receive gradient.

        Returns:
            Descriptors ``(B, N, D)``, not normalised, and the attention ``(B, N, T, H, W)``: for
            each concept, weights over positions that sum to 1.

        Raises:
            ValueError: If the shapes do not fit.
        """
        fit = local.ndim == 5 and concepts.ndim == 2 and local.shape[1] == concepts.shape[1]
        require(fit, "local must be (B, D, T, H, W) and concepts (N, D)", local, concepts)
        descriptors, weights = self.gather(self.positions(local), concepts)
        return descriptors, weights.reshape(*weights.shape[:2], *local.shape[2:])

    def positions(self, local: Tensor) -> Tensor:
        """A local map ``(..., D, T, H, W)`` as normalised positions, ``(..., T*H*W, D)``."""
        out: Tensor = self.norm_inputs(local.flatten(-3).transpose(-1, -2))
        return out

    def gather(self, positions: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
        """Average the positions that each concept wins.

        Keys and values are linear in the positions, and the weights of a concept sum to 1. So the
        few queries go back through the projection of keys instead of all positions through it, and
        averages through the projection of values instead of all positions.

        Args:
            positions: ``(B, P, D)``, normalised.
            concepts: ``(N, D)``.

        Returns:
            Descriptors ``(B, N, D)`` and the weights ``(B, N, P)``.
        """
        queries = self.project_q(self.norm_templates(concepts)) * concepts.shape[1] ** -0.5
        queries = queries @ self.project_k.weight  # (N, D), to be compared with positions
        logits = at_least_float32(torch.einsum("nd,bpd->bnp", queries, positions))
        weights = logits.softmax(dim=1) + 1e-8  # over concepts, at each position
        weights = weights / weights.sum(dim=-1, keepdim=True)
        averages = torch.einsum("bnp,bpd->bnd", weights.to(positions.dtype), positions)
        descriptors = self.project_v(averages) + concepts
        return descriptors + self.mlp(self.norm_mlp(descriptors)), weights


@torch.no_grad()
def select_concepts(
    scores_a: Tensor, scores_b: Tensor, top_k: int = 10, inclusive: bool = False
) -> Tensor:
    """Keep the concepts that are among the strongest in both views of a video.

    Args:
        scores_a: Scores of one view, ``(B, N)``.
        scores_b: Scores of the other view, ``(B, N)``.
        top_k: The rank that sets the threshold; 2 or more unless `inclusive`.
        inclusive: Keep the concept at rank `top_k` itself. The released code compares with ``>``
            and keeps at most ``top_k - 1``; ``inclusive=True`` compares with ``>=``.

    Returns:
        A boolean mask ``(B, N)``.

    Raises:
        ValueError: If the shapes differ, there are fewer than `top_k` concepts, or none could pass.
    """
    alike = scores_a.ndim == 2 and scores_a.shape == scores_b.shape
    require(alike, "both scores must be (B, N)", scores_a, scores_b)
    concepts = scores_a.shape[1]
    least = 1 if inclusive else 2  # nothing is above the strongest
    allowed = f"top_k must be between {least} and the {concepts} concepts"
    require(least <= top_k <= concepts, allowed, top_k)
    both = torch.stack([scores_a, scores_b])
    threshold = both.topk(top_k, dim=-1).values[..., -1:]
    strong = both >= threshold if inclusive else both > threshold
    return strong.all(dim=0)


@full_precision
def local_contrast(
    descriptors_a: Tensor,
    descriptors_b: Tensor,
    mask: Tensor,
    margin: float = 1.4,
    *,
    across_ranks: bool = False,
) -> Tensor:
    """Contrast the descriptors of active concepts: same video near, other videos apart.

    With ``δ = sqrt(2 - 2 cos + 1e-5)`` between a query descriptor and a constant key of the other
    view, an active concept pays ``δ²`` to its own video and ``max(0, margin - δ)²`` to every other
    sample, the latter averaged over the other samples. Both directions are summed and divided by
    ``2M + 1``, M the number of active (sample, concept) pairs.

    Args:
        descriptors_a: Descriptors of one view, ``(B, N, D)``.
        descriptors_b: Descriptors of the other view, ``(B, N, D)``.
        mask: Active concepts, ``(B, N)``, boolean.
        margin: Distance from which other samples no longer cost anything (√2 is orthogonal).
        across_ranks: Contrast with the samples of all processes, and count M over them.

    Returns:
        A scalar; zero when nothing is active.

    Raises:
        ValueError: If the shapes do not fit, the mask is not boolean or the margin not positive.
    """
    alike = descriptors_a.ndim == 3 and descriptors_a.shape == descriptors_b.shape
    require(alike, "both descriptors must be (B, N, D)", descriptors_a, descriptors_b)
    require(mask.dtype == torch.bool, "the mask must be boolean", mask.dtype)
    require(margin > 0, "the margin must be above 0", margin)
    views = torch.stack([descriptors_a, descriptors_b], dim=1)
    cosines = cosines_between_views(views, across_ranks=across_ranks)
    costs = concept_costs(cosines, margin, across_ranks=across_ranks)
    return mean_over_active(costs, mask, across_ranks=across_ranks)


@full_precision
def cosines_between_views(descriptors: Tensor, *, across_ranks: bool = False) -> Tensor:
    """How alike each concept's descriptor is to its descriptors in all samples' other view.

    Args:
        descriptors: Of both views, ``(B, 2, N, D)``.
        across_ranks: Compare with the samples of all processes.

    Returns:
        ``(2, N, B, W * B)`` for W processes: ``[v, n, b, c]`` is the cosine of concept n in view v
        of sample b, which gets the gradient, with concept n in the other view of sample c.
    """
    key = _keys(descriptors)
    if across_ranks:
        key = gather_rows(key)
    products = torch.einsum("bvnd,cvnd->vnbc", descriptors, key)
    # The query's length is divided out here, where there are fewer numbers than in the query
    shrink = descriptors.norm(dim=-1).clamp(min=1e-12).reciprocal()  # (B, 2, N)
    cosines: Tensor = products * shrink.permute(1, 2, 0).unsqueeze(-1)
    return cosines


def concept_costs(cosines: Tensor, margin: float = 1.4, *, across_ranks: bool = False) -> Tensor:
    """What every concept of every sample pays if it is active; see `local_contrast`.

    Args:
        cosines: From `cosines_between_views`, of one stream's concepts or of several streams' side
            by side, ``(2, N, B, W * B)``.
        margin: See `local_contrast`.
        across_ranks: The samples of all processes are among them.

    Returns:
        The sum of both directions, ``(B, N)``.
    """
    first = rank() * cosines.shape[-2] if across_ranks else 0  # where sample 0 is among all samples
    distance = _distance(cosines)
    own = distance.diagonal(first, dim1=-2, dim2=-1)  # (2, N, B)
    return _pay(distance, own, margin).sum(dim=0).T


@full_precision
def active_costs(descriptors: Tensor, mask: Tensor, margin: float = 1.4) -> Tensor:
    """What `concept_costs` says of the active concepts, zero for all others.

    Concept after concept, only the samples in which it is active are compared with all samples. Of
    many samples and concepts that takes a fraction of the time and memory, but the host must wait
    for the mask.

    Args:
        descriptors: Of both views, ``(B, 2, N, D)``.
        mask: Active concepts, ``(B, N)``, boolean.
        margin: See `local_contrast`.

    Returns:
        The sum of both directions, ``(B, N)``.
    """
    keys = _keys(descriptors).permute(2, 1, 3, 0).contiguous()  # (N, 2, D, B)
    concepts, samples = mask.T.nonzero().unbind(dim=1)  # in the order of concepts
    costs = [descriptors.flatten()[:0]]  # a gradient leads to them even if nothing is active
    of_concepts = samples.split(mask.sum(dim=0).tolist())
    for query, key, rows in zip(descriptors.unbind(dim=2), keys, of_concepts, strict=True):
        if len(rows):
            distance = _distance(F.normalize(query[rows].transpose(0, 1), dim=-1) @ key)
            own = distance[:, torch.arange(len(rows), device=rows.device), rows]  # (2, rows)
            costs.append(_pay(distance, own, margin).sum(dim=0))
    found = torch.cat(costs)
    return found.new_zeros(mask.shape).index_put((samples, concepts), found)


def _keys(descriptors: Tensor) -> Tensor:
    """What each view is compared with: the other one, constant, unit length, ``(B, 2, N, D)``."""
    return F.normalize(descriptors.detach().flip(1), dim=-1)


def _distance(cosines: Tensor) -> Tensor:
    """Euclidean distance of unit vectors, never so small that its gradient is not finite."""
    # Products in TF32 may make cosines larger than 1 by more than the 1e-5 makes good
    return (2 - 2 * cosines + 1e-5).clamp(min=1e-7).sqrt()


def _pay(distance: Tensor, own: Tensor, margin: float) -> Tensor:
    """The cost of being far from the own sample, and near others, ``(..., samples)`` away."""
    cost, samples = own.square(), distance.shape[-1]
    if samples > 1:
        pushed = F.relu(margin - distance).square()  # autograd keeps one tensor for both
        negative = pushed.sum(dim=-1) - F.relu(margin - own).square()
        cost = cost + negative / (samples - 1)
    return cost


def mean_over_active(costs: Tensor, mask: Tensor, *, across_ranks: bool = False) -> Tensor:
    """Sum up what active concepts pay, over ``2M + 1``: two directions each, and never zero.

    Args:
        costs: From `concept_costs`, ``(B, N)``.
        mask: Active concepts, ``(B, N)``, boolean; M is their number.
        across_ranks: Count M over all processes.

    Returns:
        A scalar; zero when nothing is active.

    Raises:
        ValueError: If the mask does not fit.
    """
    require(mask.shape == costs.shape, f"the mask must be {tuple(costs.shape)}", mask)
    total = (costs * mask).sum()
    active = mask.sum()
    if across_ranks:
        active = sum_over_ranks(active)
        total = total * world_size()  # gradients are averaged over processes, this sum is not
    return total / (2 * active + 1)
