"""Outputs of the heads made of random or constant numbers, for tests of the objective."""

import torch
from torch import Tensor

from sdc_lib.contrast import Projections
from sdc_lib.model import Descriptors, HeadsOutput

BATCH, K, DIM = 5, 12, 4


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def random_output(dtype: torch.dtype = torch.float64) -> HeadsOutput:
    return HeadsOutput(
        pooled=draw(BATCH, 6, DIM).to(dtype),
        projections=Projections(*(draw(BATCH, 2, DIM, seed=i).to(dtype) for i in range(1, 6))),
        scores=draw(BATCH, 6, 2 * K, seed=6).tanh().to(dtype),
        reconstruction=draw(BATCH, 6, DIM, seed=7).to(dtype),
        descriptors=Descriptors(
            draw(BATCH, 2, 2 * K, DIM, seed=8).to(dtype),
            draw(BATCH, 2, K, DIM, seed=9).to(dtype),
            draw(BATCH, 2, K, DIM, seed=10).to(dtype),
        ),
    )


def constant_output(value: float, batch: int = BATCH) -> HeadsOutput:
    def leaf(*shape: int) -> Tensor:
        return torch.full(shape, value, requires_grad=True)

    return HeadsOutput(
        leaf(batch, 6, DIM),
        Projections(*(leaf(batch, 2, DIM) for _ in range(5))),
        leaf(batch, 6, 2 * K),
        leaf(batch, 6, DIM),
        Descriptors(leaf(batch, 2, 2 * K, DIM), leaf(batch, 2, K, DIM), leaf(batch, 2, K, DIM)),
    )


def leaves(output: HeadsOutput) -> list[Tensor]:
    assert output.descriptors is not None
    own = [output.pooled, output.scores, output.reconstruction]
    return [*own, *output.projections, *output.descriptors]
