"""Heads: what turns a backbone's features into projections, concept scores and descriptors.

`ConceptHeads` gathers the modules of notebooks 02 to 05 and knows which stream uses which part.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdc_lib.attention import ConceptAttention
from sdc_lib.codebook import ConceptCodebook, own_half
from sdc_lib.contrast import DecouplingProjections, Projections
from sdc_lib.regularizers import FidelityDecoder
from sdc_lib.support.checks import require
from sdc_lib.support.precision import at_least_float32
from sdc_lib.views import PAIR_OF, STREAMS, VIEWS_OF, Stream


class Descriptors(NamedTuple):
    """Local concept descriptors of both views of each stream, not normalised."""

    video: Tensor  # (B, 2, 2K, D)
    static: Tensor  # (B, 2, K, D)
    dynamic: Tensor  # (B, 2, K, D)


class HeadsOutput(NamedTuple):
    """All that the objective needs from a forward pass."""

    pooled: Tensor  # (B, 6, D)
    projections: Projections  # five times (B, 2, P)
    scores: Tensor  # (B, 6, 2K)
    reconstruction: Tensor  # (B, 6, D)
    descriptors: Descriptors | None  # None when the forward pass did not attend


class ConceptHeads(nn.Module):
    """Projections, codebooks, decoders and attention on top of any backbone.

    Args:
        dim: Width D of the backbone's features.
        num_concepts: K static and K dynamic concepts.
        projection_dim: Width P of the contrasted space.
        shared_codebooks: One codebook for all three streams instead of one each (ours).
        split_video_projection: Two concept projections for the video, one per half (ours).
    """

    def __init__(
        self,
        dim: int = 512,
        num_concepts: int = 100,
        projection_dim: int = 128,
        *,
        shared_codebooks: bool = False,
        split_video_projection: bool = False,
    ) -> None:
        super().__init__()
        self.num_concepts = num_concepts
        self.projections = DecouplingProjections(dim, projection_dim)
        names = [*STREAMS, "video_dynamic"] if split_video_projection else list(STREAMS)
        self.concept_projections = nn.ModuleDict({name: _concept_projection(dim) for name in names})
        video = ConceptCodebook(dim, num_concepts)
        self.codebooks = nn.ModuleDict(
            {
                s: video if shared_codebooks or s == "video" else ConceptCodebook(dim, num_concepts)
                for s in STREAMS
            }
        )
        self.decoders = nn.ModuleDict(
            {s: FidelityDecoder(num_concepts * (2 if s == "video" else 1), dim) for s in STREAMS}
        )
        self.attention = ConceptAttention(dim)

    def forward(self, pooled: Tensor, local: Tensor | None, attend: bool = True) -> HeadsOutput:
        """Run all heads on the features of six views.

        Args:
            pooled: ``(B, 6, D)``.
            local: ``(B, 6, D, T, H, W)``; may be None where `attend` is false.
            attend: Also gather local descriptors; they are only needed once the local terms count.

        Returns:
            See `HeadsOutput`.

        Raises:
            ValueError: If the tensors do not hold six views each.
        """
        fit = pooled.ndim == 3 and pooled.shape[1] == 6
        fit = fit and (not attend if local is None else local.shape[:3] == pooled.shape)
        require(fit, "pooled must be (B, 6, D) and local (B, 6, D, T, H, W)", pooled, local)
        # BatchNorm sees one view at a time, view 1 then view 2 of each stream
        scores = torch.stack(
            [self.score(pooled[:, view], s) for s in STREAMS for view in VIEWS_OF[s]], dim=1
        )  # (B, 6, 2K)
        reconstruction = torch.cat([self._reconstruct(scores, s) for s in STREAMS], dim=1)
        descriptors = None
        if attend and local is not None:
            descriptors = self._describe(local)
        return HeadsOutput(pooled, self.projections(pooled), scores, reconstruction, descriptors)

    def score(self, pooled: Tensor, stream: Stream) -> Tensor:
        """Cosines of one view's pooled features ``(B, D)`` with all concepts, ``(B, 2K)``."""
        codebook = self.codebooks[stream]
        scores: Tensor = codebook(self._project(pooled, stream))
        if stream == "video" and "video_dynamic" in self.concept_projections:
            k = self.num_concepts
            other = codebook(self._project(pooled, "video_dynamic"))
            scores = torch.cat([scores[:, :k], other[:, k:]], dim=-1)
        return scores

    def concepts(self, stream: Stream) -> Tensor:
        """The concepts a stream attends with: all ``(2K, D)`` or its own half ``(K, D)``."""
        codebook = self.codebooks[stream]
        assert isinstance(codebook, ConceptCodebook)
        halves = {"video": codebook.weight, "static": codebook.static, "dynamic": codebook.dynamic}
        return halves[stream]

    @torch.no_grad()
    def normalize_codebooks_(self) -> None:
        """Scale all concepts back to unit length, in place; call it before every step."""
        for codebook in self.codebooks.values():
            assert isinstance(codebook, ConceptCodebook)
            codebook.normalize_()

    def _project(self, pooled: Tensor, name: str) -> Tensor:
        # Not normalised in bfloat16, as autocast does on CPUs: the rows would miss unit length
        return F.normalize(at_least_float32(self.concept_projections[name](pooled)), dim=-1)

    def _reconstruct(self, scores: Tensor, stream: Stream) -> Tensor:
        own = own_half(scores[:, PAIR_OF[stream]], stream)  # (B, 2, n)
        stacked = own.transpose(0, 1).flatten(0, 1)  # (2B, n): one BatchNorm call for both views
        rebuilt = self.decoders[stream](stacked)  # (2B, D)
        views: Tensor = rebuilt.unflatten(0, (2, -1)).transpose(0, 1)
        return views  # (B, 2, D)

    def _describe(self, local: Tensor) -> Descriptors:
        positions = self.attention.positions(local)  # (B, 6, T*H*W, D)
        descriptors = [
            self.attention.gather(views.flatten(0, 1), self.concepts(stream))[0]
            for stream, views in zip(STREAMS, positions.split(2, dim=1), strict=True)
        ]  # each (2B, n, D)
        return Descriptors(*(d.unflatten(0, (-1, 2)) for d in descriptors))


def _concept_projection(dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, dim), nn.BatchNorm1d(dim), nn.ReLU(inplace=True), nn.Linear(dim, dim)
    )
