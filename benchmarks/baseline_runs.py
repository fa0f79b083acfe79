"""How the networks of `benchmarks.baselines` come about, those that pretrain above all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import nn

from sdc_lib.config import LossWeights, PretrainConfig
from sdc_lib.pretraining import pretrain
from sdc_lib.support.devices import pick_device
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.weights import load


class Made(NamedTuple):
    """A network to be measured."""

    network: nn.Module
    earlier: float = 0.0
    """Seconds that earlier calls spent on making it."""
    device: str = "cpu"
    """Where it was trained."""


def at_once(make: Callable[[int], nn.Module], seed: int) -> Made:
    """A network that is made in one call, and not kept."""
    return Made(make(seed))


def contrast_alone(config: PretrainConfig) -> PretrainConfig:
    """The preset without anything that concerns concepts."""
    weights = replace(config.weights, align=0.0, diversity=0.0, fidelity=0.0, local=0.0)
    return replace(config, name="contrast alone", weights=weights)


def alignment_of_the_video_alone(config: PretrainConfig) -> PretrainConfig:
    """The preset with swapped prediction between the video's two clips and nothing else."""
    return replace(
        config,
        name="alignment of the video alone (as SwAV)",
        objective=replace(config.objective, align_video_alone=True),
        weights=LossWeights(contrast=0.0, diversity=0.0, fidelity=0.0, local=0.0),
    )


PRETRAINED: Mapping[str, Callable[[PretrainConfig], PretrainConfig]] = {
    "contrast": contrast_alone,
    "swav": alignment_of_the_video_alone,
}
"""Baselines that pretrain: key -> what they change in the preset."""


def pretrained(config: PretrainConfig, folder: Path, data_dir: Path, seed: int) -> Made:
    """Pretrain in a folder, or continue or load what is there."""
    started, device = time.perf_counter(), pick_device("auto")
    out = folder / f"seed-{seed}"
    result = pretrain(replace(config, seed=seed), out, data_dir=data_dir, accelerator=device)
    if result.weights is None:
        raise SystemExit("interrupted; the same command continues")
    trained = RunFolder(result.folder).facts()["seconds"]
    earlier = max(0.0, trained - (time.perf_counter() - started))
    return Made(load(result.weights), earlier, device)
