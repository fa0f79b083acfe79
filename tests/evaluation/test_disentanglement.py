from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.evaluation import (
    disentanglement,
    disentanglement_by_folds,
    measure_disentanglement,
)
from sdc_lib.evaluation.estimates import Estimate
from sdc_lib.evaluation.factors import choose_factors
from sdc_lib.evaluation.halves import usage
from sdc_lib.features.store import Features
from sdc_lib.model import SDC
from tests.helpers.small_world import CLIPS, MakeFeatures


def test_separated_halves_have_the_largest_gap(make_features: MakeFeatures) -> None:
    result = measure_disentanglement(make_features("train", 256), make_features("test", 64))
    assert result.distributions["static"]["appearance"].value == 100
    assert result.distributions["dynamic"]["motion"].value == 100
    assert result.gap.value > 60
    assert result.factors == ("appearance", "motion")
    assert result.strongest["static"]["appearance"] == pytest.approx(100)
    assert result.strongest["static"]["motion"] < 20
    assert result.chance == {"appearance": 25, "motion": 25}


def test_mixed_and_swapped_halves(make_features: MakeFeatures) -> None:
    both = ("appearance", "motion")
    mixed = [make_features(split, n, both, both) for split, n in (("train", 256), ("test", 64))]
    assert abs(measure_disentanglement(*mixed).gap.value) < 5
    swapped = [
        make_features(split, n, ("motion",), ("appearance",))
        for split, n in (("train", 256), ("test", 64))
    ]
    assert measure_disentanglement(*swapped).gap.value < -60


def test_the_gap_is_the_mean_diagonal_minus_the_mean_off_diagonal(
    make_features: MakeFeatures,
) -> None:
    train, test = make_features("train", 64, noise=0.6), make_features("test", 64, noise=0.6)
    result = measure_disentanglement(train, test)
    cells = {h: {f: e.value for f, e in row.items()} for h, row in result.distributions.items()}
    own = cells["static"]["appearance"] + cells["dynamic"]["motion"]
    other = cells["static"]["motion"] + cells["dynamic"]["appearance"]
    assert result.gap.value == pytest.approx((own - other) / 2)
    assert result.gap.low < result.gap.value < result.gap.high
    for kind, row, gap in (
        ("distribution", result.distributions, result.gap),
        ("scores", result.scores, result.gap_scores),
    ):
        right = {
            (half, factor): 100 * result.correct[f"{kind}/{half}/{factor}"].mean()
            for half in ("static", "dynamic")
            for factor in ("appearance", "motion")
        }
        assert {(h, f): e.value for h in row for f, e in row[h].items()} == pytest.approx(right)
        own = right["static", "appearance"] + right["dynamic", "motion"]
        other = right["static", "motion"] + right["dynamic", "appearance"]
        assert gap.value == pytest.approx((own - other) / 2)
    assert result.gap != result.gap_scores
    strongest = test.scores["video"][:, 8:].argmax(axis=1)
    oracle = normalized_mutual_info_score(test.targets("motion"), strongest)
    assert result.strongest["dynamic"]["motion"] == pytest.approx(100 * oracle)


def test_chance_is_the_share_of_the_most_frequent_class(make_features: MakeFeatures) -> None:
    test = make_features("test", 64)
    kept = [*range(20), 24, 28]  # appearances go 0 to 3 in turn, motions in fours
    chance = measure_disentanglement(make_features("train", 64), test.subset(kept)).chance
    assert chance == pytest.approx({"appearance": 100 * 7 / 22, "motion": 100 * 8 / 22})


def test_the_interval_is_that_of_a_binomial_share(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 256, noise=0.4), make_features("test", 400, noise=0.4)
    estimate = measure_disentanglement(train, test).distributions["static"]["appearance"]
    share = estimate.value / 100
    expected = 2 * 1.96 * 100 * np.sqrt(share * (1 - share) / 400)
    assert 0.02 < share < 0.98
    assert estimate.high - estimate.low == pytest.approx(expected, rel=0.15)


def with_scene(features: Features) -> Features:
    """The same with a third factor, which no score knows."""
    scene = np.random.default_rng(len(features)).integers(4, size=len(features))
    return replace(features, labels={**features.labels, "scene": scene})


def test_scene_is_the_static_factor_where_there_is_one(make_features: MakeFeatures) -> None:
    train, test = with_scene(make_features("train", 256)), with_scene(make_features("test", 128))
    result = measure_disentanglement(train, test)
    assert result.factors == ("scene", "motion", "appearance")
    assert list(result.distributions["static"]) == ["scene", "motion", "appearance"]
    assert result.distributions["static"]["appearance"].value == 100  # shared: it does not count
    cells = {h: {f: e.value for f, e in row.items()} for h, row in result.distributions.items()}
    own = cells["static"]["scene"] + cells["dynamic"]["motion"]
    other = cells["static"]["motion"] + cells["dynamic"]["scene"]
    assert result.gap.value == pytest.approx((own - other) / 2)
    assert "gap of scene and motion" in str(result)
    older = measure_disentanglement(train, test, factors=("appearance", "motion"))
    assert older.gap.value > 60 > result.gap.value
    assert older.correct.keys() == {key for key in result.correct if "scene" not in key}


def test_a_word_is_not_taken_for_its_letters(make_features: MakeFeatures) -> None:
    with pytest.raises(ValueError, match=r"factors are 'scene,motion'; give several names"):
        choose_factors(make_features("test", 16), "scene,motion")


def test_any_labels_are_factors(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 256), make_features("test", 64)
    train, test = (
        replace(f, labels={"actor": f.labels["appearance"], "gesture": f.labels["motion"]})
        for f in (train, test)
    )
    result = measure_disentanglement(train, test, factors=["actor", "gesture"])
    assert result.gap.value > 60
    assert measure_disentanglement(train, test, factors=["gesture", "actor"]).gap.value < -60
    for factors, message in (
        (None, "has the factors actor, gesture: name the static and the dynamic one"),
        (["actor"], "factors are actor; needed are a static and a dynamic one"),
        (["actor", "actor"], "all different"),
        (["actor", "mood"], "no labels 'mood'; it has: actor, gesture"),
    ):
        with pytest.raises(ValueError, match=message):
            measure_disentanglement(train, test, factors=factors)


def test_folds_cover_every_video_once(make_features: MakeFeatures) -> None:
    features = make_features("all", 192)
    fold = np.arange(192) // 16 % 3
    by_number = disentanglement_by_folds(features, fold.tolist())
    assert (by_number.evaluated, by_number.official) == (192, 193)
    assert by_number.gap.value > 60
    labelled = replace(features, labels={**features.labels, "fold": fold})
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(3)]
    for folds in ("fold", pairs, fold):
        again = disentanglement_by_folds(labelled, folds)
        assert str(again) == str(by_number)
    split = measure_disentanglement(features.subset(pairs[0][0]), features.subset(pairs[0][1]))
    first = by_number.correct["scores/static/motion"][: len(pairs[0][1])]
    assert (first == split.correct["scores/static/motion"]).all()


@pytest.mark.filterwarnings("ignore:.*in no train video")
def test_folds_that_do_not_fit_are_refused(make_features: MakeFeatures) -> None:
    features = make_features("all", 64)
    with pytest.raises(ValueError, match="3 folds for 64 videos: one a video"):
        disentanglement_by_folds(features, [0, 1, 0])
    with pytest.raises(ValueError, match="at least two are needed"):
        disentanglement_by_folds(features, [1] * 64)
    with pytest.raises(ValueError, match="share 32 videos"):
        disentanglement_by_folds(features, [(range(64), range(32))])
    by_factor = features.labels["motion"] > 0
    with pytest.raises(ValueError, match="16 training videos show fewer than two values of motion"):
        disentanglement_by_folds(features, by_factor.tolist())
    with pytest.raises(ValueError, match="no labels 'group'"):
        disentanglement_by_folds(features, "group")


def test_usage_counts_concepts() -> None:
    one_hot = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
    even = usage(np.concatenate([one_hot, np.full((40, 2), -1, np.float32)], axis=1))
    assert (even.used, even.total) == (4, 6)
    assert even.perplexity == pytest.approx(4, abs=0.01)
    collapsed = usage(np.tile(np.array([[1.0, 0, 0, 0]], np.float32), (40, 1)))
    assert collapsed.used == 1
    assert collapsed.perplexity < 1.01


def test_the_table_shows_chance_and_intervals(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 64), make_features("test", 32)
    text = str(measure_disentanglement(train, test, name="mine"))
    assert text.splitlines()[0] == "mine: 32 of 33 videos, % [95% interval]"
    assert "chance" in text
    assert "25.0" in text
    assert "gap" in text
    assert str(Estimate(1.25, 0, 2)) == "1.2 [0.0, 2.0]"


def test_models_without_concepts_get_feature_probes_only(make_features: MakeFeatures) -> None:
    train, test = (
        replace(make_features(split, n), scores={}) for split, n in (("train", 64), ("test", 32))
    )
    result = measure_disentanglement(train, test)
    assert result.distributions == {}
    assert result.features["static"]["appearance"].value == 100
    assert "gap" not in str(result)


def test_a_network_is_measured_from_video_files(
    model: SDC, world: tuple[VideoDataset, VideoDataset]
) -> None:
    result = disentanglement(model, *world, CLIPS, name="random", progress=False)
    assert (result.evaluated, result.official) == (4, 4)
    assert result.usage["static"].total == 10
    assert set(result.features) == {"video", "static", "dynamic"}
    with pytest.raises(ValueError, match="must be disjoint"):
        disentanglement(model, world[0], world[0], CLIPS)
