"""What a training step computes: a batch in; a loss and a vector of what is worth logging out.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795).
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.codebook import ConceptCodebook, ScoreQueue, perplexity
from sdc_lib.config import ObjectiveConfig
from sdc_lib.model import ConceptHeads, HeadsOutput
from sdc_lib.objective import SDCObjective
from sdc_lib.support.distributed import gather_rows
from sdc_lib.support.precision import full_precision
from sdc_lib.terms import LossTerms, LossWeights, term_weights
from sdc_lib.training.batches import Batch
from sdc_lib.training.schedule import Phase
from sdc_lib.views import PAIR_OF

DIAGNOSTICS = ("perplexity_static", "perplexity_dynamic", "top_share", "feature_std")
LOGGED = ("total", *LossTerms._fields, "decorrelation", *DIAGNOSTICS)
"""Names of the entries of the vector that a step returns."""


class Losses(NamedTuple):
    """What a batch costs."""

    total: Tensor
    """The weighted sum, to be differentiated."""
    logged: Tensor
    """A constant vector with the entries of `LOGGED`."""
    output: HeadsOutput
    """What the heads computed."""


def compute_losses(
    network: nn.Module,
    batch: Batch,
    objective: SDCObjective,
    queue: ScoreQueue | None,
    phase: Phase,
    weights: LossWeights | Mapping[str, float] | None = None,
    *,
    detach_backbone: bool = False,
) -> Losses:
    """Forward and losses of one batch; its scores are pushed into the queue.

    Args:
        network: `SixViews` for pixels, `SixFeatures` for stored features; wrapped or not.
        batch: On the network's device.
        objective: The loss terms.
        queue: Scores of earlier batches; None for none.
        phase: What counts now.
        weights: As for `LossTerms.total`.
        detach_backbone: Keep the gradient of decorrelation out of the backbone.

    Returns:
        See `Losses`.
    """
    again = detach_backbone and phase.decorrelation > 0
    output, detached_scores = network(batch[0], batch[1], phase.local, again)
    rows = queue.rows() if queue is not None and phase.queue else None
    terms: LossTerms = objective(output, rows, local=phase.local)
    total = terms.total(weights)
    decorrelation = total.new_zeros(())
    if phase.decorrelation > 0:
        scores = output.scores if detached_scores is None else detached_scores
        decorrelation = objective.decorrelation(output._replace(scores=scores))
        total = total + phase.decorrelation * decorrelation
    everyone = gather_rows(output.scores)
    if queue is not None:
        queue.push(everyone)
    with torch.no_grad():
        signs = diagnose(everyone, output.pooled, objective.config.alignment_temperatures)
        logged = torch.stack([total, *terms, decorrelation, *signs])
    return Losses(total, logged, output)


@full_precision
def diagnose(scores: Tensor, pooled: Tensor, temperatures: tuple[float, float]) -> list[Tensor]:
    """Signs of collapse, in the order of `DIAGNOSTICS`.

    Args:
        scores: ``(B, 6, 2K)``.
        pooled: ``(B, 6, D)``.
        temperatures: τ of the concept distributions in either half.

    Returns:
        Perplexity (1 to K) of the mean concept distribution of the video views in either half;
        the largest share of video views that have one concept on top, in either half; standard
        deviation of normalised video features over the batch, times √D (0 to about 1).
    """
    video = scores[:, PAIR_OF["video"]].flatten(0, 1).unflatten(-1, (2, -1))  # (2B, 2, K)
    halves = zip(video.unbind(dim=1), temperatures, strict=True)
    mean = torch.stack([(half / t).softmax(dim=-1).mean(dim=0) for half, t in halves])  # (2, K)
    concepts = torch.arange(video.shape[-1], device=video.device)
    on_top = video.argmax(dim=-1, keepdim=True) == concepts  # (2B, 2, K)
    top_share = on_top.to(mean.dtype).mean(dim=0).max()
    features = F.normalize(pooled[:, 0], dim=-1)
    spread = features.std(dim=0, correction=0).mean() * features.shape[-1] ** 0.5
    return [*perplexity(mean).unbind(), top_share, spread.to(mean.dtype)]


def leave_untrained(
    heads: ConceptHeads,
    phase: Phase,
    weights: LossWeights | Mapping[str, float] | None,
    objective: ObjectiveConfig,
) -> None:
    """Drop the gradients of what is not trained now, so that the optimiser leaves it alone.

    Views share a tensor of scores, so heads of a view that no term compares get a gradient of
    zeros. With it, weight decay alone would move them, to 0 in the end.

    Args:
        heads: After the backward pass.
        phase: Whether the codebooks are updated.
        weights: As for `LossTerms.total`.
        objective: With `align_video_alone`, alignment trains no other view.
    """
    if not phase.codebooks:
        freeze_codebooks(heads)
    if objective.align_video_alone or 0 in term_weights(weights).values():
        given = [(p, p.grad) for p in heads.parameters() if p.grad is not None]
        trained = torch.stack([grad.any() for _, grad in given]).tolist() if given else []
        for (parameter, _), any_trains in zip(given, trained, strict=True):
            if not any_trains:
                parameter.grad = None


def freeze_codebooks(heads: ConceptHeads) -> None:
    """Drop the codebooks' gradients, so that the optimiser leaves them alone entirely."""
    for codebook in heads.codebooks.values():
        assert isinstance(codebook, ConceptCodebook)
        codebook.weight.grad = None
