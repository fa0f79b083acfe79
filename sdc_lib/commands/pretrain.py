"""``sdc pretrain PRESET``: every field of a preset is a flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.extras import SubcommandApp

from sdc_lib.config import PretrainConfig
from sdc_lib.presets import PRESETS
from sdc_lib.support.settings import Minutes, Range, Steps


@dataclass(frozen=True)
class Pretrain:
    """Pretrain, or continue the run that is in the folder; the same command again resumes."""

    out: Path | None = None
    """Folder of the run: config.json, log.csv, checkpoints/ and, at the end, model.safetensors.
    Only a dry run does without."""
    dry_run: bool = False
    """Only say what the run would cost on this device: parameters, FLOPs, memory, hours."""
    data_dir: Path = Path("data")
    """Where data sets are; MotionFactors is made there if it is missing."""
    max_steps: Steps = None
    """Stop after so many steps; the schedule stays that of the whole run."""
    max_minutes: Minutes = None
    """Stop in an orderly way after so many minutes; the same command goes on later."""
    save_every: Steps = None
    """Steps between checkpoints; once an epoch when None."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What to compute on."""
    devices: str = "1"
    """Processes on this machine, or auto for one a GPU."""
    num_nodes: Annotated[int, Range(1, 4096)] = 1
    """Machines."""
    tensorboard: bool = False
    """Also write TensorBoard event files."""
    quiet: bool = False
    """Show no bar and no line an epoch."""
    config: Annotated[PretrainConfig, tyro.conf.arg(name="")] = field(
        default_factory=PretrainConfig
    )

    def run(self) -> int:
        """Run; status 0 also after a signal, which leaves a run that the same command resumes."""
        if self.dry_run:
            from sdc_lib.training.estimate import estimate

            cost = estimate(
                self.config,
                data_dir=self.data_dir,
                accelerator=self.accelerator,
                devices=self.devices,
                num_nodes=self.num_nodes,
            )
            print(cost)
            return 0
        if self.out is None:
            raise ValueError("--out DIR is missing: the folder that gets the run")
        from sdc_lib.pretraining import pretrain

        pretrain(
            self.config,
            self.out,
            data_dir=self.data_dir,
            max_steps=self.max_steps,
            max_minutes=self.max_minutes,
            save_every=self.save_every,
            accelerator=self.accelerator,
            devices=self.devices,
            num_nodes=self.num_nodes,
            tensorboard=self.tensorboard,
            progress=not self.quiet,
        )
        return 0


def pretrain_app() -> SubcommandApp:
    """One subcommand a preset, whose values are the defaults of the flags."""
    app = SubcommandApp()
    for name, preset in PRESETS.items():
        app.command(name=name, help=_about(preset))(_with_defaults(preset))
    return app


def _about(preset: PretrainConfig) -> str:
    data, optim = preset.data, preset.optim
    size = f" ({data.size})" if data.dataset == "motion-factors" else ""
    frozen = "frozen, with new heads, " if optim.freeze_backbone else ""
    return f"{data.dataset}{size}: backbone {preset.model.backbone}, {frozen}{optim.epochs} epochs"


def _with_defaults(preset: PretrainConfig) -> Callable[..., Pretrain]:
    default = Pretrain(config=preset)

    def command(run: Annotated[Pretrain, tyro.conf.arg(name="")] = default) -> Pretrain:
        return run

    return command
