"""One training step: bytes in, gradients out, and a vector of what is worth logging.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), for what a step does; keeping decorrelation out
of the backbone is ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sdc_lib.augment import normalize
from sdc_lib.codebook import ConceptCodebook, ScoreQueue
from sdc_lib.config import PretrainConfig
from sdc_lib.model import SDC, ConceptHeads, HeadsOutput
from sdc_lib.objective import LossTerms, SDCObjective
from sdc_lib.support.distributed import gather_rows
from sdc_lib.support.precision import at_least_float32
from sdc_lib.training.schedule import Phase
from sdc_lib.views import STREAMS, VIEWS_OF, Boundary, assemble_views

DIAGNOSTICS = ("perplexity_static", "perplexity_dynamic", "top_share", "feature_std")
LOGGED = ("total", *LossTerms._fields, "decorrelation", *DIAGNOSTICS)
"""Names of the entries of the vector that a step returns."""


class Forward(NamedTuple):
    """What `SixViews` returns."""

    output: HeadsOutput
    detached_scores: Tensor | None
    """Scores ``(B, 6, 2K)`` whose gradient does not reach the backbone, if asked for."""


class SixViews(nn.Module):
    """The model as the training loop calls it: bytes of two clips and two stills come in.

    Views are made on the device, so that a third of the pixels travels. Everything that needs
    gradients happens in this one ``forward``, which is what distributed training wraps.

    Args:
        model: Backbone and heads.
        boundary: First frame of a frame difference.
    """

    def __init__(self, model: SDC, boundary: Boundary) -> None:
        super().__init__()
        self.model = model
        self.boundary: Boundary = boundary

    def forward(
        self, clips: Tensor, stills: Tensor, attend: bool = True, detached: bool = False
    ) -> Forward:
        """Encode a batch.

        Args:
            clips: uint8, ``(B, 2, C, T, H, W)``.
            stills: uint8, ``(B, 2, C, 1, H, W)``.
            attend: Gather local descriptors, too.
            detached: Score a second time with constant features.

        Returns:
            See `Forward`.
        """
        dtype = next(self.model.parameters()).dtype
        views = assemble_views(
            normalize(clips).to(dtype), normalize(stills).to(dtype), self.boundary
        )
        output: HeadsOutput = self.model(views, attend)
        return Forward(output, self._score_again(output.pooled.detach()) if detached else None)

    def _score_again(self, pooled: Tensor) -> Tensor:
        heads = self.model.heads
        with frozen_running_statistics(heads):
            views = [heads.score(pooled[:, view], s) for s in STREAMS for view in VIEWS_OF[s]]
            return torch.stack(views, dim=1)


class SixFeatures(nn.Module):
    """`SixViews` for features that a frozen backbone has computed before.

    Args:
        model: Only its heads are used.
    """

    def __init__(self, model: SDC) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pooled: Tensor, local: Tensor, attend: bool = True, detached: bool = False
    ) -> Forward:
        """Run the heads on a batch; no gradient reaches a backbone in any case.

        Args:
            pooled: ``(B, 6, D)``.
            local: ``(B, 6, D, T', H', W')``.
            attend: Gather local descriptors, too.
            detached: Give the scores as ``detached_scores``, too.

        Returns:
            See `Forward`.
        """
        dtype = next(self.model.parameters()).dtype
        output: HeadsOutput = self.model.heads(pooled.to(dtype), local.to(dtype), attend)
        return Forward(output, output.scores if detached else None)


def network_of(model: SDC, config: PretrainConfig) -> SixViews | SixFeatures:
    """The model as the training loop of this configuration calls it."""
    if config.optim.stored_passes:
        return SixFeatures(model)
    return SixViews(model, config.data.boundary)


@contextmanager
def frozen_running_statistics(module: nn.Module) -> Iterator[None]:
    """Let BatchNorm normalise by the batch without updating its running statistics."""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked = batches


def recompute_activations(backbone: nn.Module) -> None:
    """Make the backbone's stages forget their activations and recompute them for the gradient."""
    for name in ("stem", "layer1", "layer2", "layer3", "layer4"):
        stage = getattr(backbone, name)

        def contexts(stage: nn.Module = stage) -> tuple[object, object]:
            # the second pass must not count as a second update of running statistics
            return torch.enable_grad(), frozen_running_statistics(stage)

        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False, context_fn=contexts)


def losses(
    forward: Forward, objective: SDCObjective, queue: Tensor | None, phase: Phase
) -> tuple[LossTerms, Tensor]:
    """All terms and, apart, the unweighted decorrelation term (zero while it does not count)."""
    output = forward.output
    terms = objective(output, queue, local=phase.local)
    if phase.decorrelation == 0:
        return terms, terms.align_static.new_zeros(())
    if forward.detached_scores is not None:
        output = output._replace(scores=forward.detached_scores)
    return terms, objective.decorrelation(output)


class StepFunction:
    """Forward, losses and backward of one batch; the optimiser is the loop's business.

    Args:
        config: Weights, curriculum.
        objective: The loss terms.
        queue: Scores of earlier batches; None for none.
    """

    def __init__(
        self, config: PretrainConfig, objective: SDCObjective, queue: ScoreQueue | None
    ) -> None:
        self.config = config
        self.objective = objective
        self.queue = queue

    def __call__(
        self, model: nn.Module, clips: Tensor, stills: Tensor, phase: Phase
    ) -> tuple[Tensor, Tensor]:
        """Compute the loss of a batch and push its scores into the queue.

        Args:
            model: `SixViews` or `SixFeatures`, wrapped or not.
            clips: uint8, ``(B, 2, C, T, H, W)``; or pooled features, ``(B, 6, D)``.
            stills: uint8, ``(B, 2, C, 1, H, W)``; or local features.
            phase: What counts now.

        Returns:
            The loss to differentiate, and a constant vector with the entries of `LOGGED`.
        """
        detached = phase.decorrelation > 0 and self.config.curriculum.decorrelation_detach_backbone
        forward: Forward = model(clips, stills, phase.local, detached)
        rows = self.queue.rows() if self.queue is not None and phase.queue else None
        terms, decorrelation = losses(forward, self.objective, rows, phase)
        total = terms.total(self.config.weights) + phase.decorrelation * decorrelation
        scores = gather_rows(forward.output.scores)
        if self.queue is not None:
            self.queue.push(scores)
        with torch.no_grad():
            logged = torch.stack(
                [total, *terms, decorrelation, *diagnose(scores, forward.output.pooled)]
            )
        return total, logged


def diagnose(scores: Tensor, pooled: Tensor) -> list[Tensor]:
    """Signs of collapse, in the order of `DIAGNOSTICS`.

    Args:
        scores: ``(B, 6, 2K)``.
        pooled: ``(B, 6, D)``.

    Returns:
        Perplexity (1 to K) of the mean concept distribution of the video views in either half;
        the largest share of video views that have one concept on top, in either half; standard
        deviation of normalised video features over the batch, times √D (0 to about 1).
    """
    video = at_least_float32(scores[:, list(VIEWS_OF["video"])]).flatten(0, 1)  # (2B, 2K)
    perplexities, shares = [], []
    for half in video.chunk(2, dim=-1):
        mean = (half / 0.1).softmax(dim=-1).mean(dim=0)  # (K,)
        perplexities.append((-(mean * mean.clamp_min(1e-12).log()).sum()).exp())
        winners = F.one_hot(half.argmax(dim=-1), half.shape[-1]).to(mean.dtype)
        shares.append(winners.mean(dim=0).max())
    features = F.normalize(at_least_float32(pooled[:, 0]), dim=-1)
    spread = features.std(dim=0, correction=0).mean() * features.shape[-1] ** 0.5
    return [*perplexities, torch.stack(shares).max(), spread.to(perplexities[0].dtype)]


def freeze_codebooks(heads: ConceptHeads) -> None:
    """Drop the codebooks' gradients, so that the optimiser leaves them alone entirely."""
    for codebook in heads.codebooks.values():
        assert isinstance(codebook, ConceptCodebook)
        codebook.weight.grad = None
