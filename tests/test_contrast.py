"""InfoNCE and the five projections."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.contrast import DecouplingProjections, info_nce


def rows(batch: int, dim: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, dim, generator=generator, dtype=torch.float64)


def test_orthogonal_pairs_by_hand() -> None:
    pairs = torch.eye(4, dtype=torch.float64)
    loss = info_nce(pairs, 3 * pairs)
    assert_close(loss.item(), math.log(1 + 3 * math.exp(-1 / 0.07)))
    # temperature 0.5: cosines 1 and 0 become 2 and 0
    assert_close(info_nce(pairs, pairs, 0.5).item(), math.log(1 + 3 * math.exp(-2)))


def test_wrong_pairs_by_hand() -> None:
    query = torch.eye(2, dtype=torch.float64)
    loss = info_nce(query, query.flip(0), temperature=1.0)
    assert_close(loss.item(), math.log(1 + math.e))  # the positive has cosine 0, the negative 1


def test_nothing_to_tell_apart_costs_log_b() -> None:
    same = torch.ones(5, 3, dtype=torch.float64)
    assert_close(info_nce(same, same).item(), math.log(5))


def test_a_single_pair_costs_nothing() -> None:
    assert info_nce(rows(1, 4), rows(1, 4, seed=1)).item() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 2**16), st.floats(0.1, 10))
def test_invariances(batch: int, dim: int, seed: int, scale: float) -> None:
    query, key = rows(batch, dim, seed), rows(batch, dim, seed + 1)
    loss = info_nce(query, key)
    assert loss >= 0
    assert_close(info_nce(scale * query, key / scale), loss)  # only directions count
    order = torch.randperm(batch, generator=torch.Generator().manual_seed(seed))
    assert_close(info_nce(query[order], key[order]), loss)
    rotation = torch.linalg.qr(rows(dim, dim, seed + 2)).Q
    assert_close(info_nce(query @ rotation, key @ rotation), loss)


def test_leading_indices_are_contrasts_of_their_own() -> None:
    query, key = rows(12, 4).view(3, 4, 4), rows(12, 4, seed=1).view(3, 4, 4)
    each = [info_nce(q, k) for q, k in zip(query, key, strict=True)]
    assert_close(info_nce(query, key), torch.stack(each))


def test_gradient_reaches_the_query_only() -> None:
    query, key = rows(3, 4).requires_grad_(), rows(3, 4, seed=1).requires_grad_()
    info_nce(query, key).backward()
    assert key.grad is None
    assert query.grad is not None
    assert (query.grad != 0).all()
    # moving along the gradient changes a direction only, never a length
    assert_close((query.grad * query).sum(dim=-1), torch.zeros(3).double(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("collapsed", ["all equal", "zero"])
def test_collapsed_features_have_finite_gradients(collapsed: str) -> None:
    query = torch.zeros(4, 3) if collapsed == "zero" else torch.ones(4, 3)
    query.requires_grad_()
    loss = info_nce(query, query)
    loss.backward()
    assert_close(loss.item(), math.log(4), atol=1e-6, rtol=0)
    assert query.grad is not None
    assert query.grad.isfinite().all()


def test_half_precision_is_promoted_and_autocast_off() -> None:
    query, key = rows(8, 16).float(), rows(8, 16, seed=1).float()
    exact = info_nce(query, key)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(info_nce(query, key), exact, rtol=0, atol=0)
        half = info_nce(query.bfloat16(), key.bfloat16())
    assert half.dtype == torch.float32
    # inputs rounded to 8 bits: cosines move by under 2**-8, logits by that over 0.07
    assert_close(half, exact, rtol=0, atol=2**-8 / 0.07)


@pytest.mark.parametrize(
    ("query", "key"),
    [((4,), (4,)), ((3, 4), (2, 4)), ((3, 4), (3, 5)), ((2, 3, 4), (3, 4))],
)
def test_wrong_shapes(query: tuple[int, ...], key: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must both be \(\.\.\., B, P\), got"):
        info_nce(torch.zeros(query), torch.zeros(key))


def test_temperature_must_be_positive() -> None:
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        info_nce(rows(2, 2), rows(2, 2), temperature=0)


def test_each_projection_sees_its_own_stream() -> None:
    torch.manual_seed(0)
    project = DecouplingProjections(6, 3).double()
    pooled = torch.randn(2, 6, 6, dtype=torch.float64, requires_grad=True)
    out = project(pooled)
    reads = {
        "video": (0, 1),
        "video_static": (0, 1),
        "video_dynamic": (0, 1),
        "static": (2, 3),
        "dynamic": (4, 5),
    }
    for name, projected in out._asdict().items():
        assert projected.shape == (2, 2, 3)
        (gradient,) = torch.autograd.grad(projected.square().sum(), pooled, retain_graph=True)
        seen = tuple(gradient.abs().sum(dim=(0, 2)).nonzero().flatten().tolist())
        assert seen == reads[name]
        views = getattr(project, name)(pooled[:, list(reads[name])])
        assert_close(projected, views)


def test_projections_are_linear_relu_linear() -> None:
    project = DecouplingProjections(5, 2)
    kinds = [type(layer).__name__ for layer in project.video_static]
    assert kinds == ["Linear", "ReLU", "Linear"]
    assert [tuple(p.shape) for p in project.video_static.parameters()] == [
        (5, 5),
        (5,),
        (2, 5),
        (2,),
    ]
