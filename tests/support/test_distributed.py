"""A batch spread over ranks gives the loss and the gradients of the whole batch on one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.attention import local_contrast
from sdc_lib.codebook import alignment
from sdc_lib.config import ObjectiveConfig
from sdc_lib.contrast import Projections, info_nce
from sdc_lib.model import Descriptors, HeadsOutput
from sdc_lib.objective import SDCObjective
from sdc_lib.support.distributed import (
    gather_rows,
    gather_rows_with_grad,
    rank,
    sum_over_ranks,
    world_size,
)
from tests.helpers.outputs import draw
from tests.helpers.ranks import make_ranks

BATCH, K, DIM = 6, 10, 4


def output(seed: int = 0) -> HeadsOutput:
    """Random heads' output with every tensor a leaf."""
    shapes = [(BATCH, 2, DIM)] * 5
    descriptors = [(BATCH, 2, 2 * K, DIM), (BATCH, 2, K, DIM), (BATCH, 2, K, DIM)]
    out = HeadsOutput(
        pooled=draw(BATCH, 6, DIM, seed=seed),
        projections=Projections(*(draw(*s, seed=seed + i) for i, s in enumerate(shapes))),
        scores=draw(BATCH, 6, 2 * K, seed=seed).tanh(),
        reconstruction=draw(BATCH, 6, DIM, seed=seed + 9),
        descriptors=Descriptors(*(draw(*s, seed=seed + i) for i, s in enumerate(descriptors))),
    )
    for tensor in leaves(out):
        tensor.requires_grad_()
    return out


def leaves(out: HeadsOutput) -> list[Tensor]:
    assert out.descriptors is not None
    return [out.pooled, *out.projections, out.scores, out.reconstruction, *out.descriptors]


def part(out: HeadsOutput, number: int, size: int) -> HeadsOutput:
    """The share of one rank."""

    def cut(tensor: Tensor) -> Tensor:
        return tensor.chunk(size)[number]

    assert out.descriptors is not None
    return HeadsOutput(
        cut(out.pooled),
        Projections(*map(cut, out.projections)),
        cut(out.scores),
        cut(out.reconstruction),
        Descriptors(*map(cut, out.descriptors)),
    )


def gradients(loss: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(loss, tensors, materialize_grads=True))


def _local(o: HeadsOutput) -> Tensor:
    assert o.descriptors is not None
    view_1, view_2 = o.descriptors.video.unbind(1)
    return local_contrast(view_1, view_2, o.scores[:, 0].detach() > 0, across_ranks=True)


Loss = Callable[[HeadsOutput], Tensor]
EVERYWHERE = ObjectiveConfig(global_batch=True, global_local_contrast=True)
QUEUE = draw(7, 6, 2 * K, seed=50).tanh()
SINGLE: dict[str, Loss] = {
    "info_nce": lambda o: info_nce(
        o.projections.video[:, 0], o.projections.static[:, 1], across_ranks=True
    ),
    "alignment": lambda o: alignment(o.scores[:, :4], across_ranks=True),
    "alignment with a queue": lambda o: alignment(o.scores[:, :4], QUEUE[:, :4], across_ranks=True),
    "local_contrast": lambda o: _local(o),
    "objective": lambda o: SDCObjective(EVERYWHERE)(o, QUEUE).total(),
    "decorrelation": lambda o: SDCObjective(EVERYWHERE).decorrelation(o),
}


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize("name", list(SINGLE))
def test_ranks_together_equal_one_process(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = output()
    alone = SINGLE[name](whole)
    expected = gradients(alone, leaves(whole))
    losses = make_ranks(monkeypatch, size).run(lambda r: SINGLE[name](part(whole, r, size)))
    mean = torch.stack(losses).mean()  # as averaging gradients over processes does
    assert_close(mean, alone, rtol=1e-12, atol=0)
    for ours, theirs in zip(gradients(mean, leaves(whole)), expected, strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-14)


def test_without_the_global_batch_each_rank_is_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, objective = output(), SDCObjective(ObjectiveConfig(global_batch=False))
    terms = make_ranks(monkeypatch, 2).run(lambda r: objective(part(whole, r, 2)))
    for number in (0, 1):
        assert_close(terms[number], objective(part(whole, number, 2)))


def test_local_contrast_stays_on_its_rank_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, objective = output(), SDCObjective()
    ranks = make_ranks(monkeypatch, 2)
    local = ranks.run(lambda r: objective(part(whole, r, 2)).local_video)
    for number in (0, 1):
        assert_close(local[number], objective(part(whole, number, 2)).local_video)
    everywhere = ranks.run(lambda r: SDCObjective(EVERYWHERE)(part(whole, r, 2)).local_video)
    assert not torch.allclose(torch.stack(everywhere).mean(), torch.stack(local).mean())


def test_alone_nothing_is_exchanged() -> None:
    assert world_size() == 1
    assert rank() == 0
    rows = draw(2, 3).requires_grad_()
    assert_close(gather_rows(rows), rows.detach())
    assert not gather_rows(rows).requires_grad
    assert gather_rows_with_grad(rows) is rows
    assert sum_over_ranks(torch.tensor(3.0)) == 3
