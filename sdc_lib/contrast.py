"""Decoupling static from dynamic content by contrast.

Five small projections of the pooled feature ask five different questions of it. The video's
``static`` projection is pulled to the static view of the *other* clip, its ``dynamic`` projection
to the other clip's frame difference, so that one video feature comes to hold both. Notebook 02
explains this module.

Equations 3.1 to 3.4 of docs/equations.md.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795); InfoNCE: van den Oord et al. (arXiv 1807.03748).
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.support.checks import require
from sdc_lib.support.distributed import gather_rows, rank
from sdc_lib.support.precision import full_precision
from sdc_lib.views import PAIR_OF, STREAMS


class Projections(NamedTuple):
    """What the five projections make of a batch, each ``(B, 2, P)``: both views of a stream."""

    video: Tensor
    video_static: Tensor
    video_dynamic: Tensor
    static: Tensor
    dynamic: Tensor


class DecouplingProjections(nn.Module):
    """Five projection heads, Linear(D, D), ReLU, Linear(D, P).

    Args:
        dim: Width D of the pooled feature.
        projection_dim: Width P of the space in which views are contrasted.
    """

    def __init__(self, dim: int, projection_dim: int = 128) -> None:
        super().__init__()

        def projection() -> nn.Sequential:
            return nn.Sequential(
                nn.Linear(dim, dim), nn.ReLU(inplace=True), nn.Linear(dim, projection_dim)
            )

        self.video = projection()
        self.video_static = projection()
        self.video_dynamic = projection()
        self.static = projection()
        self.dynamic = projection()

    def forward(self, pooled: Tensor) -> Projections:
        """Project the pooled features of all six views.

        Args:
            pooled: ``(B, 6, D)``, views ``[v1, v2, s1, s2, d1, d2]``.

        Returns:
            Five tensors ``(B, 2, P)``.
        """
        video, static, dynamic = (pooled[:, PAIR_OF[stream]] for stream in STREAMS)
        return Projections(
            video=self.video(video),
            video_static=self.video_static(video),
            video_dynamic=self.video_dynamic(video),
            static=self.static(static),
            dynamic=self.dynamic(dynamic),
        )


@full_precision
def info_nce(
    query: Tensor, key: Tensor, temperature: float = 0.07, *, across_ranks: bool = False
) -> Tensor:
    """Tell which key belongs to which query: cross-entropy over cosine similarities.

    ``-mean_b log( exp(q_b·k_b / τ) / Σ_c exp(q_b·k_c / τ) )`` on L2-normalised rows. The key is a
    constant: gradients reach the query only.

    Args:
        query: ``(..., B, P)``; every leading index is a contrast of its own.
        key: ``(..., B, P)``, row b is the positive of query b, all other rows are its negatives.
        temperature: τ > 0.
        across_ranks: Use the keys of all processes as negatives, so that the mean over processes
            equals the loss of the whole batch on one process.

    Returns:
        A scalar for ``(B, P)``, else ``(...)``: 0 for a single pair, log B when nothing can be told
        apart.

    Raises:
        ValueError: If the shapes differ or are not ``(..., B, P)``, or the temperature is not
            positive.
    """
    same = query.ndim >= 2 and query.shape == key.shape
    require(same, "query and key must both be (..., B, P)", query, key)
    require(temperature > 0, "temperature must be positive", temperature)
    query = F.normalize(query, dim=-1)
    key = F.normalize(key.detach(), dim=-1)
    first = 0  # where the positive of query 0 is among the keys
    if across_ranks:
        first = rank() * query.shape[-2]
        key = gather_rows(key, dim=-2)
    log_share = (query @ key.mT / temperature).log_softmax(dim=-1)  # (..., B, W * B)
    return -log_share.diagonal(first, dim1=-2, dim2=-1).mean(dim=-1)
