from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sdc_lib.evaluation import LinearProbeConfig, linear_probe
from sdc_lib.evaluation.linear import fit_linear, logistic_probe
from tests.helpers.small_world import MakeFeatures


def test_the_probe_is_as_good_as_scikit_learns_logistic_regression() -> None:
    x, y = make_classification(
        600, 20, n_informative=8, n_redundant=0, n_classes=4, class_sep=1.2, random_state=0
    )
    x = x.astype(np.float32)
    head = fit_linear(x[:400], y[:400], 4)
    with torch.no_grad():
        ours = (head(torch.from_numpy(x[400:])).argmax(1).numpy() == y[400:]).mean()
    scaler = StandardScaler().fit(x[:400])
    oracle = LogisticRegression(max_iter=1000).fit(scaler.transform(x[:400]), y[:400])
    assert abs(ours - oracle.score(scaler.transform(x[400:]), y[400:])) < 0.03
    predicted = logistic_probe(x[:400], y[:400], x[400:])
    agreement = (predicted == oracle.predict(scaler.transform(x[400:]))).mean()
    assert agreement == 1.0


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_the_penalty_is_scikit_learns_c(penalty: float) -> None:
    x, y = make_classification(
        600, 20, n_informative=8, n_classes=4, weights=[0.5, 0.2, 0.2, 0.1], random_state=0
    )
    scaler = StandardScaler().fit(x[:300])
    oracle = LogisticRegression(C=penalty, max_iter=2000).fit(scaler.transform(x[:300]), y[:300])
    expected = oracle.predict(scaler.transform(x[300:]))
    np.testing.assert_array_equal(
        logistic_probe(x[:300], y[:300], x[300:], penalty=penalty), expected
    )
    other = logistic_probe(x[:300], y[:300], x[300:], penalty=1.0 if penalty < 1 else 1e-3)
    assert not np.array_equal(expected, other)


def test_optimisation_follows_its_settings(make_features: MakeFeatures) -> None:
    features = make_features("train", 64, noise=1.0)

    def weight(**settings: Any) -> torch.Tensor:
        config = replace(LinearProbeConfig(epochs=3, milestones=()), **settings)
        head = fit_linear(features.pooled["video"], features.targets("motion"), 4, config)
        return head.get_parameter("1.weight").detach()

    usual = weight()
    assert weight(weight_decay=0.5).norm() < 0.5 * usual.norm()
    assert weight(lr=0.01).norm() < 0.5 * usual.norm()
    first = weight(epochs=1)  # after which the rate drops to a tenth, or does not
    assert (weight(milestones=(1,)) - first).norm() < 0.3 * (usual - first).norm()


def test_a_constant_column_and_a_tiny_scale_do_no_harm() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = np.eye(3)[y] * 1e-4 + 1e-6 * rng.normal(size=(120, 3))
    x = np.concatenate([x, np.full((120, 1), 7.0)], axis=1)
    assert (logistic_probe(x[:60], y[:60], x[60:]) == y[60:]).all()


def test_linear_probe_reports_per_video_results(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 128), make_features("test", 32)
    result = linear_probe(train, test, target="motion", stream="dynamic")
    assert result.top1 == 100
    assert result.chance == 25
    assert result.predictions.tolist() == test.targets("motion").tolist()
    assert result.confusion.tolist() == (8 * np.eye(4, dtype=int)).tolist()
    assert (result.evaluated, result.official) == (32, 33)
    assert "32 of 33 videos" in str(result)
    blind = linear_probe(train, test, target="appearance", stream="dynamic")
    assert blind.top1 < 60


def test_the_same_seed_gives_the_same_probe(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 64, noise=1.0), make_features("test", 64, noise=1.0)
    config = LinearProbeConfig(epochs=5, batch_size=21)  # the last batch has one video
    first = linear_probe(train, test, config=config)
    np.testing.assert_array_equal(first.scores, linear_probe(train, test, config=config).scores)
    other = linear_probe(train, test, config=replace(config, seed=1))
    assert not np.array_equal(first.scores, other.scores)


def test_splits_must_be_disjoint(make_features: MakeFeatures) -> None:
    train, test = make_features("train", 16), make_features("test", 16)
    with pytest.raises(ValueError, match=r"share 16 videos, train/0, .*must be disjoint"):
        linear_probe(train, train)
    group = tuple("g1" for _ in range(16))
    with pytest.raises(ValueError, match="share 1 groups, g1 first"):
        linear_probe(replace(train, groups=group), replace(test, groups=group))


def test_one_training_video_is_too_few() -> None:
    with pytest.raises(ValueError, match="at least two training videos, got 1"):
        fit_linear(np.zeros((1, 3), np.float32), np.zeros(1, np.int64), 2)
