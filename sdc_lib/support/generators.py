"""Torch's own random generators, seeded for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed the processor's generator and that of one device, and put their states back afterwards.

    ``torch.manual_seed`` would reset the generators of all GPUs as well, for good.

    Args:
        seed: Of both, below 2^63.
        device: Where random numbers are drawn, too; only what is named is touched.
    """
    where = torch.device(device)
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if where.type == "cuda":
            with torch.cuda.device(where):
                torch.cuda.manual_seed(seed)
        if where.type != "mps":
            yield
            return
        state = torch.mps.get_rng_state()
        torch.mps.manual_seed(seed)
        try:
            yield
        finally:
            torch.mps.set_rng_state(state)
