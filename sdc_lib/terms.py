"""The thirteen terms of the objective, declared once: what each compares, and how much it counts.

Logs, figures, the training monitor and the table of notebook 06 are made from this declaration;
`sdc_lib.objective` computes the terms in this order.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sdc_lib.support.settings import NotNegative

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """Weight of each family of terms."""

    contrast: NotNegative = 1.0
    """Contrast of video, static and dynamic projections."""
    align: NotNegative = 1.0
    """Aligned concept distributions."""
    diversity: NotNegative = 0.1
    """Flat distributions over the other half's concepts."""
    fidelity: NotNegative = 1.0
    """Features rebuilt from scores."""
    local: NotNegative = 1.0
    """Contrast of local concept descriptors."""


class Term(NamedTuple):
    """What one term compares; settings are named as in `sdc_lib.config`."""

    name: str
    """Family and stream, ``contrast_video``."""
    query: str
    """What learns."""
    target: str
    """What it is compared with."""
    codebook: str
    """Whose concepts take part, and which half of them."""
    temperature: str
    """Setting of `ObjectiveConfig`, or empty."""
    detached: str
    """Which side is a constant."""
    from_epoch: str
    """Setting of `CurriculumConfig` with the first epoch in which it counts, or empty for 0."""
    chance: str
    """Its value when nothing has been learned."""
    best: str
    """The smallest value it can take."""
    symbols: str
    """Query and target in symbols; ⇄ where each side is the query once and the target once."""

    @property
    def family(self) -> str:
        """The field of `LossWeights` that weighs it."""
        return self.name.split("_")[0]

    @property
    def stream(self) -> str:
        """``video``, ``static`` or ``dynamic``."""
        return self.name.split("_")[1]


_CONTRAST, _ALIGN, _FLAT = "contrast_temperature", "alignment_temperature", "diversity_temperature"
_LOCAL = "local_from_epoch"

_ENTROPY = "the assignment's entropy"
_SAME = "the same concept in {} (near in its own video, far in all others)"

TERMS = (
    Term("contrast_video", "video projection of v1 (v2)", "video projection of v2 (v1)",
         "none", _CONTRAST, "key", "", "log B", "0", "v₁ ⇄ v₂"),
    Term("contrast_static", "video-to-static projection of v1 (v2), and back",
         "static projection of s2 (s1), and back", "none", _CONTRAST, "key", "", "2 log B", "0",
         "vˢ₁ ⇄ s₂,  vˢ₂ ⇄ s₁"),
    Term("contrast_dynamic", "video-to-dynamic projection of v1 (v2), and back",
         "dynamic projection of d2 (d1), and back", "none", _CONTRAST, "key", "", "2 log B", "0",
         "vᵈ₁ ⇄ d₂,  vᵈ₂ ⇄ d₁"),
    Term("align_static", "distribution of each of v1, v2, s1, s2",
         "Sinkhorn assignment of each other one", "video and static codebook, static halves",
         _ALIGN, "assignment", "", "log K", _ENTROPY,
         "each of v₁ v₂ s₁ s₂ → assignment of each other"),
    Term("align_dynamic", "distribution of each of v1, v2, d1, d2",
         "Sinkhorn assignment of each other one", "video and dynamic codebook, dynamic halves",
         _ALIGN, "assignment", "", "log K", _ENTROPY,
         "each of v₁ v₂ d₁ d₂ → assignment of each other"),
    Term("diversity_static", "distribution of d1, d2", "the flat distribution",
         "dynamic codebook, static half", _FLAT, "none", "", "-log K", "-log K",
         "d₁, d₂ → flat, static half"),
    Term("diversity_dynamic", "distribution of s1, s2", "the flat distribution",
         "static codebook, dynamic half", _FLAT, "none", "", "-log K", "-log K",
         "s₁, s₂ → flat, dynamic half"),
    Term("fidelity_video", "feature rebuilt from the scores of v1, v2", "their pooled features",
         "video codebook, both halves", "", "feature", "", "about 0", "-1",
         "both halves → pooled v₁, v₂"),
    Term("fidelity_static", "feature rebuilt from the scores of s1, s2", "their pooled features",
         "static codebook, static half", "", "feature", "", "about 0", "-1",
         "static half → pooled s₁, s₂"),
    Term("fidelity_dynamic", "feature rebuilt from the scores of d1, d2", "their pooled features",
         "dynamic codebook, dynamic half", "", "feature", "", "about 0", "-1",
         "dynamic half → pooled d₁, d₂"),
    Term("local_video", "descriptor of each kept concept in v1 (v2)", _SAME.format("v2 (v1)"),
         "video codebook, both halves", "", "key", _LOCAL, "1 to 2", "0", "v₁ ⇄ v₂, both halves"),
    Term("local_static", "descriptor of each kept concept in s1 (s2)", _SAME.format("s2 (s1)"),
         "static codebook, static half", "", "key", _LOCAL, "1 to 2", "0",
         "s₁ ⇄ s₂, static half"),
    Term("local_dynamic", "descriptor of each kept concept in d1 (d2)", _SAME.format("d2 (d1)"),
         "dynamic codebook, dynamic half", "", "key", _LOCAL, "1 to 2", "0",
         "d₁ ⇄ d₂, dynamic half"),
)  # fmt: skip
"""The terms in the order in which the objective returns and the log lists them."""

TERM_OF: Mapping[str, Term] = {term.name: term for term in TERMS}
"""Terms by name."""

FAMILIES: dict[str, tuple[str, ...]] = {
    family: tuple(term.stream for term in TERMS if term.family == family)
    for family in dict.fromkeys(term.family for term in TERMS)
}
"""Streams of each family: five families, thirteen terms."""


class LossTerms(NamedTuple):
    """The values of the thirteen terms: unweighted scalars, in the order of `TERMS`."""

    contrast_video: Tensor
    contrast_static: Tensor
    contrast_dynamic: Tensor
    align_static: Tensor
    align_dynamic: Tensor
    diversity_static: Tensor
    diversity_dynamic: Tensor
    fidelity_video: Tensor
    fidelity_static: Tensor
    fidelity_dynamic: Tensor
    local_video: Tensor
    local_static: Tensor
    local_dynamic: Tensor

    def total(self, weights: LossWeights | Mapping[str, float] | None = None) -> Tensor:
        """The weighted sum, without the terms of weight 0: nothing gets a gradient from them.

        Args:
            weights: One weight a family, or a weight by name of term (missing names count 0); by
                default the released ones, 1 and for diversity 0.1.

        Returns:
            A scalar; the constant 0 if all weights are 0.

        Raises:
            ValueError: If a name is not that of a term.
        """
        factors = term_weights(weights)
        weighted = [
            value if factor == 1 else factor * value
            for value, factor in zip(self, factors.values(), strict=True)
            if factor != 0
        ]
        if not weighted:
            return self[0].new_zeros(())
        import torch  # here, so that the command line starts without it

        return torch.stack(weighted).sum()


def term_weights(weights: LossWeights | Mapping[str, float] | None = None) -> dict[str, float]:
    """The weight of each of the thirteen terms; arguments as for `LossTerms.total`.

    Raises:
        ValueError: If a name is not that of a term.
    """
    if isinstance(weights, Mapping):
        unknown = sorted(set(weights) - set(LossTerms._fields))
        if unknown:
            raise ValueError(
                f"no loss term is called {unknown[0]!r}; they are {', '.join(LossTerms._fields)}"
            )
        return {name: float(weights.get(name, 0.0)) for name in LossTerms._fields}
    families = weights or LossWeights()
    return {term.name: float(getattr(families, term.family)) for term in TERMS}
