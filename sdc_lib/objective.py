"""The whole objective: thirteen named terms of one forward pass, and their weighted sum.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code. The default
configuration is the released objective; `SDCObjective.decorrelation` is ours and separate.
"""

import torch
from torch import Tensor, nn

from sdc_lib.attention import local_contrast, select_concepts
from sdc_lib.codebook import alignment
from sdc_lib.config import ObjectiveConfig
from sdc_lib.contrast import info_nce
from sdc_lib.model import HeadsOutput
from sdc_lib.regularizers import decorrelation, diversity, fidelity
from sdc_lib.support.distributed import gather_rows_with_grad
from sdc_lib.support.precision import full_precision
from sdc_lib.terms import FAMILIES, LossTerms
from sdc_lib.views import PAIR_OF, STREAMS

__all__ = ["LossTerms", "SDCObjective"]


class SDCObjective(nn.Module):
    """Turn the output of the heads into loss terms.

    Args:
        config: Temperatures, Sinkhorn, filter and the choices in which releases differ; the
            defaults are the released objective.
    """

    def __init__(self, config: ObjectiveConfig | None = None) -> None:
        super().__init__()
        self.config = config or ObjectiveConfig()

    def forward(
        self, output: HeadsOutput, queue: Tensor | None = None, *, local: bool = True
    ) -> LossTerms:
        """Compute all terms, in float32 or better even under autocast.

        Args:
            output: What `ConceptHeads` returned for B videos.
            queue: Earlier score rows ``(Q, 6, 2K)`` that join Sinkhorn, or None.
            local: Compute the three local terms; otherwise they are zero.

        Returns:
            See `LossTerms`.

        Raises:
            ValueError: If the scores or the queue do not hold six views of two halves, or the local
                terms are asked for but the forward pass did not attend.
        """
        for what, rows in (("scores", output.scores), ("queue", queue)):
            if rows is not None and (rows.ndim != 3 or rows.shape[1] != 6 or rows.shape[2] % 2):
                raise ValueError(f"the {what} must be (rows, 6, 2K), got {tuple(rows.shape)}")
        if local and output.descriptors is None:
            raise ValueError(
                "the local terms need descriptors: call the model with attend=True, "
                "or the objective with local=False"
            )
        nothing = [output.scores.new_zeros(()) for _ in FAMILIES["local"]]
        return LossTerms(
            *self._contrast(output),
            *self._align(output.scores, queue),
            *self._diversity(output.scores),
            *self._fidelity(output),
            *(self._local(output) if local else nothing),
        )

    def decorrelation(self, output: HeadsOutput) -> Tensor:
        """Decorrelate the static half of what should be static from the dynamic half (ours).

        For both views j and the pairs (static half, dynamic half) of (v_j, d_j), (s_j, v_j),
        (s_j, d_j) and (v_j, v_j): the mean squared correlation of concept distributions and scores,
        averaged over pairs and views.

        Args:
            output: What `ConceptHeads` returned for B videos, B >= 2 over all processes.

        Returns:
            A scalar between 0 and 1.
        """
        scores = output.scores
        if self.config.global_batch:
            scores = gather_rows_with_grad(scores)
        static, dynamic = (
            with_distribution(half, self.config.alignment_temperature)
            for half in scores.chunk(2, dim=-1)
        )
        pairs = [(0, 4), (2, 0), (2, 4), (0, 0)]  # view of the static, of the dynamic half
        losses = [
            decorrelation(static[:, i + j], dynamic[:, k + j]) for i, k in pairs for j in (0, 1)
        ]
        return torch.stack(losses).mean()

    def _contrast(self, output: HeadsOutput) -> list[Tensor]:
        c = self.config
        video, vs, vd, static, dynamic = output.projections

        def both_ways(a: Tensor, b: Tensor) -> Tensor:
            forth = info_nce(a, b, c.contrast_temperature, across_ranks=c.global_batch)
            return forth + info_nce(b, a, c.contrast_temperature, across_ranks=c.global_batch)

        def crossed(a: Tensor, b: Tensor) -> Tensor:
            # a stream's view 1 meets the other stream's view 2: never the very same pixels
            return (both_ways(a[:, 0], b[:, 1]) + both_ways(a[:, 1], b[:, 0])) / 2

        same = both_ways(video[:, 0], video[:, 1]) / 2
        return [same, crossed(vs, static), crossed(vd, dynamic)]

    def _align(self, scores: Tensor, queue: Tensor | None) -> list[Tensor]:
        c = self.config
        losses = []
        for half, stream in enumerate(STREAMS[1:]):
            pairs = [PAIR_OF["video"]] + ([] if c.align_video_alone else [PAIR_OF[stream]])
            losses.append(
                alignment(
                    _views(scores.chunk(2, dim=-1)[half], pairs),
                    None if queue is None else _views(queue.chunk(2, dim=-1)[half], pairs),
                    c.alignment_temperature,
                    c.sinkhorn_epsilon,
                    c.sinkhorn_iterations,
                    across_ranks=c.global_batch,
                )
            )
        return losses

    def _diversity(self, scores: Tensor) -> list[Tensor]:
        static_half, dynamic_half = scores.chunk(2, dim=-1)
        t = self.config.diversity_temperature
        differences = static_half[:, PAIR_OF["dynamic"]]
        stills = dynamic_half[:, PAIR_OF["static"]]
        return [diversity(differences, t), diversity(stills, t)]

    def _fidelity(self, output: HeadsOutput) -> list[Tensor]:
        rebuilt, true = output.reconstruction, output.pooled
        return [fidelity(rebuilt[:, pair], true[:, pair]) for pair in PAIR_OF.values()]

    def _local(self, output: HeadsOutput) -> list[Tensor]:
        c = self.config
        assert output.descriptors is not None
        static_half, dynamic_half = output.scores.chunk(2, dim=-1)
        own = (output.scores[:, 0:2], static_half[:, 2:4], dynamic_half[:, 4:6])
        losses = []
        for descriptors, s in zip(output.descriptors, own, strict=True):
            mask = torch.ones_like(s[:, 0], dtype=torch.bool)
            if c.filter_top_k:
                mask = select_concepts(s[:, 0], s[:, 1], c.filter_top_k, c.filter_inclusive)
            a, b = descriptors.unbind(dim=1)
            losses.append(
                local_contrast(a, b, mask, c.local_margin, across_ranks=c.global_local_contrast)
            )
        return losses


@full_precision
def with_distribution(scores: Tensor, temperature: float) -> Tensor:
    """Concept distributions ``softmax(scores / τ)`` beside the scores: ``(..., K)`` to ``2K``."""
    return torch.cat([(scores / temperature).softmax(dim=-1), scores], dim=-1)


def _views(scores: Tensor, pairs: list[slice]) -> Tensor:
    """Some pairs of views, ``(rows, 6, K)`` to ``(rows, V, K)``."""
    return torch.cat([scores[:, pair] for pair in pairs], dim=1)
