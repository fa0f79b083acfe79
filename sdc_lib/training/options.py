"""What does not change the result of a run, and what no run can be made of."""

from dataclasses import dataclass

from sdc_lib.config import PretrainConfig, check_config
from sdc_lib.support.settings import Minutes, Steps, check_settings
from sdc_lib.training.log import StepHook, check_tensorboard


@dataclass(frozen=True)
class PretrainOptions:
    """Arguments of `sdc_lib.pretraining.pretrain` that leave the weights alone."""

    max_steps: Steps = None
    """Stop after so many steps; the schedule stays that of the whole run."""
    max_minutes: Minutes = None
    """Stop in an orderly way after so many minutes."""
    save_every: Steps = None
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
        ValueError: If an option is out of range, settings contradict each other, or TensorBoard is
            wanted but not installed.
    """
    check_config(config)
    check_settings(options)
    if options.tensorboard:
        check_tensorboard()
