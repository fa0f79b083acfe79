from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import normalized_mutual_info_score

from sdc_lib.evaluation import analyse_concepts, attention_maps, stability
from sdc_lib.evaluation.concepts import codebook_overlap, strongest_videos
from sdc_lib.model import SDC, ConceptHeads
from sdc_lib.views import Stream
from tests.helpers.small_world import MakeFeatures


def test_overlap_is_the_cosine_between_concepts() -> None:
    heads = ConceptHeads(4, num_concepts=2, projection_dim=2)
    with torch.no_grad():
        heads.concepts("video").copy_(
            torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0], [3, 3, 0, 0], [0, 0, 1, 0]])
        )
    overlap = codebook_overlap(heads)
    assert overlap["static"] == pytest.approx((0.0, 0.0))
    assert overlap["dynamic"] == pytest.approx((0.0, 0.0))
    assert overlap["across"] == pytest.approx((2**-0.5 / 2, 2**-0.5))


def test_strongest_videos_come_in_order() -> None:
    assert strongest_videos(np.array([0.1, 0.9, 0.5, 0.9]), 3).tolist() == [1, 3, 2]


def test_the_report_names_what_concepts_stand_for(make_features: MakeFeatures) -> None:
    heads = ConceptHeads(4, num_concepts=8, projection_dim=2)
    report = analyse_concepts(heads, make_features("test", 64), top=5)
    assert len(report.concepts) == 16
    first, ninth = report.concepts[0], report.concepts[8]
    assert (first.half, first.label, first.share) == ("static", "0", 1.0)
    assert (ninth.half, ninth.label, ninth.share) == ("dynamic", "0", 1.0)
    assert report.purity["static"]["appearance"] == pytest.approx(100)
    assert report.purity["dynamic"]["motion"] == pytest.approx(100)
    assert report.usage["static"].used == 4
    assert "NMI motion" in str(report)
    with pytest.raises(ValueError, match="no concept scores of 'static'"):
        analyse_concepts(heads, make_features("test", 64), stream="static")


def test_the_label_is_that_of_most_of_the_strongest(make_features: MakeFeatures) -> None:
    features = make_features("test", 16)
    appearance = features.targets("appearance")
    first = (
        np.flatnonzero(appearance == 2)[:3].tolist() + np.flatnonzero(appearance == 1)[:2].tolist()
    )
    scores = features.scores["video"].copy()
    scores[first, 0] = [9, 8, 7, 6, 5]
    labels = {**features.labels, "label": np.arange(16) % 2}
    features = replace(features, scores={"video": scores}, labels=labels)
    report = analyse_concepts(ConceptHeads(4, num_concepts=8, projection_dim=2), features, top=5)
    concept = report.concepts[0]
    assert concept.videos.tolist() == first
    assert concept.label == "2"
    assert concept.share == pytest.approx(0.6)
    strongest = scores[:, :8].argmax(axis=1)
    for name, values in labels.items():
        expected = 100 * normalized_mutual_info_score(values, strongest)
        assert report.purity["static"][name] == pytest.approx(expected)
    assert report.purity["static"]["label"] > 10


def test_permuted_concepts_are_matched_again(make_features: MakeFeatures) -> None:
    first = make_features("test", 64)
    order = np.random.default_rng(0).permutation(8)
    scores = first.scores["video"]
    permuted = np.concatenate([scores[:, :8][:, order], scores[:, 8:]], axis=1)
    result = stability(first, replace(first, scores={"video": permuted}))
    assert result.correlation["static"] == pytest.approx(1)
    assert order[result.matching["static"]].tolist() == list(range(8))
    assert result.matching["dynamic"].tolist() == list(range(8))
    table = np.corrcoef(scores[:, :8].T, permuted[:, :8].T)[:8, 8:]
    assert result.chance["static"] == pytest.approx(table.mean())
    assert abs(table.mean()) > 1e-3
    rng = np.random.default_rng(1)
    unrelated = replace(first, scores={"video": rng.normal(size=(64, 16)).astype(np.float32)})
    assert stability(first, unrelated).correlation["static"] < 0.5
    with pytest.raises(ValueError, match="same videos in the same order"):
        stability(first, replace(first, names=first.names[::-1]))


def test_maps_have_the_size_of_the_clip_and_peak_at_one(model: SDC) -> None:
    clips = torch.randn(2, 3, 4, 16, 16)
    maps = attention_maps(model.eval(), clips)
    assert maps.shape == (2, 20, 4, 16, 16)
    torch.testing.assert_close(maps.amax(dim=(2, 3, 4)), torch.ones(2, 20))
    assert attention_maps(model, clips, "static").shape == (2, 10, 4, 16, 16)
    streams: tuple[Stream, ...] = ("video", "static", "dynamic")
    for stream in streams:
        with torch.no_grad():
            local = model.encode(clips, stream).local
            _, coarse = model.heads.attention(local, model.heads.concepts(stream))
        fine = F.interpolate(coarse, (4, 16, 16), mode="trilinear", align_corners=False)
        expected = fine / fine.amax(dim=(2, 3, 4), keepdim=True)
        torch.testing.assert_close(attention_maps(model, clips, stream), expected)
    with pytest.raises(ValueError, match=r"eval\(\) mode"):
        attention_maps(model.train(), clips)
