"""What does not change the result of a run, and what no run can be made of."""

from dataclasses import dataclass

from sdc_lib.config import PretrainConfig
from sdc_lib.training.log import StepHook


@dataclass(frozen=True)
class PretrainOptions:
    """Arguments of `sdc_lib.pretraining.pretrain` that leave the weights alone."""

    max_steps: int | None = None
    """Stop after so many steps; the schedule stays that of the whole run."""
    max_minutes: float | None = None
    """Stop in an orderly way after so many minutes."""
    save_every: int | None = None
    """Steps between checkpoints; None for one an epoch."""
    tensorboard: bool = False
    """Also write TensorBoard event files."""
    progress: bool = True
    """Show a bar and a line an epoch."""
    on_step: StepHook | None = None
    """Called with every row of the log, on the first process."""


def check_run(config: PretrainConfig, options: PretrainOptions) -> None:
    """Refuse what no run can be made of, before anything is written.

    Raises:
        ValueError: If an option is out of range or settings contradict each other.
    """
    for name in ("max_steps", "save_every"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    if options.max_minutes is not None and not options.max_minutes > 0:
        raise ValueError(f"max_minutes is {options.max_minutes}; it must be more than 0")
    if config.optim.stored_passes and not config.optim.freeze_backbone:
        raise ValueError(
            "stored features go stale when the backbone learns: set optim.freeze_backbone, or "
            "optim.stored_passes to 0"
        )
