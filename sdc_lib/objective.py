"""The whole objective: thirteen named terms of one forward pass, and their weighted sum.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code. The default
configuration is the released objective; `SDCObjective.decorrelation` is ours and separate.
"""

import torch
from torch import Tensor, nn

from sdc_lib.attention import (
    active_costs,
    concept_costs,
    cosines_between_views,
    mean_over_active,
    select_concepts,
)
from sdc_lib.codebook import alignment, own_half
from sdc_lib.config import ObjectiveConfig
from sdc_lib.contrast import info_nce
from sdc_lib.model import HeadsOutput
from sdc_lib.regularizers import decorrelation, diversity, fidelity
from sdc_lib.support.checks import require
from sdc_lib.support.distributed import gather_rows_with_grad
from sdc_lib.support.precision import full_precision
from sdc_lib.support.settings import check_settings
from sdc_lib.terms import LossTerms
from sdc_lib.views import PAIR_OF, STREAMS

__all__ = ["LossTerms", "SDCObjective"]

LARGE_TABLE = {"cpu": 2**24, "cuda": 2**29}
"""By device: how many distances, of all concepts between all samples, local contrast computes at
once. A GPU does more of them in the time that it takes to start one operation a concept."""


class SDCObjective(nn.Module):
    """Turn the output of the heads into loss terms.

    Args:
        config: Temperatures, Sinkhorn, filter and the choices in which releases differ; the
            defaults are the released objective.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(self, config: ObjectiveConfig | None = None) -> None:
        super().__init__()
        self.config = config or ObjectiveConfig()
        check_settings(self.config)

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
            if rows is not None:
                right = rows.ndim == 3 and rows.shape[1] == 6 and rows.shape[2] % 2 == 0
                require(right, f"the {what} must be (rows, 6, 2K)", rows)
        wanted = ", ".join(map(str, output.scores.shape[1:]))
        fits = queue is None or queue.shape[1:] == output.scores.shape[1:]
        require(fits, f"the queue must be (rows, {wanted}) like the scores", queue)
        if local and output.descriptors is None:
            raise ValueError(
                "the local terms need descriptors: call the model with attend=True, "
                "or the objective with local=False"
            )
        return LossTerms(
            *self._contrast(output),
            *self._align(output.scores, queue),
            *self._diversity(output.scores),
            *self._fidelity(output),
            *(self._local(output) if local else output.scores.new_zeros(3)),
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

        Raises:
            ValueError: If there are fewer than two videos.
        """
        scores = output.scores
        if self.config.global_batch:
            scores = gather_rows_with_grad(scores)
        static, dynamic = (
            with_distribution(half, temperature).unbind(dim=1)
            for half, temperature in zip(
                scores.chunk(2, dim=-1), self.config.alignment_temperatures, strict=True
            )
        )
        pairs = [(0, 4), (2, 0), (2, 4), (0, 0)]  # view of the static, of the dynamic half
        pairs += [(i + 1, k + 1) for i, k in pairs]
        static_half = torch.stack([static[i] for i, _ in pairs])  # (8, B, 2K)
        dynamic_half = torch.stack([dynamic[k] for _, k in pairs])
        return decorrelation(static_half, dynamic_half).mean()

    def _contrast(self, output: HeadsOutput) -> list[Tensor]:
        c = self.config
        video, vs, vd, static, dynamic = (views.unbind(dim=1) for views in output.projections)
        # a stream's view 1 meets the other stream's view 2: never the very same pixels
        pairs = [(video[0], video[1])]
        pairs += [(vs[0], static[1]), (vs[1], static[0]), (vd[0], dynamic[1]), (vd[1], dynamic[0])]
        query = torch.stack([a for a, _ in pairs] + [b for _, b in pairs])  # there, and back
        key = torch.stack([b for _, b in pairs] + [a for a, _ in pairs])  # (10, B, P)
        losses = info_nce(query, key, c.contrast_temperature, across_ranks=c.global_batch)
        both_ways = losses.unflatten(0, (2, -1)).sum(dim=0) / 2
        return [term.sum() for term in both_ways.split([1, 2, 2])]

    def _align(self, scores: Tensor, queue: Tensor | None) -> tuple[Tensor, ...]:
        c = self.config
        static, dynamic = c.alignment_temperatures
        losses = alignment(
            self._aligned(scores),
            None if queue is None else self._aligned(queue),
            static if static == dynamic else (static, dynamic),  # one number, one operation
            c.sinkhorn_epsilon,
            c.sinkhorn_iterations,
            across_ranks=c.global_batch,
        )
        return losses.unbind()

    def _aligned(self, scores: Tensor) -> Tensor:
        """Either half with the views that it aligns, ``(rows, 6, 2K)`` to ``(2, rows, V, K)``."""
        groups = []
        for half, stream in zip(scores.chunk(2, dim=-1), STREAMS[1:], strict=True):
            views = dict(zip(STREAMS, half.split(2, dim=1), strict=True))
            names = ["video"] if self.config.align_video_alone else ["video", stream]
            groups.append(torch.cat([views[name] for name in names], dim=1))
        return torch.stack(groups)

    def _diversity(self, scores: Tensor) -> tuple[Tensor, ...]:
        static_half, dynamic_half = scores.chunk(2, dim=-1)
        differences = static_half[:, PAIR_OF["dynamic"]]
        stills = dynamic_half[:, PAIR_OF["static"]]
        other = torch.stack([differences, stills])  # (2, B, 2, K)
        return diversity(other, self.config.diversity_temperature).unbind()

    def _fidelity(self, output: HeadsOutput) -> tuple[Tensor, ...]:
        rebuilt, true = (x.unflatten(1, (3, 2)) for x in (output.reconstruction, output.pooled))
        return fidelity(rebuilt, true, dim=(0, 2)).unbind()  # a loss a stream

    def _local(self, output: HeadsOutput) -> list[Tensor]:
        c = self.config
        assert output.descriptors is not None
        everywhere = c.global_local_contrast
        masks = self._active(output.scores)
        batch, concepts = len(output.scores), 2 * output.scores.shape[-1]
        if not keeps_table(2 * concepts * batch**2, output.scores.device.type, everywhere):
            return [
                mean_over_active(active_costs(pair, mask, c.local_margin), mask)
                for pair, mask in zip(output.descriptors, masks, strict=True)
            ]
        cosines = [
            cosines_between_views(pair, across_ranks=everywhere) for pair in output.descriptors
        ]
        side_by_side = torch.cat(cosines, dim=1)  # (2, 4K, B, W * B)
        costs = concept_costs(side_by_side, c.local_margin, across_ranks=everywhere)  # (B, 4K)
        own = costs.split([mask.shape[1] for mask in masks], dim=1)
        return [
            mean_over_active(cost, mask, across_ranks=everywhere)
            for cost, mask in zip(own, masks, strict=True)
        ]

    def _active(self, scores: Tensor) -> list[Tensor]:
        """Which of its concepts each stream contrasts, ``(B, 2K)``, ``(B, K)``, ``(B, K)``."""
        c = self.config
        own = [own_half(scores[:, PAIR_OF[stream]], stream) for stream in STREAMS]
        if not c.filter_top_k:
            return [torch.ones_like(s[:, 0], dtype=torch.bool) for s in own]
        return [select_concepts(s[:, 0], s[:, 1], c.filter_top_k, c.filter_inclusive) for s in own]


def keeps_table(distances: int, device: str, everywhere: bool) -> bool:
    """Whether local contrast computes all its distances at once.

    Args:
        distances: How many they are.
        device: Type of device.
        everywhere: Whether it goes over all processes.
    """
    return everywhere or distances <= LARGE_TABLE.get(device, LARGE_TABLE["cpu"])


@full_precision
def with_distribution(scores: Tensor, temperature: float) -> Tensor:
    """Concept distributions ``softmax(scores / τ)`` beside the scores: ``(..., K)`` to ``2K``."""
    return torch.cat([(scores / temperature).softmax(dim=-1), scores], dim=-1)
