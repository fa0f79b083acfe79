"""The model as the training loop calls it: on bytes of clips, or on stored features.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), for what the views are; keeping decorrelation out
of the backbone is ours.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdc_lib.augment import normalize
from sdc_lib.backbones import recompute_activations
from sdc_lib.config import OptimConfig, PretrainConfig
from sdc_lib.model import SDC, HeadsOutput
from sdc_lib.support.batchnorm import unchanged_statistics
from sdc_lib.views import STREAMS, VIEWS_OF, Boundary, moving_views


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
        moving = moving_views(normalize(clips).to(dtype), self.boundary)
        output = self.model.forward_stills(moving, normalize(stills).to(dtype), attend)
        return Forward(output, self._score_again(output.pooled.detach()) if detached else None)

    def _score_again(self, pooled: Tensor) -> Tensor:
        heads = self.model.heads
        with unchanged_statistics(heads):
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


def prepare_backbone(model: SDC, optim: OptimConfig) -> None:
    """Freeze the backbone, and let it forget activations, where that is wanted."""
    model.backbone.requires_grad_(not optim.freeze_backbone)
    if optim.checkpoint_activations:
        recompute_activations(model.backbone)
