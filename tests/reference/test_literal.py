"""Our objective against one written out with loops, on random shapes: values and gradients."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdc_lib.model import ConceptHeads
from sdc_lib.objective import LossTerms, SDCObjective
from sdc_lib.weights import load_released_weights
from tests.helpers.released_weights import random_released_weights
from tests.reference.literal import literal_objective
from tests.reference.literal_heads import literal_heads

TOLERANCE = 1e-9
CODEBOOKS = {"prototype": "video", "prototype_s": "static", "prototype_d": "dynamic"}


class Case:
    """Random weights, features, maps and queue of one shape."""

    def __init__(
        self, batch: int, concepts: int, dim: int, grid: tuple[int, int, int], queue: int, seed: int
    ) -> None:
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.weights = random_released_weights(dim, concepts, 3, seed)
        self.features = draw(batch, 6, dim)
        self.maps = draw(batch, 6, dim, *grid)
        self.queue = draw(queue, 6, 2 * concepts).tanh() if queue else None

    def literal(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Terms and the gradients of their total, from the loops."""
        leaves = {"features": self.features.clone(), "maps": self.maps.clone()}
        leaves |= {f"{name}.weight": self.weights[f"{name}.weight"].clone() for name in CODEBOOKS}
        for leaf in leaves.values():
            leaf.requires_grad_()
        inputs = literal_heads({**self.weights, **leaves}, leaves["features"], leaves["maps"])
        terms = literal_objective(inputs, self.queue)
        terms["total"].backward()
        return terms, {name: _gradient(leaf) for name, leaf in leaves.items()}

    def ours(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Terms and the gradients of their total, from `sdc_lib`."""
        dim, concepts = self.features.shape[2], len(self.weights["prototype.weight"]) // 2
        heads = ConceptHeads(dim, concepts, 3).double()
        load_released_weights(heads, self.weights)
        leaves: dict[str, Tensor] = {
            "features": self.features.clone().requires_grad_(),
            "maps": self.maps.clone().requires_grad_(),
        }
        named = SDCObjective()(heads(leaves["features"], leaves["maps"]), self.queue)
        named.total().backward()
        for released, name in CODEBOOKS.items():
            leaves[f"{released}.weight"] = heads.get_parameter(f"codebooks.{name}.weight")
        terms = named._asdict() | {"total": named.total()}
        return terms, {name: _gradient(leaf) for name, leaf in leaves.items()}


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference over the largest entry; absolute where all entries are zero."""
    scale = theirs.abs().max().item() or 1.0
    return float((ours - theirs).abs().max() / scale)


def relative_errors(case: Case) -> dict[str, float]:
    """Relative error of every term, the total and every gradient."""
    literal_terms, literal_gradients = case.literal()
    our_terms, our_gradients = case.ours()
    assert set(our_terms) == set(literal_terms) == {*LossTerms._fields, "total"}
    errors = {
        k: relative_error(our_terms[k].detach(), v.detach()) for k, v in literal_terms.items()
    }
    return errors | {
        f"gradient of {k}": relative_error(our_gradients[k], v)
        for k, v in literal_gradients.items()
    }


small = st.integers(1, 2)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    batch=st.integers(2, 4),
    concepts=st.integers(10, 12),
    dim=st.integers(2, 7),
    grid=st.tuples(small, small, small),
    queue=st.sampled_from([0, 1, 5]),
    seed=st.integers(0, 2**16),
)
def test_every_term_and_gradient_equals_the_loops(
    batch: int, concepts: int, dim: int, grid: tuple[int, int, int], queue: int, seed: int
) -> None:
    errors = relative_errors(Case(batch, concepts, dim, grid, queue, seed))
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "concepts", "dim", "grid", "queue"),
    [(6, 20, 16, (2, 2, 2), 0), (5, 25, 12, (1, 3, 2), 30), (2, 10, 32, (2, 1, 1), 3)],
)
def test_larger_shapes_equal_the_loops(
    batch: int, concepts: int, dim: int, grid: tuple[int, int, int], queue: int
) -> None:
    errors = relative_errors(Case(batch, concepts, dim, grid, queue, seed=batch))
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}


def test_the_loops_notice_a_difference() -> None:
    case = Case(2, 10, 4, (1, 1, 2), 0, seed=3)
    before, _ = case.literal()
    case.features[0, 0, 0] += 1e-6
    after, _ = case.literal()
    assert relative_error(after["total"].detach(), before["total"].detach()) > TOLERANCE
