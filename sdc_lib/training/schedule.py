"""What changes during a run: the learning rate, and which parts of the objective count.

Both are functions of the position in the *whole* run, so that a run that is cut short or resumed
follows the same curve as one that is not.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795), implementation details, for the step schedule
and the curriculum; warm-up, cosine and decorrelation are additions.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from sdc_lib.config import CurriculumConfig, OptimConfig
from sdc_lib.support.checks import require
from sdc_lib.terms import TERMS, LossWeights, term_weights


class Phase(NamedTuple):
    """What counts in a step."""

    queue: bool
    """Earlier scores join Sinkhorn."""
    codebooks: bool
    """Codebooks are updated."""
    local: bool
    """Local terms count, so the model attends."""
    decorrelation: float
    """Weight of the decorrelation term."""


def learning_rate(config: OptimConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of one step.

    During warm-up it rises linearly, ``lr * (step + 1) / warm-up steps``. Afterwards ``"step"``
    multiplies by 0.1 at each milestone and ``"cosine"`` follows ``(1 + cos(π t)) / 2`` from the end
    of the warm-up (t = 0) to the end of the last epoch (t = 1).

    Args:
        config: Schedule, milestones, epochs and the base learning rate.
        step: Steps done so far, counted over the whole run.
        steps_per_epoch: Steps in one epoch.

    Returns:
        A rate between 0 and ``config.lr``.

    Raises:
        ValueError: If the step is negative or an epoch has no steps.
    """
    right = step >= 0 and steps_per_epoch >= 1
    require(right, "step must be >= 0 and steps_per_epoch >= 1", step, steps_per_epoch)
    warm = round(config.warmup_epochs * steps_per_epoch)
    if step < warm:
        return config.lr * (step + 1) / warm
    if config.schedule == "cosine":
        rest = max(1, config.epochs * steps_per_epoch - warm)
        progress = min(1.0, (step - warm) / rest)
        return config.lr * (1 + math.cos(math.pi * progress)) / 2
    passed = sum(step >= milestone * steps_per_epoch for milestone in config.milestones)
    return float(config.lr * 0.1**passed)


def phase_of(
    config: CurriculumConfig,
    step: int,
    steps_per_epoch: int,
    weights: LossWeights | Mapping[str, float] | None = None,
) -> Phase:
    """What counts in one step.

    Args:
        config: First epochs of queue, codebooks, local terms and decorrelation.
        step: Steps done so far, counted over the whole run.
        steps_per_epoch: Steps in one epoch.
        weights: As for `LossTerms.total`; local terms count only where one of them has a weight.

    Returns:
        See `Phase`.
    """
    epoch = step // steps_per_epoch
    return Phase(
        queue=config.queue_size > 0 and epoch >= config.queue_from_epoch,
        codebooks=epoch >= config.codebooks_from_epoch,
        local=epoch >= config.local_from_epoch and local_terms_count(weights),
        decorrelation=decorrelation_weight(config, step, steps_per_epoch),
    )


def local_terms_count(weights: LossWeights | Mapping[str, float] | None) -> bool:
    """Whether a local term has a weight; arguments as for `LossTerms.total`."""
    by_term = term_weights(weights)
    return any(by_term[term.name] != 0 for term in TERMS if term.family == "local")


def decorrelation_weight(config: CurriculumConfig, step: int, steps_per_epoch: int) -> float:
    """Weight of the decorrelation term: zero, then a linear rise, then its final value."""
    since = step - config.decorrelation_from_epoch * steps_per_epoch
    if since < 0:
        return 0.0
    ramp = round(config.decorrelation_ramp_epochs * steps_per_epoch)
    return config.decorrelation * min(1.0, (since + 1) / ramp if ramp else 1.0)
