"""Codebook, Sinkhorn and alignment."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.codebook import ConceptCodebook, alignment, perplexity, sinkhorn
from tests.helpers.outputs import draw


def test_codebook_has_unit_rows_in_two_halves() -> None:
    torch.manual_seed(0)
    codebook = ConceptCodebook(dim=5, num_concepts=3)
    assert codebook.weight.shape == (6, 5)
    assert_close(codebook.weight.norm(dim=1), torch.ones(6))
    assert_close(codebook.static, codebook.weight[:3])
    assert_close(codebook.dynamic, codebook.weight[3:])


def test_codebook_scores_are_cosines_with_the_static_half_first() -> None:
    codebook = ConceptCodebook(2, 1).double()
    codebook.weight.data = torch.tensor([[1.0, 0], [0.6, 0.8]], dtype=torch.float64)
    u = torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64)
    assert_close(codebook(u), torch.tensor([[1, 0.6], [0, 0.8]], dtype=torch.float64))
    assert_close(codebook(u.expand(4, 2, 2))[3], codebook(u))


def test_codebook_uses_rows_as_they_are_until_normalised() -> None:
    codebook = ConceptCodebook(2, 1)
    codebook.weight.data = torch.tensor([[3.0, 4], [0, 2]])
    assert codebook(torch.tensor([0.0, 1])).tolist() == [4, 2]
    parameter = codebook.weight
    codebook.normalize_()
    assert codebook.weight is parameter  # in place: the optimiser keeps its parameter
    assert parameter.grad_fn is None
    assert_close(parameter.data, torch.tensor([[0.6, 0.8], [0, 1]]))


def test_scores_stay_float32_under_autocast() -> None:
    codebook = ConceptCodebook(16, 10)
    u = torch.nn.functional.normalize(draw(4, 16).float(), dim=-1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = codebook(u)
        assert codebook(u.bfloat16()).dtype == torch.float32
    assert_close(scores, codebook(u), rtol=0, atol=0)


@pytest.mark.parametrize(("dim", "num_concepts"), [(0, 3), (4, 0)])
def test_codebook_refuses_no_concepts(dim: int, num_concepts: int) -> None:
    with pytest.raises(ValueError, match=rf">= 1, got {dim} and {num_concepts}"):
        ConceptCodebook(dim, num_concepts)


def plain_sinkhorn(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """The textbook version, which overflows on large scores."""
    q = ((scores - scores.max()) / epsilon).exp().T
    for _ in range(iterations):
        q = q / q.sum(dim=1, keepdim=True) / q.shape[0]
        q = q / q.sum(dim=0, keepdim=True) / q.shape[1]
    return (q / q.sum(dim=0)).T


def test_sinkhorn_by_hand() -> None:
    # exp(scores / ε) = [[1, 1], [2, 4]]: columns sum to 3 and 5, then rows to 8/15 and 22/15
    scores = 0.05 * torch.tensor([[1.0, 1], [2, 4]], dtype=torch.float64).log()
    expected = torch.tensor([[5 / 8, 3 / 8], [10 / 22, 12 / 22]], dtype=torch.float64)
    assert_close(sinkhorn(scores, iterations=1), expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**16))
def test_sinkhorn_equals_the_plain_version(
    samples: int, concepts: int, iterations: int, seed: int
) -> None:
    scores = draw(samples, concepts, seed=seed).tanh()
    ours = sinkhorn(scores, 0.05, iterations)
    assert_close(ours, plain_sinkhorn(scores, 0.05, iterations), rtol=1e-9, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**16), st.floats(-5, 5))
def test_sinkhorn_invariances(samples: int, concepts: int, seed: int, shift: float) -> None:
    scores = draw(samples, concepts, seed=seed)
    q = sinkhorn(scores)
    assert_close(sinkhorn(scores + shift), q, rtol=1e-9, atol=1e-12)
    # a concept that everybody likes more gets no more: columns are scaled first
    favoured = scores + shift * draw(1, concepts, seed=seed + 1)
    assert_close(sinkhorn(favoured), q, rtol=1e-9, atol=1e-12)
    rows = torch.randperm(samples, generator=torch.Generator().manual_seed(seed))
    columns = torch.randperm(concepts, generator=torch.Generator().manual_seed(seed))
    assert_close(sinkhorn(scores[rows][:, columns]), q[rows][:, columns])


def test_sinkhorn_ends_in_an_equal_partition() -> None:
    q = sinkhorn(draw(12, 4), epsilon=1.0, iterations=50)
    assert_close(q.sum(dim=0), torch.full((4,), 3.0).double())
    assert_close(q.sum(dim=1), torch.ones(12).double())


def test_smaller_epsilon_is_harder() -> None:
    scores = draw(8, 8).tanh()
    soft, hard = sinkhorn(scores, 0.5).max(dim=1).values, sinkhorn(scores, 0.005).max(dim=1).values
    assert (hard > soft).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "scores",
    [
        draw(6, 5) * 1e4,
        torch.zeros(6, 5),
        torch.ones(6, 5) * 1e4,
        draw(1, 5),
        draw(1, 5) * 1e4,
        draw(3, 50),
        draw(3, 50) * 1e4,
        draw(6, 1),
    ],
    ids=["large", "zero", "equal", "one row", "one large row", "N < K", "N < K large", "K = 1"],
)
def test_sinkhorn_is_finite_and_rows_sum_to_one(scores: Tensor, dtype: torch.dtype) -> None:
    q = sinkhorn(scores.to(dtype))
    assert q.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert q.isfinite().all()
    assert (q >= 0).all()
    # float32 keeps 24 bits; a softmax over at most 50 columns loses few of them
    assert_close(q.sum(dim=1), torch.ones(len(q)).to(q), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sinkhorn_survives_the_largest_floats(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    scores = torch.tensor([[largest, -largest, 0], [0, largest, 1], [1, 2, 3]], dtype=dtype)
    q = sinkhorn(scores)
    assert q.isfinite().all()
    assert_close(q.sum(dim=1), torch.ones(3, dtype=dtype))
    assert q[0].argmax() == 0


def test_equal_scores_are_shared_equally() -> None:
    assert_close(sinkhorn(torch.ones(3, 4)), torch.full((3, 4), 0.25))
    # one sample must serve all concepts alike, whatever it prefers
    assert_close(sinkhorn(draw(1, 4)), torch.full((1, 4), 0.25).double())


def test_sinkhorn_treats_leading_dimensions_one_by_one() -> None:
    scores = draw(2, 3, 5, 4)
    q = sinkhorn(scores)
    assert_close(q[1, 2], sinkhorn(scores[1, 2]))


def test_sinkhorn_has_no_gradient() -> None:
    assert not sinkhorn(draw(3, 4).requires_grad_()).requires_grad


@pytest.mark.parametrize("shape", [(4,), (0, 3), (3, 0)])
def test_sinkhorn_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(\.\.\., N, K\) and not empty, got"):
        sinkhorn(torch.zeros(shape))


def test_sinkhorn_refuses_other_settings() -> None:
    with pytest.raises(ValueError, match="got 0 and 3"):
        sinkhorn(draw(2, 2), epsilon=0)
    with pytest.raises(ValueError, match=r"got 0\.05 and 0"):
        sinkhorn(draw(2, 2), iterations=0)


def test_sinkhorn_runs_in_float32_under_autocast() -> None:
    scores = draw(6, 5).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = sinkhorn(scores)
    assert_close(inside, sinkhorn(scores), rtol=0, atol=0)


def test_uniform_predictions_cost_log_k() -> None:
    assert_close(alignment(torch.zeros(3, 4, 7)).item(), math.log(7), atol=1e-6, rtol=0)


def test_alignment_by_hand() -> None:
    # two views that agree, two samples, two concepts, scores ±0.1: logits ±1 for predictions
    view = torch.tensor([[0.1, -0.1], [-0.1, 0.1]], dtype=torch.float64)
    right = math.exp(4) / (1 + math.exp(4))  # Sinkhorn leaves the symmetric softmax(±2) alone
    log_right, log_wrong = -math.log1p(math.exp(-2)), -math.log1p(math.exp(2))
    agree = -(right * log_right + (1 - right) * log_wrong)
    assert_close(alignment(torch.stack([view, view], dim=1)).item(), agree)
    disagree = -(right * log_wrong + (1 - right) * log_right)
    assert_close(alignment(torch.stack([view, -view], dim=1)).item(), disagree)


def test_a_view_is_not_predicted_from_itself() -> None:
    scores = draw(4, 3, 6).tanh()
    queue = draw(2, 3, 6, seed=1).tanh()
    targets = [sinkhorn(torch.cat([scores[:, i], queue[:, i]]))[:4] for i in range(3)]
    logs = (scores / 0.1).log_softmax(dim=-1)
    pairs = [
        -(targets[i] * logs[:, k]).sum(dim=-1).mean() for i in range(3) for k in range(3) if k != i
    ]
    assert_close(alignment(scores, queue), torch.stack(pairs).mean())


def test_queue_changes_targets_but_takes_no_loss() -> None:
    scores = draw(4, 2, 6).tanh()
    without = alignment(scores)
    copies = alignment(scores, scores.repeat(3, 1, 1))
    assert_close(copies, without)  # the same samples again change no share
    skewed = draw(50, 2, 6, seed=2).tanh()
    assert abs(alignment(scores, skewed) - without) > 1e-3
    assert_close(alignment(scores, skewed.float()), alignment(scores, skewed), rtol=1e-5, atol=0)


def test_leading_indices_are_groups_of_their_own() -> None:
    scores, queue = draw(2, 4, 3, 6).tanh(), draw(2, 5, 3, 6, seed=1).tanh()
    for rows in (None, queue):
        each = [alignment(scores[i], None if rows is None else rows[i]) for i in (0, 1)]
        assert_close(alignment(scores, rows), torch.stack(each))


def test_alignment_settings_have_an_effect() -> None:
    scores = draw(5, 2, 6).tanh()
    released = alignment(scores)
    assert alignment(scores, temperature=0.2) < released  # softer predictions, smaller errors
    assert alignment(scores, epsilon=0.5) != released
    assert alignment(scores, iterations=10) != released


def test_groups_may_have_temperatures_of_their_own() -> None:
    scores, queue = draw(2, 4, 3, 6).tanh(), draw(2, 5, 3, 6, seed=1).tanh()
    each = [alignment(scores[i], queue[i], temperature=t) for i, t in enumerate((0.2, 0.3))]
    assert_close(alignment(scores, queue, temperature=(0.2, 0.3)), torch.stack(each))
    assert_close(alignment(scores, queue, (0.2, 0.2)), alignment(scores, queue, 0.2))
    with pytest.raises(ValueError, match=r"one number, or one for each group, got \(0.2,\)"):
        alignment(scores, queue, (0.2,))
    with pytest.raises(ValueError, match=r"must be positive, got \(0.2, 0.0\)"):
        alignment(scores, queue, (0.2, 0.0))


def test_targets_take_no_gradient() -> None:
    # the gradient of -Σ q log softmax(p/τ) with constant q is (softmax - q) / τ per prediction
    scores = (draw(3, 2, 4).tanh()).requires_grad_()
    alignment(scores).backward()
    predicted = (scores.detach() / 0.1).softmax(dim=-1)
    targets = torch.stack([sinkhorn(scores.detach()[:, i]) for i in (1, 0)], dim=1)
    assert scores.grad is not None
    assert_close(scores.grad, (predicted - targets) / 0.1 / 3 / 2)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e4])
def test_collapsed_scores_have_finite_gradients(value: float) -> None:
    scores = torch.full((3, 4, 5), value, requires_grad=True)
    loss = alignment(scores, torch.full((2, 4, 5), value))
    loss.backward()
    assert_close(loss.item(), math.log(5), atol=1e-6, rtol=0)
    assert scores.grad is not None
    assert scores.grad.abs().max() < 1e-6  # all concepts alike: nowhere to go


def test_alignment_in_half_precision_under_autocast() -> None:
    scores = draw(6, 4, 8).tanh().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside, half = alignment(scores), alignment(scores.bfloat16())
    assert_close(inside, alignment(scores), rtol=0, atol=0)
    # scores within 1 rounded to 8 bits: logits p / τ and p / ε move by under 2**-9 / 0.05
    assert_close(half, alignment(scores), rtol=0, atol=2 * 2**-9 / 0.05)


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 4), (2, 3, 1, 5)])
def test_alignment_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., B, V, K\) with V >= 2, got"):
        alignment(torch.zeros(shape))


def test_alignment_refuses_another_queue_and_temperature() -> None:
    with pytest.raises(ValueError, match=r"queue must be \(Q, 2, 4\), got \(5, 2, 3\)"):
        alignment(torch.zeros(3, 2, 4), torch.zeros(5, 2, 3))
    with pytest.raises(ValueError, match=r"queue must be \(7, Q, 2, 4\), got \(5, 2, 4\)"):
        alignment(torch.zeros(7, 3, 2, 4), torch.zeros(5, 2, 4))
    with pytest.raises(ValueError, match="temperature must be positive, got -1"):
        alignment(torch.zeros(3, 2, 4), temperature=-1)


def test_perplexity_counts_the_concepts_of_a_distribution() -> None:
    even = torch.tensor([0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0])
    assert_close(perplexity(torch.stack([even, torch.eye(8)[2]])), torch.tensor([4.0, 1.0]))
    p = draw(5, 7).softmax(dim=-1)
    assert_close(perplexity(p), (-(p * p.log()).sum(dim=-1)).exp())
