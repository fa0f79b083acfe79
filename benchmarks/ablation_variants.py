"""What `benchmarks.ablations` compares: the released objective with something changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch

from sdc_lib.config import CurriculumConfig, LossWeights, ObjectiveConfig
from sdc_lib.features import CachedViews
from sdc_lib.model import ConceptHeads
from sdc_lib.terms import TERMS, term_weights
from sdc_lib.training.heads import train_heads

OF_STATIC_VIEWS = "contrast_static align_static fidelity_static local_static diversity_dynamic"
OF_DIFFERENCES = "contrast_dynamic align_dynamic fidelity_dynamic local_dynamic diversity_static"


@dataclass(frozen=True)
class Variant:
    """The released objective with something changed.

    Attributes:
        off: Terms without weight, separated by blanks.
        objective: Constants of the terms.
        curriculum: Queue and decorrelation; local terms count from the start.
        shared_codebooks: See `ModelConfig`.
        split_video_projection: See `ModelConfig`.
        num_concepts: K.
    """

    off: str = ""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    curriculum: CurriculumConfig = field(
        default_factory=lambda: CurriculumConfig(queue_size=512, local_from_epoch=1)
    )
    shared_codebooks: bool = False
    split_video_projection: bool = False
    num_concepts: int = 16

    def weights(self) -> dict[str, float]:
        """Weights of all terms."""
        return {
            name: 0.0 if name in self.off.split() else weight
            for name, weight in term_weights(LossWeights()).items()
        }


class Effort(Protocol):
    """What the training of heads gets."""

    @property
    def steps(self) -> int:
        """Steps of the optimiser."""

    @property
    def batch_size(self) -> int:
        """Videos a step."""

    @property
    def lr(self) -> float:
        """Learning rate of Adam."""


def new_heads(variant: Variant, views: CachedViews, effort: Effort, seed: int) -> ConceptHeads:
    """Heads of a variant, from random weights of a seed, trained on stored features."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = ConceptHeads(
            views.pooled.shape[-1],
            variant.num_concepts,
            projection_dim=64,
            shared_codebooks=variant.shared_codebooks,
            split_video_projection=variant.split_video_projection,
        )
    train_heads(
        heads,
        views,
        variant.objective,
        variant.weights(),
        variant.curriculum,
        steps=effort.steps,
        batch_size=effort.batch_size,
        lr=effort.lr,
        seed=seed,
    )
    return heads


def _without(family: str) -> Variant:
    return Variant(" ".join(term.name for term in TERMS if term.family == family))


def _only(family: str) -> Variant:
    return Variant(" ".join(term.name for term in TERMS if term.family != family))


_FULL = Variant()
_BOTH = Variant(shared_codebooks=True, split_video_projection=True)


def _decorrelated(variant: Variant, weight: float) -> Variant:
    ramp = replace(variant.curriculum, decorrelation=weight, decorrelation_ramp_epochs=10.0)
    return replace(variant, curriculum=ramp)


VARIANTS: Mapping[str, Variant] = {
    "everything": _FULL,
    "no static views": Variant(OF_STATIC_VIEWS),
    "no frame differences": Variant(OF_DIFFERENCES),
    "no alignment": _without("align"),
    "no diversity": _without("diversity"),
    "no fidelity": _without("fidelity"),
    "no local terms": _without("local"),
    "no concept filter": replace(_FULL, objective=ObjectiveConfig(filter_top_k=0)),
    "contrast alone": _only("contrast"),
    "alignment of the video alone (as SwAV)": replace(
        _only("align"), objective=ObjectiveConfig(align_video_alone=True)
    ),
    "no queue": replace(_FULL, curriculum=replace(_FULL.curriculum, queue_size=0)),
    "shared codebooks and own projections (ours)": _BOTH,
    "everything and decorrelation 30 (ours)": _decorrelated(_FULL, 30.0),
    "shared codebooks, own projections, decorrelation 10 (ours)": _decorrelated(_BOTH, 10.0),
    "shared codebooks, own projections, decorrelation 30 (ours)": _decorrelated(_BOTH, 30.0),
    "shared codebooks, own projections, decorrelation 100 (ours)": _decorrelated(_BOTH, 100.0),
    "shared codebooks, own projections, decorrelation 30, K=32 (ours)": replace(
        _decorrelated(_BOTH, 30.0), num_concepts=32
    ),
}
