"""The network: a backbone that all six views share, and the heads on its features.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdc_lib.backbones import BackboneOutput, StagedBackbone, build_backbone
from sdc_lib.config import ModelConfig
from sdc_lib.model.heads import ConceptHeads, HeadsOutput
from sdc_lib.support.checks import require
from sdc_lib.views import STREAMS, Boundary, Stream, frame_difference, static_view


class Encoded(NamedTuple):
    """One stream of B clips, encoded."""

    pooled: Tensor  # (B, D)
    local: Tensor  # (B, D, T', H', W')
    scores: Tensor  # (B, 2K)


class SDC(nn.Module):
    """Static and Dynamic Concepts: a backbone and its heads.

    Args:
        backbone: Maps ``(N, C, T, H, W)`` to a `BackboneOutput`.
        heads: Works on the backbone's width.

    Attributes:
        provenance: Where loaded weights came from; empty for a model made here.
        boundary: First frame of the differences that `encode` takes; of loaded weights, what
            they were trained with.
    """

    def __init__(self, backbone: nn.Module, heads: ConceptHeads) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = heads
        self.provenance: dict[str, str] = {}
        self.boundary: Boundary = "wrap"

    def forward(self, views: Tensor, attend: bool = True) -> HeadsOutput:
        """Encode six views of B videos with the shared backbone.

        Args:
            views: ``(B, 6, C, T, H, W)``, normalised.
            attend: See `ConceptHeads.forward`.

        Returns:
            See `HeadsOutput`.

        Raises:
            ValueError: If there are not six views, or they are integers.
        """
        fit = views.ndim == 6 and views.shape[1] == 6
        require(fit, "views must be (B, 6, C, T, H, W)", views)
        require(views.is_floating_point(), "views must be normalised floats", views.dtype)
        out = self.backbone(views.flatten(0, 1))  # (6B, ...)
        pooled = out.pooled.unflatten(0, (-1, 6))
        local = out.local.unflatten(0, (-1, 6))
        heads_output: HeadsOutput = self.heads(pooled, local, attend)
        return heads_output

    def forward_stills(self, moving: Tensor, stills: Tensor, attend: bool = True) -> HeadsOutput:
        """Do what `forward` does, with the static views given as single frames.

        Args:
            moving: See `encode_views`.
            stills: See `encode_views`.
            attend: See `ConceptHeads.forward`.

        Returns:
            See `HeadsOutput`.
        """
        pooled, local = self.encode_views(moving, stills)
        heads_output: HeadsOutput = self.heads(pooled, local, attend)
        return heads_output

    def encode_views(self, moving: Tensor, stills: Tensor) -> BackboneOutput:
        """What the backbone makes of six views of B videos, of static views from one frame.

        The values, gradients and statistics are those of six full views. A backbone of ours
        computes the frames that are equal once; any other gets them repeated.

        Args:
            moving: The video views and the frame differences, ``(B, 4, C, T, H, W)``, normalised.
            stills: The frames of the static views, ``(B, 2, C, 1, H, W)``, normalised.

        Returns:
            ``(B, 6, D)`` and ``(B, 6, D, T', H', W')``, views in their usual order.

        Raises:
            ValueError: If there are not four views and two stills.
        """
        one_frame = (len(moving), 2, *moving.shape[2:3], 1, *moving.shape[4:])
        require(
            moving.ndim == 6 and moving.shape[1] == 4 and stills.shape == one_frame,
            "moving views must be (B, 4, C, T, H, W) and stills (B, 2, C, 1, H, W)",
            moving,
            stills,
        )
        pooled, local = self._encode(moving.flatten(0, 1), stills.flatten(0, 1))
        return BackboneOutput(_in_order(pooled), _in_order(local))

    def _encode(self, clips: Tensor, stills: Tensor) -> BackboneOutput:
        out: BackboneOutput
        if isinstance(self.backbone, StagedBackbone):
            out = self.backbone(clips, stills)
        else:
            still_clips = stills.expand(-1, -1, clips.shape[2], -1, -1)
            out = self.backbone(torch.cat([clips, still_clips]))
        return out

    def encode(self, clips: Tensor, stream: Stream = "video") -> Encoded:
        """Encode clips as one of the three streams, for evaluation.

        Args:
            clips: Normalised clips, ``(B, C, T, H, W)``; computed with in the weights' precision.
            stream: ``"static"`` freezes the middle frame first, ``"dynamic"`` takes the frame
                difference, with the model's own `boundary`.

        Returns:
            Pooled feature, local map and concept scores.

        Raises:
            TypeError: If the clips are no tensor.
            ValueError: If the clips are not a batch of three channels, not normalised, not finite,
                or the stream is unknown.
        """
        if not isinstance(clips, Tensor):
            raise TypeError(
                f"clips must be a torch tensor (B, C, T, H, W), got {type(clips).__name__}"
            )
        require(clips.ndim == 5, "clips must be (B, C, T, H, W)", clips)
        require(clips.shape[1] == 3, "clips must have 3 channels, (B, 3, T, H, W)", clips)
        require(min(clips.shape[2:]) > 0, "clips must have frames and pixels", clips)
        _refuse_bytes(clips)
        require(stream in STREAMS, f"stream must be one of {', '.join(STREAMS)}", repr(stream))
        clips = clips.to(next(self.parameters()).dtype)
        middle = clips.shape[2] // 2
        if stream == "static" and not self.backbone.training:
            pooled, local = self._encode(clips[:0], clips[:, :, middle : middle + 1])
        else:
            if stream == "static":  # at full length: BatchNorm needs moving clips in training
                clips = static_view(clips, middle)
            elif stream == "dynamic":
                clips = frame_difference(clips, self.boundary)
            pooled, local = self.backbone(clips)
        return Encoded(pooled, local, self.heads.score(pooled, stream))


def build_model(config: ModelConfig) -> SDC:
    """Make a model with random weights from its configuration.

    Raises:
        ValueError: If there is no backbone of that name.
    """
    backbone = build_backbone(config.backbone)
    heads = ConceptHeads(
        int(backbone.dim),  # type: ignore[arg-type]
        config.num_concepts,
        config.projection_dim,
        shared_codebooks=config.shared_codebooks,
        split_video_projection=config.split_video_projection,
    )
    return SDC(backbone, heads)


def _refuse_bytes(clips: Tensor) -> None:
    """Raise an error for pixels from 0 to 255, as integers or floats, and for what is not finite.

    Normalised ones stay below 3 and their differences below 5.
    """
    integers = not clips.is_floating_point()
    if integers or (clips.numel() and not clips.detach().abs().amax() <= 30):  # NaN compares so
        raise ValueError(
            f"clips must be normalised, got {clips.dtype} up to {clips.abs().amax().item():g}; "
            "use sdc_lib.normalize"
        )


def _in_order(rows: Tensor) -> Tensor:
    """Rows of 4B moving views and then 2B stills as ``(B, 6, ...)``, views in their usual order."""
    moving, stills = rows.split([len(rows) // 6 * 4, len(rows) // 6 * 2])
    # channels last, as they are in the network
    moving, stills = (x.movedim(1, -1).unflatten(0, (len(rows) // 6, -1)) for x in (moving, stills))
    return torch.cat([moving[:, :2], stills, moving[:, 2:]], dim=1).movedim(-1, 2)
