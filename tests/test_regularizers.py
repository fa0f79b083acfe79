"""Diversity, fidelity and decorrelation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from sdc_lib.regularizers import FidelityDecoder, decorrelation, diversity, fidelity
from tests.helpers.outputs import draw


def test_flat_distributions_reach_minus_log_k() -> None:
    assert_close(diversity(torch.full((3, 2, 8), 0.3)).item(), -math.log(8))


def test_diversity_by_hand() -> None:
    # logits 0 and log 3: probabilities 1/4 and 3/4
    scores = torch.tensor([0.0, 0.1 * math.log(3)], dtype=torch.float64).view(1, 1, 2)
    assert_close(diversity(scores).item(), 0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    # a second view that is flat: the mean of both
    views = torch.cat([scores, torch.zeros_like(scores)], dim=1)
    assert_close(diversity(views), (diversity(scores) - math.log(2)) / 2)


def test_one_certain_concept_costs_nothing() -> None:
    scores = torch.tensor([1e6, 0.0, 0.0]).view(1, 1, 3)
    assert diversity(scores).item() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 2**16), st.floats(-3, 3))
def test_diversity_bounds_and_invariances(
    batch: int, concepts: int, seed: int, shift: float
) -> None:
    scores = draw(batch, 2, concepts, seed=seed)
    loss = diversity(scores)
    assert -math.log(concepts) - 1e-12 <= loss <= 1e-12
    assert_close(diversity(scores + shift), loss, rtol=1e-9, atol=1e-12)
    assert_close(diversity(scores.flip(-1)), loss, rtol=1e-9, atol=1e-12)
    assert diversity(scores, temperature=1.0) <= loss + 1e-12  # hotter is flatter


def test_descent_on_diversity_flattens() -> None:
    scores = draw(4, 2, 6).requires_grad_()
    before = diversity(scores)
    before.backward()
    assert scores.grad is not None
    assert diversity(scores - 0.01 * scores.grad) < before


@pytest.mark.parametrize("value", [0.0, 1.0, 1e5])
def test_diversity_of_collapsed_scores_has_no_gradient(value: float) -> None:
    scores = torch.full((3, 2, 4), value, requires_grad=True)
    diversity(scores).backward()
    assert scores.grad is not None
    assert_close(scores.grad, torch.zeros(3, 2, 4), atol=1e-6, rtol=0)


def test_diversity_refuses_other_shapes_and_temperatures() -> None:
    with pytest.raises(ValueError, match=r"must be \(\.\.\., B, V, K\), got \(3, 4\)"):
        diversity(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        diversity(torch.zeros(3, 2, 4), temperature=0)


def test_fidelity_by_hand() -> None:
    features = torch.tensor([[3.0, 4], [0, 2]])
    assert_close(fidelity(2 * features, features).item(), -1.0)
    assert_close(fidelity(-features, features).item(), 1.0)
    rebuilt = torch.tensor([[4.0, 3], [5, 0]])  # cosines 24/25 and 0
    assert_close(fidelity(rebuilt, features).item(), -12 / 25)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**16), st.floats(0.1, 10))
def test_fidelity_bounds_and_invariances(batch: int, dim: int, seed: int, scale: float) -> None:
    rebuilt, features = draw(batch, 2, dim, seed=seed), draw(batch, 2, dim, seed=seed + 1)
    loss = fidelity(rebuilt, features)
    assert -1 - 1e-12 <= loss <= 1 + 1e-12
    assert_close(fidelity(scale * rebuilt, features / scale), loss)
    assert_close(fidelity(rebuilt.flatten(0, 1), features.flatten(0, 1)), loss)


def test_true_features_are_constants() -> None:
    rebuilt, features = draw(3, 4).requires_grad_(), draw(3, 4, seed=1).requires_grad_()
    fidelity(rebuilt, features).backward()
    assert features.grad is None
    assert rebuilt.grad is not None
    assert (rebuilt.grad != 0).any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_fidelity_of_collapsed_features_has_finite_gradients(value: float) -> None:
    rebuilt = torch.full((3, 4), value, requires_grad=True)
    loss = fidelity(rebuilt, torch.full((3, 4), value))
    loss.backward()
    assert_close(loss.item(), -value)
    assert rebuilt.grad is not None
    assert rebuilt.grad.isfinite().all()


def test_fidelity_refuses_different_shapes() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(3, 4\) and \(3, 5\)"):
        fidelity(torch.zeros(3, 4), torch.zeros(3, 5))


def test_decoder_is_linear_norm_relu_linear() -> None:
    decoder = FidelityDecoder(num_scores=6, dim=4)
    kinds = [type(layer).__name__ for layer in decoder]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert decoder(torch.randn(3, 6)).shape == (3, 4)


def test_decorrelation_by_hand() -> None:
    column = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64)
    independent = torch.tensor([[1.0], [1], [-1], [-1]], dtype=torch.float64)
    assert_close(decorrelation(column, -3 * column + 5).item(), 1.0)
    assert_close(decorrelation(column, independent).item(), 0.0)
    both = torch.cat([column, independent], dim=1)
    assert_close(decorrelation(column, both).item(), 0.5)
    assert_close(decorrelation(both, column + independent).item(), 0.5)  # correlations sqrt(1/2)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**16))
def test_decorrelation_bounds_and_invariances(rows: int, k: int, m: int, seed: int) -> None:
    a, b = draw(rows, k, seed=seed), draw(rows, m, seed=seed + 1)
    loss = decorrelation(a, b)
    assert 0 <= loss <= 1
    assert_close(decorrelation(b, a), loss)
    assert_close(decorrelation(-a + 7, b), loss, rtol=1e-6, atol=1e-9)
    assert_close(decorrelation(a.flip(0), b.flip(0)), loss)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_columns_correlate_with_nothing(value: float) -> None:
    a = torch.full((4, 3), value, requires_grad=True)
    loss = decorrelation(a, draw(4, 2).float())
    loss.backward()
    assert loss.item() == 0
    assert a.grad is not None
    assert a.grad.isfinite().all()


@pytest.mark.parametrize(
    ("a", "b"), [((1, 3), (1, 3)), ((4, 3), (5, 3)), ((4,), (4, 3)), ((4, 3), (4, 3, 1))]
)
def test_decorrelation_refuses_other_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="with B >= 2, got"):
        decorrelation(torch.zeros(a), torch.zeros(b))


def test_leading_indices_have_a_loss_each() -> None:
    a, b = draw(3, 5, 2, 4), draw(3, 5, 2, 4, seed=1)
    each = [diversity(scores) for scores in a]
    assert_close(diversity(a), torch.stack(each))
    each = [decorrelation(x[:, 0], y[:, 1]) for x, y in zip(a, b, strict=True)]
    assert_close(decorrelation(a[:, :, 0], b[:, :, 1]), torch.stack(each))


def test_fidelity_averages_over_the_dimensions_asked_for() -> None:
    rebuilt, true = draw(3, 5, 2, 4), draw(3, 5, 2, 4, seed=1)
    each = [fidelity(x, y) for x, y in zip(rebuilt.unbind(1), true.unbind(1), strict=True)]
    assert_close(fidelity(rebuilt, true, dim=(0, 2)), torch.stack(each))
    assert_close(fidelity(rebuilt, true), torch.stack(each).mean())


def test_all_three_run_in_float32_under_autocast() -> None:
    scores, other = draw(6, 2, 8).float(), draw(6, 2, 8, seed=1).float()
    exact = (
        diversity(scores),
        fidelity(scores, other),
        decorrelation(scores[:, 0], other[:, 0]),
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = (
            diversity(scores),
            fidelity(scores, other),
            decorrelation(scores[:, 0], other[:, 0]),
        )
        half = diversity(scores.bfloat16()), fidelity(scores.bfloat16(), other.bfloat16())
    assert_close(inside, exact, rtol=0, atol=0)
    assert half[0].dtype == half[1].dtype == torch.float32
    # scores up to 3 rounded to 8 bits move logits p / 0.1 by up to 2**-7 / 0.1, the mean by less
    assert_close(half[0], exact[0], rtol=0, atol=2**-7 / 0.1)
    assert_close(half[1], exact[1], rtol=0, atol=2**-7)  # a cosine of vectors rounded to 8 bits
