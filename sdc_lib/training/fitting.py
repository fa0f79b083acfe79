"""Make a configuration fit the device it will run on: precision, then memory.

What is held in memory is counted from shapes (`sdc_lib.training.counting.count`). A batch that does
not fit is halved, and as many batches more are accumulated: a step sees as many videos as before
(or a few more, of a batch that halves to an odd number), but each video has fewer negatives in its
batch, which is said.
"""

import math
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from sdc_lib.config import PretrainConfig
from sdc_lib.support.devices import multiplies_bf16
from sdc_lib.training.counting import count, memory

HEADROOM = 0.85
"""Share of the free memory that what we count may take; the rest is for what we do not count."""
FEW_NEGATIVES = 32
"""Batches below this are pointed out: contrast has few videos to tell apart."""


class Fitted(NamedTuple):
    """What `fit_to_device` returns."""

    config: PretrainConfig
    """The configuration that fits."""
    notes: tuple[str, ...]
    """What was changed and what that means, a line each; empty if nothing was."""


def fit_to_device(
    config: PretrainConfig,
    device: str,
    *,
    free: float | None = None,
    bf16: bool | None = None,
) -> Fitted:
    """Change what the device cannot do, and nothing else.

    Args:
        config: Of the run that is wanted.
        device: Where it will run, ``"cuda"`` for example.
        free: Bytes of its memory that are free; asked of a CUDA device, not limited elsewhere.
        bf16: Whether it multiplies bfloat16 in hardware; asked of the device when None.

    Returns:
        See `Fitted`.

    Raises:
        ValueError: If not even two videos fit.
    """
    notes = []
    if device.startswith("cuda"):
        free = float(torch.cuda.mem_get_info(device)[0]) if free is None else free
    bf16 = multiplies_bf16(device) if bf16 is None else bf16
    if config.optim.precision == "bf16-mixed" and not bf16:
        config = replace(config, optim=replace(config.optim, precision="32-true"))
        notes.append(f"{device} has no bfloat16 in hardware: float32, which takes twice the memory")
    if free is None:
        return Fitted(config, tuple(notes))
    counted, optim = count(config), config.optim
    needs = partial(memory, counted, optim.precision, device=device.split(":")[0])
    batch = optim.batch_size
    while batch > 2 and needs(batch) > HEADROOM * free:
        batch = max(2, batch // 2)
    needed = needs(batch)
    if needed > HEADROOM * free:
        raise ValueError(
            f"even {batch} videos take about {needed / 1e9:.1f} GB of the {free / 1e9:.1f} GB that "
            f"are free on {device}: choose smaller clips (data.num_frames, data.augment.size)"
        )
    if batch < optim.batch_size:
        accumulate = math.ceil(optim.batch_size * optim.accumulate / batch)
        config = replace(config, optim=replace(optim, batch_size=batch, accumulate=accumulate))
        notes.append(
            f"{optim.batch_size} videos do not fit the {free / 1e9:.1f} GB that are free: "
            f"{accumulate} batches of {batch} a step"
        )
        if batch < FEW_NEGATIVES:
            notes.append(
                f"a video is told apart from {batch - 1} others only: this is not the experiment "
                "that was published"
            )
    return Fitted(config, tuple(notes))
