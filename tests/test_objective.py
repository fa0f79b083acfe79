"""Thirteen terms, each from its own part of the output, and their sum."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.attention import local_contrast, select_concepts
from sdc_lib.codebook import alignment
from sdc_lib.config import LossWeights, ObjectiveConfig
from sdc_lib.contrast import info_nce
from sdc_lib.model import ConceptHeads
from sdc_lib.objective import LARGE_TABLE, LossTerms, SDCObjective
from sdc_lib.regularizers import decorrelation, diversity, fidelity
from tests.helpers.launches import Launches
from tests.helpers.outputs import BATCH, DIM, K, constant_output, draw, leaves, random_output
from tests.helpers.tensor_modes import NoHostSync

S, D = slice(0, K), slice(K, 2 * K)


def test_contrast_terms() -> None:
    output = random_output()
    terms = SDCObjective()(output)
    v, vs, vd, s, d = (p.unbind(1) for p in output.projections)

    def crossed(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
        pairs = [(a[0], b[1]), (a[1], b[0]), (b[0], a[1]), (b[1], a[0])]
        return torch.stack([info_nce(q, k) for q, k in pairs]).sum() / 2

    assert_close(terms.contrast_video, (info_nce(v[0], v[1]) + info_nce(v[1], v[0])) / 2)
    assert_close(terms.contrast_static, crossed(vs, s))
    assert_close(terms.contrast_dynamic, crossed(vd, d))


def test_align_terms_use_their_half_and_their_views() -> None:
    output, queue = random_output(), draw(4, 6, 2 * K, seed=20).tanh()
    p = output.scores
    for rows in (None, queue):
        terms = SDCObjective()(output, rows)
        for ours, views, half in (
            (terms.align_static, [0, 1, 2, 3], S),
            (terms.align_dynamic, [0, 1, 4, 5], D),
        ):
            own = None if rows is None else rows[:, views][:, :, half]
            assert_close(ours, alignment(p[:, views][:, :, half], own))


def test_diversity_terms_look_at_the_other_half() -> None:
    output = random_output()
    terms = SDCObjective()(output)
    assert_close(terms.diversity_static, diversity(output.scores[:, 4:6, S]))
    assert_close(terms.diversity_dynamic, diversity(output.scores[:, 2:4, D]))


def test_fidelity_terms() -> None:
    output = random_output()
    terms = SDCObjective()(output)
    for first, stream in ((0, "video"), (2, "static"), (4, "dynamic")):
        views = slice(first, first + 2)
        expected = fidelity(output.reconstruction[:, views], output.pooled[:, views])
        assert_close(getattr(terms, f"fidelity_{stream}"), expected)


@pytest.mark.parametrize("table", [2**24, 0])
def test_local_terms_filter_by_the_concepts_of_the_stream(
    table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LARGE_TABLE, "cpu", table)
    output = random_output()
    assert output.descriptors is not None
    terms, p = SDCObjective()(output), output.scores
    pairs = {
        "video": (p[:, 0], p[:, 1]),
        "static": (p[:, 2, S], p[:, 3, S]),
        "dynamic": (p[:, 4, D], p[:, 5, D]),
    }
    for (stream, scores), descriptors in zip(pairs.items(), output.descriptors, strict=True):
        mask = select_concepts(*scores)
        expected = local_contrast(descriptors[:, 0], descriptors[:, 1], mask)
        assert expected > 0
        assert_close(getattr(terms, f"local_{stream}"), expected)


def test_total_by_hand() -> None:
    terms = LossTerms(*(torch.tensor(float(2**i)) for i in range(13)))
    contrast, align, local = 1 + 2 + 4, 8 + 16, 1024 + 2048 + 4096
    diversity_sum, fidelity_sum = 32 + 64, 128 + 256 + 512
    expected = contrast + align + 0.1 * diversity_sum + fidelity_sum + local
    assert_close(terms.total().item(), expected)
    weighted = terms.total(LossWeights(contrast=2, align=3, diversity=5, fidelity=7, local=11))
    expected = 2 * contrast + 3 * align + 5 * diversity_sum + 7 * fidelity_sum + 11 * local
    assert_close(weighted.item(), float(expected))


def test_a_term_without_weight_gives_no_gradient_and_all_others_the_same() -> None:
    values = [torch.tensor(float(2**i), requires_grad=True) for i in range(13)]
    total = LossTerms(*values).total(LossWeights(contrast=0.5, fidelity=0, local=0))
    assert_close(total.item(), 0.5 * 7 + 24 + 0.1 * 96)
    total.backward()
    assert [v.grad if v.grad is None else round(v.grad.item(), 6) for v in values] == (
        [0.5] * 3 + [1.0] * 2 + [0.1] * 2 + [None] * 6
    )
    nothing = LossTerms(*values).total({})
    assert nothing.item() == 0
    assert not nothing.requires_grad


CHANGED: list[tuple[dict[str, object], set[str]]] = [
    ({"contrast_temperature": 0.5}, {"contrast_video", "contrast_static", "contrast_dynamic"}),
    ({"alignment_temperature": 0.5}, {"align_static", "align_dynamic"}),
    ({"dynamic_alignment_temperature": 0.5}, {"align_dynamic"}),
    ({"align_video_alone": True}, {"align_static", "align_dynamic"}),
    ({"sinkhorn_epsilon": 0.5}, {"align_static", "align_dynamic"}),
    ({"sinkhorn_iterations": 9}, {"align_static", "align_dynamic"}),
    ({"diversity_temperature": 0.5}, {"diversity_static", "diversity_dynamic"}),
    ({"filter_top_k": 4}, {"local_video", "local_static", "local_dynamic"}),
    ({"filter_inclusive": True}, {"local_video", "local_static", "local_dynamic"}),
    ({"local_margin": 0.7}, {"local_video", "local_static", "local_dynamic"}),
]


@pytest.mark.parametrize(("change", "affected"), CHANGED, ids=[str(c) for c, _ in CHANGED])
def test_each_setting_changes_its_terms_only(change: dict[str, object], affected: set[str]) -> None:
    output = random_output()
    before = SDCObjective()(output)._asdict()
    config = replace(ObjectiveConfig(), **change)  # type: ignore[arg-type]
    after = SDCObjective(config)(output)._asdict()
    assert {name for name in before if before[name] != after[name]} == affected


def test_alignment_of_the_video_alone_is_that_of_its_two_clips() -> None:
    output, queue = random_output(), draw(5, 6, 2 * K, seed=11)
    terms = SDCObjective(ObjectiveConfig(align_video_alone=True))(output, queue)
    assert_close(terms.align_static, alignment(output.scores[:, :2, S], queue[:, :2, S]))
    assert_close(terms.align_dynamic, alignment(output.scores[:, :2, D], queue[:, :2, D]))


def test_local_terms_can_wait() -> None:
    output = random_output()
    without = SDCObjective()(output._replace(descriptors=None), local=False)
    assert [name for name, term in without._asdict().items() if term == 0] == [
        "local_video",
        "local_static",
        "local_dynamic",
    ]
    assert_close(without[:10], SDCObjective()(output)[:10])
    with pytest.raises(ValueError, match="attend=True, or the objective with local=False"):
        SDCObjective()(output._replace(descriptors=None))


def test_other_scores_and_queues_are_refused() -> None:
    output = random_output()
    with pytest.raises(ValueError, match=r"scores must be \(rows, 6, 2K\), got \(5, 5, 24\)"):
        SDCObjective()(output._replace(scores=output.scores[:, :5]))
    with pytest.raises(ValueError, match=r"scores must be \(rows, 6, 2K\), got \(5, 6, 23\)"):
        SDCObjective()(output._replace(scores=output.scores[..., 1:]))
    with pytest.raises(ValueError, match=r"queue must be \(rows, 6, 2K\), got \(4, 24\)"):
        SDCObjective()(output, torch.zeros(4, 2 * K))
    with pytest.raises(
        ValueError, match=r"queue must be \(rows, 6, 24\) like the scores, got \(4, 6, 20\)"
    ):
        SDCObjective()(output, torch.zeros(4, 6, 20))


def test_fewer_concepts_than_the_filter_ranks_are_refused() -> None:
    heads = ConceptHeads(DIM, 9, 3)
    output = heads(torch.randn(3, 6, DIM), torch.randn(3, 6, DIM, 1, 1, 1))
    with pytest.raises(ValueError, match="between 2 and the 9 concepts, got 10"):
        SDCObjective()(output)
    few = SDCObjective(ObjectiveConfig(filter_top_k=9))(output)
    assert few.total().isfinite()


def test_without_the_filter_every_concept_is_contrasted() -> None:
    output = random_output()
    assert output.descriptors is not None
    terms = SDCObjective(ObjectiveConfig(filter_top_k=0))(output)
    everything = torch.ones(BATCH, 2 * K, dtype=torch.bool)
    view_1, view_2 = output.descriptors.video.unbind(1)
    expected = local_contrast(view_1, view_2, everything)
    assert_close(terms.local_video, expected)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_collapsed_outputs_have_finite_terms_and_gradients(value: float) -> None:
    output = constant_output(value)
    terms = SDCObjective()(output, torch.full((3, 6, 2 * K), value))
    terms.total().backward()
    assert torch.stack(list(terms)).isfinite().all()
    assert terms.local_video == 0  # all scores tie: no concept is active
    for leaf in leaves(output):
        assert leaf.grad is None or leaf.grad.isfinite().all()


def test_one_sample_has_no_negatives() -> None:
    output = constant_output(1.0, batch=1)
    terms = SDCObjective()(output)
    assert terms.contrast_video == terms.contrast_static == terms.contrast_dynamic == 0
    assert torch.stack(list(terms)).isfinite().all()


def test_constants_take_no_gradient() -> None:
    output = random_output()
    for leaf in leaves(output):
        leaf.requires_grad_()
    SDCObjective()(output).total().backward()
    assert output.pooled.grad is None  # fidelity's target
    assert all(leaf.grad is not None for leaf in leaves(output) if leaf is not output.pooled)


def test_float32_is_within_rounding_of_float64() -> None:
    exact, ours = SDCObjective()(random_output()), SDCObjective()(random_output(torch.float32))
    # float32 rounds to 6e-8; exponents p / ε up to 20 and δ near sqrt(1e-5) enlarge that a
    # hundredfold at most
    for term, reference in zip(ours, exact, strict=True):
        assert term.dtype == torch.float32
        assert_close(term.double(), reference, rtol=1e-5, atol=1e-6)


def test_autocast_changes_nothing_in_the_losses() -> None:
    output, queue = random_output(torch.float32), draw(3, 6, 2 * K).tanh().float()
    exact = SDCObjective()(output, queue)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(SDCObjective()(output, queue), exact, rtol=0, atol=0)


def test_bfloat16_outputs_move_terms_by_their_rounding_only() -> None:
    exact = SDCObjective()(random_output())
    half = SDCObjective()(random_output(torch.bfloat16)._replace(scores=random_output().scores))
    # Vectors rounded to 8 bits move cosines by under 2**-8 each; the steepest use is the sum of
    # four InfoNCE terms over 2 at temperature 0.07. Scores stay in float32 (ConceptCodebook), so
    # alignment and diversity do not move.
    limits = {"contrast": 2 * 2**-8 / 0.07, "fidelity": 2**-7, "local": 2**-5}
    for name, term, reference in zip(exact._fields, half, exact, strict=True):
        assert term.dtype in (torch.float32, torch.float64)
        atol = limits.get(name.partition("_")[0], 0.0)
        assert abs(float(term) - float(reference)) <= atol, name


def test_terms_never_wait_for_the_device() -> None:
    output, queue = random_output(), draw(3, 6, 2 * K).tanh()
    for leaf in leaves(output):
        leaf.requires_grad_()
    with NoHostSync():
        SDCObjective()(output, queue).total().backward()
        SDCObjective().decorrelation(output)
        with pytest.raises(AssertionError, match="item waits for the device"):
            output.scores.sum().item()
    assert all(leaf.grad is not None for leaf in leaves(output) if leaf is not output.pooled)


def test_terms_of_a_family_are_computed_together() -> None:
    output, queue = random_output(), draw(3, 6, 2 * K).tanh()
    for leaf in leaves(output):
        leaf.requires_grad_()
    objective = SDCObjective()
    with Launches() as whole:
        objective(output, queue).total().backward()
    with Launches() as ours:
        objective.decorrelation(output).backward()
    # 285 and 88 with torch 2.14; pair by pair they were 936 and 487
    assert 100 < whole.count < 360
    assert 40 < ours.count < 130


@pytest.mark.parametrize("dynamic", [None, 0.3])
def test_decorrelation_averages_its_pairs(dynamic: float | None) -> None:
    output = random_output()
    p = output.scores

    def features(view: int, half: slice, temperature: float = 0.1) -> Tensor:
        own = p[:, view, half]
        return torch.cat([(own / temperature).softmax(dim=-1), own], dim=-1)

    losses = [
        decorrelation(features(a + j, S), features(b + j, D, dynamic or 0.1))
        for a, b in ((0, 4), (2, 0), (2, 4), (0, 0))
        for j in (0, 1)
    ]
    objective = SDCObjective(ObjectiveConfig(dynamic_alignment_temperature=dynamic))
    assert_close(objective.decorrelation(output), torch.stack(losses).mean())


def test_decorrelation_of_one_process_needs_no_global_batch() -> None:
    output = random_output()
    alone = SDCObjective(ObjectiveConfig(global_batch=False)).decorrelation(output)
    assert_close(alone, SDCObjective().decorrelation(output))


def test_decorrelation_is_no_part_of_the_total() -> None:
    assert "decorrelation" not in LossTerms._fields
    assert len(LossTerms._fields) == 13
