"""The concept filter and the contrast of local descriptors."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from sdc_lib.attention import (
    active_costs,
    concept_costs,
    cosines_between_views,
    local_contrast,
    mean_over_active,
    select_concepts,
)
from tests.helpers.outputs import draw
from tests.helpers.tensor_modes import NoHostSync, largest_tensor


def test_nine_of_the_ten_strongest_pass() -> None:
    scores = torch.arange(20.0).flip(0).view(1, 20)
    assert select_concepts(scores, scores).nonzero()[:, 1].tolist() == list(range(9))
    inclusive = select_concepts(scores, scores, inclusive=True)
    assert inclusive.nonzero()[:, 1].tolist() == list(range(10))


def test_only_what_both_views_find_strong_passes() -> None:
    a, b = torch.tensor([[4.0, 3, 2, 1]]), torch.tensor([[1.0, 3, 4, 2]])
    # strictly above the third largest: {0, 1} and {1, 2}
    assert select_concepts(a, b, top_k=3).tolist() == [[False, True, False, False]]
    assert select_concepts(a, b, 3, inclusive=True).tolist() == [[False, True, True, False]]
    assert not select_concepts(a, -a, top_k=2).any()


def test_ties_with_the_threshold_fall() -> None:
    tied = torch.tensor([[2.0, 1, 1, 1, 0]])
    assert select_concepts(tied, tied, top_k=2).tolist() == [[True, False, False, False, False]]
    assert select_concepts(tied, tied, top_k=2, inclusive=True).sum() == 4
    equal = torch.zeros(3, 12)
    assert not select_concepts(equal, equal).any()
    assert select_concepts(equal, equal, inclusive=True).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(10, 14), st.integers(2, 10), st.integers(0, 2**16))
def test_filter_invariants(batch: int, n: int, top_k: int, seed: int) -> None:
    a, b = draw(batch, n, seed=seed), draw(batch, n, seed=seed + 1)
    mask = select_concepts(a, b, top_k)
    assert mask.dtype == torch.bool
    assert (mask.sum(dim=1) <= top_k - 1).all()
    assert torch.equal(mask, select_concepts(b, a, top_k))
    assert torch.equal(mask, select_concepts(3 * a - 1, b.exp(), top_k))  # only ranks count
    assert (mask <= select_concepts(a, b, top_k, inclusive=True)).all()
    assert torch.equal(select_concepts(a, a, top_k).sum(dim=1), torch.full((batch,), top_k - 1))


def test_filter_refuses_too_few_concepts_and_other_shapes() -> None:
    with pytest.raises(ValueError, match="between 2 and the 9 concepts, got 10"):
        select_concepts(draw(2, 9), draw(2, 9))
    with pytest.raises(ValueError, match="between 1 and the 9 concepts, got 0"):
        select_concepts(draw(2, 9), draw(2, 9), top_k=0, inclusive=True)
    with pytest.raises(ValueError, match=r"must be \(B, N\), got \(2, 9\) and \(3, 9\)"):
        select_concepts(draw(2, 9), draw(3, 9))
    with pytest.raises(ValueError, match=r"must be \(B, N\), got \(9,\) and \(9,\)"):
        select_concepts(draw(9), draw(9))


def test_a_filter_that_nothing_can_pass_is_refused() -> None:
    scores = draw(2, 9)
    with pytest.raises(ValueError, match="between 2 and the 9 concepts, got 1"):
        select_concepts(scores, scores, top_k=1)
    strongest = select_concepts(scores, scores, top_k=1, inclusive=True)
    assert torch.equal(strongest.int().argmax(1), scores.argmax(1))
    assert strongest.sum(dim=1).tolist() == [1, 1]


def test_weights_instead_of_a_mask_and_margins_below_zero_are_refused() -> None:
    descriptors, mask = torch.randn(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="the mask must be boolean"):
        local_contrast(descriptors, descriptors, 0.5 * mask)
    with pytest.raises(ValueError, match="the margin must be above 0"):
        local_contrast(descriptors, descriptors, mask, margin=-1.0)


def test_local_contrast_by_hand() -> None:
    # Two samples, one concept. Own view identical: δ² = 1e-5. The other sample at 60 degrees:
    # cos = 1/2, δ = sqrt(1 + 1e-5), so it pays (1.4 - δ)².
    a = torch.tensor([[[1.0, 0]], [[0.5, math.sqrt(0.75)]]], dtype=torch.float64)
    mask = torch.ones(2, 1, dtype=torch.bool)
    one = 1e-5 + (1.4 - math.sqrt(1 + 1e-5)) ** 2
    assert_close(local_contrast(a, 5 * a, mask).item(), 2 * 2 * one / (2 * 2 + 1))
    # only sample 0 is active: as a query it still meets sample 1's descriptor
    mask[1] = False
    assert_close(local_contrast(a, a, mask).item(), 2 * one / (2 * 1 + 1))


def test_cosines_are_those_with_the_other_view_of_every_sample() -> None:
    views = draw(3, 2, 5, 4)
    cosines = cosines_between_views(views)
    assert cosines.shape == (2, 5, 3, 3)
    for v, b, c in itertools.product(range(2), range(3), range(3)):
        expected = F.cosine_similarity(views[b, v], views[c, 1 - v], dim=-1)
        assert_close(cosines[v, :, b, c], expected)


def test_concepts_of_two_streams_can_stand_side_by_side() -> None:
    streams = [draw(4, 2, n, 6, seed=n) for n in (3, 5)]
    masks = [draw(4, n, seed=n) > 0 for n in (3, 5)]
    costs = concept_costs(torch.cat([cosines_between_views(s) for s in streams], dim=1))
    own = costs.split([3, 5], dim=1)
    for views, mask, cost in zip(streams, masks, own, strict=True):
        expected = local_contrast(views[:, 0], views[:, 1], mask)
        assert_close(mean_over_active(cost, mask), expected)


@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_active_concepts_one_by_one_cost_and_learn_the_same(batch: int, share: float) -> None:
    views = draw(batch, 2, 6, 5)
    mask = torch.rand(batch, 6, generator=torch.Generator().manual_seed(1)) < share
    results = []
    for one_by_one in (False, True):
        leaf = views.clone().requires_grad_()
        if one_by_one:
            costs = active_costs(leaf, mask)
            assert (costs[~mask] == 0).all()
        else:
            costs = concept_costs(cosines_between_views(leaf)) * mask
        mean_over_active(costs, mask).backward()
        results.append((costs.detach(), leaf.grad))
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_negatives_are_averaged_over_the_other_samples() -> None:
    # three samples, all alike: each meets two negatives at δ = sqrt(1e-5)
    same = torch.ones(3, 1, 2, dtype=torch.float64)
    near = math.sqrt(1e-5)
    expected = 2 * 3 * (near**2 + (1.4 - near) ** 2) / (2 * 3 + 1)
    loss = local_contrast(same, same, torch.ones(3, 1, dtype=torch.bool))
    assert_close(loss.item(), expected, rtol=1e-9, atol=0)


def test_orthogonal_samples_cost_nothing_at_the_released_margin() -> None:
    a = torch.eye(3, dtype=torch.float64).unsqueeze(1)  # δ = sqrt(2 + 1e-5) > 1.4
    mask = torch.ones(3, 1, dtype=torch.bool)
    assert_close(local_contrast(a, a, mask).item(), 6 * 1e-5 / 7)
    wider = 6 * (1e-5 + (2 - math.sqrt(2 + 1e-5)) ** 2) / 7
    assert_close(local_contrast(a, a, mask, margin=2.0).item(), wider)


def test_a_single_sample_has_no_negatives() -> None:
    a = draw(1, 4, 3)
    mask = torch.tensor([[True, True, False, False]])
    loss = local_contrast(a, a, mask)
    assert_close(loss.item(), 4 * 1e-5 / 5, rtol=1e-6, atol=0)


def test_nothing_active_costs_nothing() -> None:
    a = draw(3, 4, 5).requires_grad_()
    loss = local_contrast(a, draw(3, 4, 5, seed=1), torch.zeros(3, 4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert a.grad is not None
    assert (a.grad == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(2, 5), st.integers(0, 2**16))
def test_local_contrast_invariances(batch: int, n: int, dim: int, seed: int) -> None:
    a, b = draw(batch, n, dim, seed=seed), draw(batch, n, dim, seed=seed + 1)
    mask = draw(batch, n, seed=seed + 2) > 0
    loss = local_contrast(a, b, mask)
    assert loss >= 0
    assert_close(local_contrast(b, a, mask), loss)  # both directions
    assert_close(local_contrast(3 * a, 0.5 * b, mask), loss)
    assert_close(local_contrast(a.flip(0), b.flip(0), mask.flip(0)), loss)
    assert_close(local_contrast(a.flip(1), b.flip(1), mask.flip(1)), loss)
    inactive = ~mask.any(dim=0)  # a concept that nobody kept
    assert_close(local_contrast(a + inactive[:, None], b, mask), loss)


def test_keys_take_no_gradient() -> None:
    # sample 1 is never a query: it is seen only as a key of sample 0
    a, b = draw(2, 3, 4).requires_grad_(), draw(2, 3, 4, seed=1).requires_grad_()
    mask = torch.tensor([[True, True, False], [False, False, False]])
    local_contrast(a, b, mask, margin=3.0).backward()  # every pair costs something
    for tensor in (a, b):
        assert tensor.grad is not None
        assert (tensor.grad[1] == 0).all()
        assert (tensor.grad[0, 2] == 0).all()
        assert (tensor.grad[0, :2] != 0).all()


@pytest.mark.parametrize("collapsed", ["samples", "concepts", "zero"])
def test_collapsed_descriptors_have_finite_gradients(collapsed: str) -> None:
    a = draw(4, 3, 5).float()
    a = a[:1].expand_as(a).clone() if collapsed == "samples" else a
    a = a[:, :1].expand_as(a).clone() if collapsed == "concepts" else a
    a = (a * 0 if collapsed == "zero" else a).requires_grad_()
    loss = local_contrast(a, a.detach(), torch.ones(4, 3, dtype=torch.bool))
    loss.backward()
    assert loss.isfinite()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_half_precision_is_promoted_and_autocast_off() -> None:
    a, b, mask = draw(4, 3, 8).float(), draw(4, 3, 8, seed=1).float(), draw(4, 3) > 0
    exact = local_contrast(a, b, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(local_contrast(a, b, mask), exact, rtol=0, atol=0)
        half = local_contrast(a.bfloat16(), b.bfloat16(), mask)
    assert half.dtype == torch.float32
    # cosines move by under 2**-7 when both sides are rounded to 8 bits, δ² by twice that
    assert_close(half, exact, rtol=0, atol=2 * 2 * 2**-7)


def test_cosines_above_one_do_not_end_in_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch.einsum
    monkeypatch.setattr(torch, "einsum", lambda *args: exact(*args) + 1e-3)  # as TF32 may round
    a = draw(3, 2, 4).requires_grad_()
    local_contrast(a, a.detach(), torch.ones(3, 2, dtype=torch.bool)).backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_no_tensor_holds_every_pair_of_samples_with_its_features() -> None:
    batch, n, dim = 8, 5, 64
    a, b = draw(batch, n, dim).requires_grad_(), draw(batch, n, dim, seed=1).requires_grad_()
    with largest_tensor() as seen, NoHostSync():
        local_contrast(a, b, torch.ones(batch, n, dtype=torch.bool)).backward()
    assert seen.elements == 2 * max(batch * n * dim, batch * batch * n)  # not batch² n dim


def test_active_concepts_one_by_one_need_no_table_of_all_samples() -> None:
    batch, n, dim = 64, 16, 4
    mask = F.one_hot(torch.arange(batch) % n, n).bool()  # each concept in four samples
    views = draw(batch, 2, n, dim).requires_grad_()
    with largest_tensor() as seen:
        mean_over_active(active_costs(views, mask), mask).backward()
    assert seen.elements == 2 * batch * n * dim < 2 * batch * batch * n / 8


def test_local_contrast_refuses_other_shapes() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"must be \(B, N, D\), got \(2, 3, 4\) and \(2, 3, 5\)"):
        local_contrast(draw(2, 3, 4), draw(2, 3, 5), mask)
    with pytest.raises(ValueError, match=r"must be \(B, N, D\), got \(2, 3\) and \(2, 3\)"):
        local_contrast(draw(2, 3), draw(2, 3), mask)
    with pytest.raises(ValueError, match=r"mask must be \(2, 4\), got \(2, 3\)"):
        local_contrast(draw(2, 4, 5), draw(2, 4, 5), mask)
