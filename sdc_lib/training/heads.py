"""Train the heads alone, on stored features of a frozen backbone: seconds instead of hours.

The backbone sees every video a few times under fresh augmentation, once and for all; its features
of the six views are kept in memory. On them `ConceptHeads` train with the full objective and a
large batch in seconds on a CPU, which is what ablations, notebooks 02 to 05 and experiments on
decorrelation need. What it cannot show is how the objective shapes the backbone.

    cached = cache_views(model, pairs, passes=4)                 # PairClips of the train split
    train, test = (cache_clips(model, split, clips) for split in (train_split, test_split))
    history = train_heads(model.heads, cached, weights=LossWeights(local=0), steps=600)
    print(measure_disentanglement(rescore(model.heads, train), rescore(model.heads, test)))
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import CurriculumConfig, LossWeights, ObjectiveConfig
from sdc_lib.features.cache import (
    CachedClips,
    CachedViews,
    cache_clips,
    cache_views,
    rescore,
)
from sdc_lib.model import ConceptHeads, HeadsOutput
from sdc_lib.objective import LossTerms, SDCObjective
from sdc_lib.training.schedule import Phase, phase_of
from sdc_lib.training.step import DIAGNOSTICS, diagnose, freeze_codebooks

__all__ = [
    "LOGGED",
    "CachedClips",
    "CachedViews",
    "History",
    "cache_clips",
    "cache_views",
    "rescore",
    "term_weights",
    "train_heads",
]

History = dict[str, NDArray[np.float32]]
"""Per logged name one value a step."""

LOGGED = ("total", *LossTerms._fields, "decorrelation", "extra", *DIAGNOSTICS)


def train_heads(
    heads: ConceptHeads,
    cached: CachedViews,
    objective: SDCObjective | ObjectiveConfig | None = None,
    weights: LossWeights | Mapping[str, float] | None = None,
    curriculum: CurriculumConfig | None = None,
    *,
    steps: int = 600,
    batch_size: int = 512,
    lr: float = 1e-3,
    weight_decay: float = 1e-5,
    seed: int = 0,
    extra: Callable[[HeadsOutput], Tensor] | None = None,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
) -> History:
    """Train heads in place with Adam on stored features.

    Args:
        heads: To be trained; left in ``train()``.
        cached: Features of the six views; they never change.
        objective: Loss terms; the released ones by default.
        weights: One weight a family, or a weight by name of term (missing names count 0).
        curriculum: What starts when, in epochs of ``n / batch_size`` steps.
        steps: Steps.
        batch_size: Videos a step; at most the n that are stored.
        lr: Learning rate, constant.
        weight_decay: L2 penalty.
        seed: Of the order of videos and the choice of passes.
        extra: A further penalty to be added, from what the heads computed.
        on_step: Called after every step with its number and the logged values.

    Returns:
        Per name in `LOGGED` an array with one value a step.

    Raises:
        ValueError: If local terms count but no local maps are stored, or a weight has no term.
    """
    curriculum = curriculum or CurriculumConfig()
    if not isinstance(objective, SDCObjective):
        objective = SDCObjective(objective)
    by_term = term_weights(weights)
    batch_size = min(batch_size, len(cached))
    per_epoch = max(1, len(cached) // batch_size)
    wants_local = any(by_term[name] for name in by_term if name.startswith("local"))
    if wants_local and phase_of(curriculum, steps - 1, per_epoch).local:
        _check_local_maps(cached)
    batches = _batches(len(cached), cached.indices.shape[1], batch_size, steps, seed)
    queue = ScoreQueue(curriculum.queue_size, heads.num_concepts) if curriculum.queue_size else None
    optimizer = torch.optim.Adam(heads.parameters(), lr, weight_decay=weight_decay)
    factors = torch.tensor([by_term[name] for name in LossTerms._fields])
    logged: list[Tensor] = []
    heads.train()
    for step, (rows, passes) in enumerate(batches):
        phase = phase_of(curriculum, step, per_epoch)
        heads.normalize_codebooks_()
        output: HeadsOutput = heads(*cached.draw(rows, passes), phase.local and wants_local)
        total, values = _loss(output, objective, queue, phase, factors, extra)
        _update(heads, optimizer, total, phase)
        logged.append(values)
        if on_step is not None:
            on_step(step, dict(zip(LOGGED, values.tolist(), strict=True)))
    heads.normalize_codebooks_()
    table = torch.stack(logged).numpy()  # (steps, names)
    return {name: table[:, i] for i, name in enumerate(LOGGED)}


def term_weights(weights: LossWeights | Mapping[str, float] | None = None) -> dict[str, float]:
    """The weight of each of the thirteen terms.

    Raises:
        ValueError: If a name is not that of a term.
    """
    if isinstance(weights, Mapping):
        unknown = sorted(set(weights) - set(LossTerms._fields))
        if unknown:
            raise ValueError(f"no loss term is called {unknown[0]!r}; see LossTerms")
        return {name: float(weights.get(name, 0.0)) for name in LossTerms._fields}
    families = weights or LossWeights()
    return {name: float(getattr(families, name.split("_")[0])) for name in LossTerms._fields}


def _check_local_maps(cached: CachedViews) -> None:
    if cached.local is None:
        raise ValueError(
            "local terms need local maps: cache them with local_grid=(2, 2, 2), "
            "or train with LossWeights(local=0)"
        )


def _batches(
    n: int, passes: int, batch_size: int, steps: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Videos of each step, every one once an epoch, and which pass of each."""
    generator = torch.Generator().manual_seed(seed)
    per_epoch = max(1, n // batch_size)
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(n, generator=generator)
        rows = order[step % per_epoch * batch_size :][:batch_size]
        yield rows, torch.randint(passes, (len(rows),), generator=generator)


def _update(
    heads: ConceptHeads, optimizer: torch.optim.Optimizer, total: Tensor, phase: Phase
) -> None:
    optimizer.zero_grad()
    total.backward()
    if not phase.codebooks:
        freeze_codebooks(heads)
    optimizer.step()


def _loss(
    output: HeadsOutput,
    objective: SDCObjective,
    queue: ScoreQueue | None,
    phase: Phase,
    factors: Tensor,
    extra: Callable[[HeadsOutput], Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """What to differentiate, and the values of `LOGGED`."""
    rows = queue.rows() if queue is not None and phase.queue else None
    terms = torch.stack(list(objective(output, rows, local=output.descriptors is not None)))
    zero = terms.new_zeros(())
    decorrelation = objective.decorrelation(output) if phase.decorrelation else zero
    further = extra(output) if extra is not None else zero
    total = (factors * terms).sum() + phase.decorrelation * decorrelation + further
    if queue is not None:
        queue.push(output.scores)
    with torch.no_grad():
        signs = diagnose(output.scores, output.pooled)
        values = torch.stack([total, *terms, decorrelation, further, *signs])
    return total, values
