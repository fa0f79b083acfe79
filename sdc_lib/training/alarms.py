"""Signs that training has collapsed or cannot go on."""

import math
import warnings
from collections.abc import Callable, Mapping

from sdc_lib.training.step import LOGGED


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and where to continue."""


class CollapseWarning(UserWarning):
    """Training seems to have collapsed; the message says what to try."""


class CollapseAlarm:
    """Warn once when a sign of collapse lasts.

    Args:
        num_concepts: K, for the scale of perplexity and alignment.
        patience: Steps in a row that a sign must last; alignment, which rests at log K before it
            breaks away, gets ten times as many.
        since: For how many steps in a row each sign has lasted, by name; kept up to date, so that
            a run that is resumed with it remembers.
    """

    def __init__(
        self, num_concepts: int, patience: int = 50, since: dict[str, int] | None = None
    ) -> None:
        self.num_concepts = num_concepts
        self.patience = patience
        self.since = {} if since is None else since

    def check(self, row: Mapping[str, float]) -> list[str]:
        """Look at one step, warn with a `CollapseWarning`, and return the warnings given."""
        messages = []
        for name, (sign, advice, patience) in self._signs(row).items():
            self.since[name] = self.since.get(name, 0) + 1 if sign else 0
            if self.since[name] == patience:
                text = f"step {int(row['step'])}: {advice}"
                warnings.warn(text, CollapseWarning, stacklevel=3)
                messages.append(text)
        return messages

    def _signs(self, row: Mapping[str, float]) -> dict[str, tuple[bool, str, int]]:
        k, patience = self.num_concepts, self.patience
        align = max(row["align_static"], row["align_dynamic"])
        low = min(row["perplexity_static"], row["perplexity_dynamic"])
        top, std = row["top_share"], row["feature_std"]
        return {
            "alignment": (
                align > 0.99 * math.log(k),
                f"alignment has stayed at log K ({align:.3f} of {math.log(k):.3f}) for "
                f"{10 * patience} steps: concepts do not differ between videos. Try a larger batch "
                "or queue, a lower sinkhorn_epsilon, or a lower learning rate",
                10 * patience,
            ),
            "perplexity": (
                low < max(1.5, 0.05 * k),
                f"only about {low:.1f} of {k} concepts are in use. Try a larger batch or queue, "
                "fewer concepts, or a larger sinkhorn_epsilon",
                patience,
            ),
            "one concept": (
                top > 0.95,
                f"one concept is on top in {top:.0%} of the videos. Try a larger batch or queue, "
                "a larger diversity weight, or a lower learning rate",
                patience,
            ),
            "features": (
                std < 0.02,
                f"features hardly differ between videos (normalised deviation {std:.4f}). Try a "
                "lower learning rate, a warm-up, or look whether all videos look the same",
                patience,
            ),
        }


def check_finite(row: Mapping[str, float], describe_batch: Callable[[], str]) -> None:
    """Refuse to go on with losses that are not numbers.

    Args:
        row: A row of the log.
        describe_batch: Names the videos of the step, and where to continue; called only if needed.

    Raises:
        TrainingError: If a logged value is infinite or not a number.
    """
    bad = [name for name in LOGGED if not math.isfinite(row[name])]
    if bad:
        raise TrainingError(
            f"step {int(row['step'])}: {', '.join(bad)} not finite. {describe_batch()} "
            "Try a lower learning rate, a longer warm-up or precision 32-true"
        )


def check_replaced(row: Mapping[str, float], videos: int, allowed: float) -> None:
    """Refuse to go on when too many videos cannot be read.

    Args:
        row: A row of the log, counted over all processes.
        videos: Videos shown in an epoch.
        allowed: The share that may be replaced.

    Raises:
        TrainingError: If the share is larger.
    """
    replaced = int(row["replaced"])
    share = replaced / videos
    if share > allowed:
        raise TrainingError(
            f"step {int(row['step'])}: {replaced} videos of this epoch could not be read and were "
            f"replaced, {share:.1%} of all; at most {allowed:.1%} are allowed (data.max_replaced). "
            "Find them with `sdc data check`"
        )
