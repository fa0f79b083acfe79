"""Diversity and fidelity, and decorrelation, which is ours.

*Diversity* forbids a static view to single out a dynamic concept and a frame difference to single
out a static one. *Fidelity* asks that the features can be rebuilt from the scores alone, so that
concepts keep the information. *Decorrelation* is ours: it goes after what diversity leaves in the
video's own two halves. Notebook 04 explains this module.

Equations 5.1 to 5.4 of docs/equations.md.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), except `decorrelation`.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.support.checks import require
from sdc_lib.support.precision import full_precision


@full_precision
def diversity(scores: Tensor, temperature: float = 0.1) -> Tensor:
    """Negative entropy of the concept distributions that must stay flat.

    ``mean over views and samples of Σ_k π_k log π_k`` with ``π = softmax(scores / τ)``.

    Args:
        scores: Scores against the half that the views must not single out, ``(..., B, V, K)``:
            static views with the dynamic half, dynamic views with the static half.
        temperature: τ > 0.

    Returns:
        A scalar for ``(B, V, K)``, else ``(...)``: between -log K (flat, the optimum) and 0 (one
        concept takes all).

    Raises:
        ValueError: If the scores are not ``(..., B, V, K)`` or the temperature is not positive.
    """
    require(scores.ndim >= 3, "scores must be (..., B, V, K)", scores)
    require(temperature > 0, "temperature must be positive", temperature)
    log_probability = (scores / temperature).log_softmax(dim=-1)
    return (log_probability.exp() * log_probability).sum(dim=-1).mean(dim=(-2, -1))


class FidelityDecoder(nn.Sequential):
    """Rebuild features from scores: Linear(n, D), BatchNorm, ReLU, Linear(D, D).

    Args:
        num_scores: How many scores it sees, 2K for the video, K for the other streams.
        dim: Width D of the feature to rebuild.
    """

    def __init__(self, num_scores: int, dim: int) -> None:
        super().__init__(
            nn.Linear(num_scores, dim),
            nn.BatchNorm1d(dim),
            nn.ReLU(inplace=True),
            nn.Linear(dim, dim),
        )


@full_precision
def fidelity(
    reconstruction: Tensor, features: Tensor, dim: int | tuple[int, ...] | None = None
) -> Tensor:
    """Minus the mean cosine between rebuilt and true features; the true ones are constants.

    Args:
        reconstruction: ``(..., D)``.
        features: ``(..., D)``, detached here.
        dim: Which dimensions of ``(...)`` the mean runs over, all by default.

    Returns:
        A scalar, or what is left of ``(...)``: between -1 (same direction everywhere) and 1.

    Raises:
        ValueError: If the shapes differ.
    """
    same = reconstruction.shape == features.shape
    require(same, "reconstruction and features must have one shape", reconstruction, features)
    rebuilt = F.normalize(reconstruction, dim=-1)
    return -(rebuilt * F.normalize(features.detach(), dim=-1)).sum(dim=-1).mean(dim)


@full_precision
def decorrelation(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared correlation between the columns of two sets of scores (ours, not the paper's).

    Columns are standardised over the batch, ``R = aᵀ b / B``, and the loss is the mean of R². It
    is zero when nothing in `a` can be predicted linearly from a column of `b`. Estimates need many
    samples: with B rows, independent columns still give about 1/B.

    Args:
        a: ``(..., B, K)``.
        b: ``(..., B, L)``.

    Returns:
        A scalar for two matrices, else ``(...)``: between 0 and 1.

    Raises:
        ValueError: If there are fewer than two rows or the row counts differ.
    """
    fit = a.ndim >= 2 and a.shape[:-1] == b.shape[:-1] and a.shape[-2] >= 2
    require(fit, "a and b must be (..., B, K) and (..., B, L) with B >= 2", a, b)
    correlation = _standardise(a).mT @ _standardise(b) / a.shape[-2]  # (..., K, L)
    return correlation.square().mean(dim=(-2, -1))


def _standardise(columns: Tensor) -> Tensor:
    centred = columns - columns.mean(dim=-2, keepdim=True)
    variance = centred.square().mean(dim=-2, keepdim=True)
    return centred * (variance + 1e-8).rsqrt()
