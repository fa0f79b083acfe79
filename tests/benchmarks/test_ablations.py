from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.ablation_variants import OF_DIFFERENCES, OF_STATIC_VIEWS, VARIANTS
from benchmarks.ablations import (
    Budget,
    Stored,
    draw,
    record_name,
    run_variant,
)
from sdc_lib.config import ObjectiveConfig
from sdc_lib.evaluation import Features
from sdc_lib.evaluation.ledger import read_record
from sdc_lib.features import CachedClips, CachedViews
from sdc_lib.model import ConceptHeads, HeadsOutput
from sdc_lib.objective import LossTerms, SDCObjective
from tests.helpers.small_world import MakeFeatures

BUDGET = Budget(steps=2, batch_size=8)


def clips(features: Features) -> CachedClips:
    """One clip a video, whose features are the video's scores."""
    pooled = torch.from_numpy(features.pooled["video"])
    return CachedClips(
        features, {"video": pooled, "static": pooled, "dynamic": pooled}, torch.arange(len(pooled))
    )


@pytest.fixture
def stored(make_features: MakeFeatures) -> Stored:
    torch.manual_seed(0)
    pooled = torch.randn(24, 2, 6, 16)
    views = CachedViews(pooled, pooled[..., None, None, None].half(), torch.zeros(24, 2), {})
    return Stored(
        views, clips(make_features("train", 48)), clips(make_features("test", 16)), "ab12"
    )


def test_finished_seeds_are_kept_and_changed_settings_start_again(
    stored: Stored, tmp_path: Path
) -> None:
    first = run_variant("no queue", BUDGET, stored, "w", [0], tmp_path)
    both = run_variant("no queue", BUDGET, stored, "w", [0, 1], tmp_path)
    assert both.seeds == [0, 1]
    assert both.values["gap"][0] == first.values["gap"][0]
    assert read_record(tmp_path / "ablation-no-queue.json") == both
    wall_time = both.wall_time
    assert run_variant("no queue", BUDGET, stored, "w", [0, 1], tmp_path).wall_time == wall_time
    other = run_variant("no queue", replace(BUDGET, steps=3), stored, "w", [0], tmp_path)
    assert other.seeds == [0]
    assert other.config != both.config
    retrained = replace(stored, sha256="cd34")
    again = run_variant("no queue", BUDGET, retrained, "w", [0], tmp_path / "again")
    assert again.config not in (both.config, other.config)
    assert (other.evaluated, other.official, other.table) == (16, 17, "ablations")
    assert not any("feature" in metric for metric in other.values)


@pytest.mark.parametrize(
    "name",
    ["no concept filter", "shared codebooks, own projections, decorrelation 30, K=32 (ours)"],
)
def test_variants_run(name: str, stored: Stored, tmp_path: Path) -> None:
    record = run_variant(name, BUDGET, stored, "w", [0], tmp_path)
    draw([record], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert record.row == name


def test_every_variant_differs_and_switches_off_what_it_says() -> None:
    assert len({str(variant) for variant in VARIANTS.values()}) == len(VARIANTS)
    assert len({record_name(name) for name in VARIANTS}) == len(VARIANTS)
    assert set(OF_STATIC_VIEWS.split()) | set(OF_DIFFERENCES.split()) <= set(LossTerms._fields)
    off = {name: w for name, w in VARIANTS["no alignment"].weights().items() if w == 0}
    assert set(off) == {"align_static", "align_dynamic"}
    assert VARIANTS["everything"].weights()["diversity_static"] == pytest.approx(0.1)


def six_views(changed: slice) -> HeadsOutput:
    """Heads' output in which only some views depend on the returned leaf."""
    torch.manual_seed(0)
    heads = ConceptHeads(16, num_concepts=10, projection_dim=4).eval()
    pooled = torch.randn(6, 6, 16)
    if changed.stop:
        pooled[:, changed] += torch.randn(6, 2, 16)
    output: HeadsOutput = heads(pooled, pooled[..., None, None, None].expand(-1, -1, -1, 1, 2, 2))
    return output


@pytest.mark.parametrize(
    ("changed", "names"), [(slice(2, 4), OF_STATIC_VIEWS), (slice(4, 6), OF_DIFFERENCES)]
)
def test_the_terms_of_a_stream_are_those_that_its_views_change(changed: slice, names: str) -> None:
    before, after = (SDCObjective()(six_views(views)) for views in (slice(0, 0), changed))
    moved = {
        name
        for name in LossTerms._fields
        if not torch.allclose(getattr(before, name), getattr(after, name), rtol=1e-6)
    }
    assert moved == set(names.split())


def test_no_filter_contrasts_every_concept() -> None:
    terms = [
        SDCObjective(ObjectiveConfig(filter_top_k=k))(six_views(slice(0, 2))).local_static.detach()
        for k in (0, 5)
    ]
    assert not torch.isclose(*terms)
