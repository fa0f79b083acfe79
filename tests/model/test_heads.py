"""Heads: which stream uses what, and in which order."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.codebook import ConceptCodebook
from sdc_lib.model import ConceptHeads
from sdc_lib.views import STREAMS

K, DIM = 10, 6


def heads(**options: bool) -> ConceptHeads:
    torch.manual_seed(0)
    return ConceptHeads(DIM, K, 4, **options).double()


def features(batch: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    pooled = torch.randn(batch, 6, DIM, generator=generator, dtype=torch.float64)
    local = torch.randn(batch, 6, DIM, 1, 2, 2, generator=generator, dtype=torch.float64)
    return pooled, local


def test_output_shapes() -> None:
    out = heads()(*features())
    assert out.scores.shape == (3, 6, 2 * K)
    assert out.reconstruction.shape == out.pooled.shape == (3, 6, DIM)
    assert [tuple(p.shape) for p in out.projections] == [(3, 2, 4)] * 5
    assert out.descriptors is not None
    assert [tuple(d.shape) for d in out.descriptors] == [
        (3, 2, 2 * K, DIM),
        (3, 2, K, DIM),
        (3, 2, K, DIM),
    ]


def test_scores_are_cosines_one_view_a_call() -> None:
    module, (pooled, local) = heads(), features()
    scores = module(pooled, local).scores
    assert scores.abs().max() <= 1
    for view, stream in enumerate(("video", "video", "static", "static", "dynamic", "dynamic")):
        u = F.normalize(module.concept_projections[stream](pooled[:, view]), dim=-1)
        codebook = module.get_parameter(f"codebooks.{stream}.weight")
        assert_close(scores[:, view], u @ codebook.T)


def test_batch_norm_counts_two_updates_a_stream_view_one_first() -> None:
    module, (pooled, local) = heads(), features()
    module(pooled, local)
    for number, stream in enumerate(STREAMS):
        projection = module.concept_projections[stream]
        norm = projection[1]  # type: ignore[index]
        assert norm.num_batches_tracked == 2
        mean = torch.zeros(DIM, dtype=torch.float64)
        for view in (2 * number, 2 * number + 1):
            hidden = projection[0](pooled[:, view])  # type: ignore[index]
            mean = 0.9 * mean + 0.1 * hidden.mean(dim=0)
        assert_close(norm.running_mean, mean)
        assert module.decoders[stream][1].num_batches_tracked == 1  # type: ignore[index]


def test_decoders_see_both_views_of_their_own_scores() -> None:
    module, (pooled, local) = heads(), features()
    out = module(pooled, local)
    seen = {
        "video": out.scores[:, 0:2],
        "static": out.scores[:, 2:4, :K],
        "dynamic": out.scores[:, 4:6, K:],
    }
    for number, (stream, scores) in enumerate(seen.items()):
        rebuilt = module.decoders[stream](torch.cat([scores[:, 0], scores[:, 1]]))
        assert_close(out.reconstruction[:, 2 * number], rebuilt[:3])
        assert_close(out.reconstruction[:, 2 * number + 1], rebuilt[3:])


def test_streams_attend_with_their_own_concepts() -> None:
    module, (pooled, local) = heads(), features()
    out = module(pooled, local)
    assert out.descriptors is not None
    halves = {"video": slice(None), "static": slice(K), "dynamic": slice(K, None)}
    for number, (stream, half) in enumerate(halves.items()):
        rows = module.get_parameter(f"codebooks.{stream}.weight")[half]
        assert_close(module.concepts(stream), rows)  # type: ignore[arg-type]
        for j in (0, 1):
            expected, _ = module.attention(local[:, 2 * number + j], rows)
            assert_close(out.descriptors[number][:, j], expected)


def test_without_attending_there_are_no_descriptors() -> None:
    module, (pooled, local) = heads(), features()
    out = module.eval()(pooled, local, attend=False)
    assert out.descriptors is None
    assert_close(out.scores, module(pooled, local).scores)


def test_gradients_reach_the_codebooks_through_attention_alone() -> None:
    module, (pooled, local) = heads(), features()
    out = module(pooled, local)
    assert out.descriptors is not None
    torch.stack([d.square().sum() for d in out.descriptors]).sum().backward()
    used = {"video": range(2 * K), "static": range(K), "dynamic": range(K, 2 * K)}
    for stream, rows in used.items():
        gradient = module.get_parameter(f"codebooks.{stream}.weight").grad
        assert gradient is not None
        assert (gradient.abs().sum(dim=1) > 0).nonzero().flatten().tolist() == list(rows)


def test_normalising_reaches_all_codebooks() -> None:
    module = heads()
    for parameter in module.codebooks.parameters():
        parameter.data.mul_(3)
    module.normalize_codebooks_()
    for parameter in module.codebooks.parameters():
        assert_close(parameter.data.norm(dim=1), torch.ones(2 * K).double())


def test_shared_codebooks_are_one() -> None:
    shared, separate = heads(shared_codebooks=True), heads()
    assert len({id(shared.codebooks[s]) for s in STREAMS}) == 1
    assert len({id(separate.codebooks[s]) for s in STREAMS}) == 3
    count = sum(isinstance(m, ConceptCodebook) for m in shared.modules())
    assert count == 1
    assert len(list(shared.codebooks.parameters())) == 1


def test_split_projection_scores_each_half_of_the_video_by_its_own() -> None:
    split, (pooled, local) = heads(split_video_projection=True), features()
    scores = split(pooled, local).scores[:, 0]
    codes = split.get_parameter("codebooks.video.weight")
    for name, half in (("video", slice(0, K)), ("video_dynamic", slice(K, 2 * K))):
        u = F.normalize(split.concept_projections[name](pooled[:, 0]), dim=-1)
        assert_close(scores[:, half], u @ codes[half].T)


@pytest.mark.parametrize("collapsed", ["samples", "concepts", "zero"])
def test_collapsed_inputs_have_finite_outputs_and_gradients(collapsed: str) -> None:
    module, (pooled, local) = heads().float(), features()
    pooled, local = pooled.float(), local.float()
    if collapsed == "samples":
        pooled, local = pooled[:1].expand_as(pooled).clone(), local[:1].expand_as(local).clone()
    if collapsed == "zero":
        pooled, local = torch.zeros_like(pooled), torch.zeros_like(local)
    if collapsed == "concepts":
        for parameter in module.codebooks.parameters():
            parameter.data.copy_(parameter.data[:1].expand_as(parameter))
    pooled.requires_grad_()
    out = module(pooled, local)
    assert out.descriptors is not None
    parts = [out.scores, out.reconstruction, *out.projections, *out.descriptors]
    torch.stack([part.square().mean() for part in parts]).sum().backward()
    assert all(part.isfinite().all() for part in parts)
    assert pooled.grad is not None
    assert pooled.grad.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def test_scores_are_float32_cosines_under_autocast() -> None:
    module, (pooled, local) = heads().float(), features(8)
    pooled, local = pooled.float(), local.float()
    exact = module(pooled, local)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = module(pooled, local)
    assert half.scores.dtype == torch.float32
    assert half.scores.abs().max() <= 1 + 1e-6
    # two linear layers and a BatchNorm in 8 bits turn a unit vector by a few 2**-8; the worst
    # of 8 * 6 vectors is allowed 16 times that
    assert_close(half.scores, exact.scores, rtol=0, atol=16 * 2**-8)


def test_other_shapes_are_refused() -> None:
    module, (pooled, local) = heads(), features()
    for wrong in (
        (pooled[:, :5], local),
        (pooled[0], local),
        (pooled, local[:, :5]),
        (pooled, None),
    ):
        with pytest.raises(ValueError, match=r"pooled must be \(B, 6, D\) and local"):
            module(*wrong)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module(*features(1))  # BatchNorm has nothing to standardise with one sample
    module.eval()(*features(1))
