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
from torch import Tensor, nn

from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import CurriculumConfig, LossWeights, ObjectiveConfig
from sdc_lib.features.cached_views import CachedViews, cache_views
from sdc_lib.model import SDC, ConceptHeads, HeadsOutput
from sdc_lib.objective import SDCObjective
from sdc_lib.support.settings import Count, check_value
from sdc_lib.terms import term_weights
from sdc_lib.training.batches import FeatureBatch, to_device
from sdc_lib.training.networks import SixFeatures
from sdc_lib.training.schedule import phase_of
from sdc_lib.training.step import LOGGED, compute_losses, leave_untrained

__all__ = [
    "NAMES",
    "CachedViews",
    "History",
    "cache_views",
    "train_heads",
]

History = dict[str, NDArray[np.float32]]
"""Per logged name one value a step."""

NAMES = (*LOGGED, "extra")
"""Names of the logged values: those of `LOGGED`, and the further penalty."""


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
        heads: To be trained, on their device; left in ``train()``.
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
        Per name in `NAMES` an array with one value a step.

    Raises:
        ValueError: If local terms count but no local maps are stored, a weight has no term, or
            there is no step or no video a step.
    """
    check_value("steps", steps, Count)
    check_value("batch_size", batch_size, Count)
    curriculum = curriculum or CurriculumConfig()
    if not isinstance(objective, SDCObjective):
        objective = SDCObjective(objective)
    by_term = term_weights(weights)
    batch_size = min(batch_size, len(cached))
    per_epoch = len(cached) // batch_size
    phases = [phase_of(curriculum, step, per_epoch, by_term) for step in range(steps)]
    if any(phase.local for phase in phases):
        _check_local_maps(cached)
    queue, device = _queue_for(heads, curriculum.queue_size), next(heads.parameters()).device
    optimizer = torch.optim.Adam(heads.parameters(), lr, weight_decay=weight_decay)
    network = SixFeatures(SDC(nn.Identity(), heads))
    batches = (to_device(batch, device) for batch in _batches(cached, batch_size, steps, seed))
    logged: list[Tensor] = []
    heads.train()
    for step, (phase, batch) in enumerate(zip(phases, batches, strict=True)):
        heads.normalize_codebooks_()
        losses = compute_losses(network, batch, objective, queue, phase, by_term)
        penalty = extra(losses.output) if extra is not None else losses.total.new_zeros(())
        optimizer.zero_grad()
        total = losses.total + penalty
        if total.requires_grad:  # not before a term counts that has a weight
            total.backward()
        leave_untrained(heads, phase, by_term, objective.config)
        optimizer.step()
        logged.append(_with_extra(losses.logged, penalty.detach()))
        if on_step is not None:
            on_step(step, dict(zip(NAMES, logged[-1].tolist(), strict=True)))
    heads.normalize_codebooks_()
    table = torch.stack(logged).cpu().numpy()  # (steps, names)
    return {name: table[:, i] for i, name in enumerate(NAMES)}


def _queue_for(heads: ConceptHeads, size: int) -> ScoreQueue | None:
    """A queue on the device of heads and in their precision, if there is to be one."""
    return ScoreQueue(size, heads.num_concepts).to(next(heads.parameters())) if size else None


def _with_extra(logged: Tensor, penalty: Tensor) -> Tensor:
    """The values in the order of `NAMES`: the penalty joins the total and stands last."""
    values = torch.cat([logged, penalty[None]])
    values[NAMES.index("total")] += penalty
    return values


def _check_local_maps(cached: CachedViews) -> None:
    if cached.local is None:
        raise ValueError(
            "local terms need local maps: cache them with local_grid=(2, 2, 2), "
            "or train with LossWeights(local=0)"
        )


def _batches(cached: CachedViews, batch_size: int, steps: int, seed: int) -> Iterator[FeatureBatch]:
    """Every video at most once an epoch, each in a pass drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    n, passes = cached.indices.shape
    per_epoch = n // batch_size
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(n, generator=generator)
        rows = order[step % per_epoch * batch_size :][:batch_size]
        chosen = torch.randint(passes, (len(rows),), generator=generator)
        shown = cached.indices[rows, chosen]
        yield FeatureBatch(*cached.draw(rows, chosen), shown, shown != rows)
