"""Cross-attention from concepts to places."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from sdc_lib.attention import ConceptAttention
from tests.helpers.outputs import draw


def attention(dim: int = 6, seed: int = 0) -> ConceptAttention:
    torch.manual_seed(seed)
    return ConceptAttention(dim).double()


def without_mlp(module: ConceptAttention) -> ConceptAttention:
    """Make the residual MLP add nothing."""
    torch.nn.init.zeros_(module.mlp[2].weight)  # type: ignore[arg-type]
    torch.nn.init.zeros_(module.mlp[2].bias)  # type: ignore[arg-type]
    return module


def test_attention_by_hand() -> None:
    module = without_mlp(attention(2))
    for projection in (module.project_q, module.project_k, module.project_v):
        projection.weight.data = torch.eye(2, dtype=torch.float64)
    module.norm_inputs.eps = module.norm_templates.eps = 0
    # LayerNorm turns (1, 0) into (1, -1) and (0, 1) into (-1, 1)
    local = torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64).T.reshape(1, 2, 2, 1, 1)
    concepts = torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64)
    descriptors, weights = module(local, concepts)
    # logits q·k / sqrt(2) = ±sqrt(2); softmax over the two concepts
    own = torch.tensor(2 * 2**0.5).double().sigmoid()
    expected = torch.stack([torch.stack([own, 1 - own]), torch.stack([1 - own, own])])
    assert_close(weights.reshape(2, 2), expected, rtol=1e-6, atol=0)
    direction = torch.tensor([[1.0, -1], [-1, 1]], dtype=torch.float64)
    assert_close(descriptors[0], concepts + expected @ direction, rtol=1e-6, atol=0)


def test_without_queries_every_concept_averages_all_places() -> None:
    module = without_mlp(attention())
    torch.nn.init.zeros_(module.project_q.weight)
    local, concepts = draw(2, 6, 2, 1, 3), draw(4, 6, seed=1)
    descriptors, weights = module(local, concepts)
    assert_close(weights, torch.full((2, 4, 2, 1, 3), 1 / 6).double())
    places = module.norm_inputs(local.flatten(2).transpose(1, 2))
    average = module.project_v(places).mean(dim=1)
    assert_close(descriptors, average[:, None] + concepts)


def test_mlp_is_added_to_normalised_descriptors() -> None:
    module, bare = attention(), without_mlp(attention())
    local, concepts = draw(1, 6, 1, 2, 2), draw(3, 6, seed=1)
    before, _ = bare(local, concepts)
    hidden = torch.relu(module.mlp[0](module.norm_mlp(before)))
    assert module.mlp[0].weight.shape == (3, 6)
    assert_close(module(local, concepts)[0], before + module.mlp[2](hidden))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(2, 7), st.integers(0, 2**16))
def test_weights_and_descriptors_follow_places_and_concepts(
    batch: int, n: int, dim: int, seed: int
) -> None:
    module = attention(dim, seed)
    local, concepts = draw(batch, dim, 2, 1, 3, seed=seed), draw(n, dim, seed=seed + 1)
    descriptors, weights = module(local, concepts)
    assert descriptors.shape == (batch, n, dim)
    assert weights.shape == (batch, n, 2, 1, 3)
    assert (weights > 0).all()
    assert_close(weights.sum(dim=(2, 3, 4)), torch.ones(batch, n).double())
    moved, moved_weights = module(local.flip(-1), concepts)  # a bag of places
    assert_close(moved, descriptors)
    assert_close(moved_weights, weights.flip(-1))
    assert_close(module(local, concepts.flip(0))[0], descriptors.flip(1))
    assert_close(module(local[:1], concepts)[0], descriptors[:1])


def test_a_lone_concept_takes_every_place_alike() -> None:
    _, weights = attention()(draw(1, 6, 1, 2, 2), draw(1, 6, seed=1))
    assert_close(weights, torch.full((1, 1, 1, 2, 2), 0.25).double())


def test_gradients_reach_map_concepts_and_all_weights() -> None:
    module = attention()
    local = draw(2, 6, 1, 2, 2).requires_grad_()
    concepts = draw(3, 6, seed=1).requires_grad_()
    module(local, concepts)[0].square().sum().backward()
    for tensor in (local, concepts, *module.parameters()):
        assert tensor.grad is not None
        assert (tensor.grad != 0).any()
    assert all(layer.bias is None for layer in (module.project_q, module.project_k))
    assert module.project_v.bias is None


@pytest.mark.parametrize("collapsed", ["samples", "concepts", "zero map", "zero concepts"])
def test_collapsed_inputs_have_finite_gradients(collapsed: str) -> None:
    local, concepts = draw(3, 6, 1, 2, 2).float(), draw(4, 6, seed=1).float()
    local = local[:1].expand_as(local).clone() if collapsed == "samples" else local
    concepts = concepts[:1].expand_as(concepts).clone() if collapsed == "concepts" else concepts
    local = local * 0 if collapsed == "zero map" else local
    concepts = concepts * 0 if collapsed == "zero concepts" else concepts
    local.requires_grad_()
    concepts.requires_grad_()
    descriptors, weights = attention().float()(local, concepts)
    descriptors.square().sum().backward()
    if collapsed == "concepts":  # nobody wins: each place is shared, each concept looks everywhere
        assert_close(weights, torch.full_like(weights, 0.25))
    for tensor in (local, concepts):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


def test_autocast_keeps_the_softmax_in_float32() -> None:
    module = attention(16).float()
    local, concepts = draw(2, 16, 1, 2, 2).float(), draw(5, 16, seed=1).float()
    descriptors, _ = module(local, concepts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half, weights = module(local, concepts)
    assert weights.dtype == torch.float32
    assert_close(weights.sum(dim=(2, 3, 4)), torch.ones(2, 5), rtol=0, atol=1e-6)
    # products of 16 numbers rounded to 8 bits, through four layers: a few times 2**-8
    assert (half - descriptors).norm() < 8 * 2**-8 * descriptors.norm()


@pytest.mark.parametrize(
    ("local", "concepts"),
    [((6, 1, 2, 2), (3, 6)), ((1, 6, 1, 2, 2), (6,)), ((1, 6, 1, 2, 2), (3, 5))],
)
def test_other_shapes_are_refused(local: tuple[int, ...], concepts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"local must be \(B, D, T, H, W\) and concepts \(N, D\)"):
        attention()(torch.zeros(local).double(), torch.zeros(concepts).double())
