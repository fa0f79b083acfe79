from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from sdc_lib.evaluation import Features, knn, retrieve
from sdc_lib.evaluation.retrieval import Retrieval, merge_retrievals
from tests.helpers.small_world import MakeFeatures

Rows = NDArray[np.float32]


def unit(rows: Rows, centre: Rows | float = 0.0) -> Rows:
    """Rows of length one, after a centre is subtracted."""
    rows = rows - centre
    lengths: Rows = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


@pytest.fixture
def noisy(make_features: MakeFeatures) -> tuple[Features, Features]:
    return make_features("train", 96, noise=0.4), make_features("test", 40, noise=0.4)


@pytest.mark.parametrize("centre", [False, True])
def test_recalls_agree_with_scikit_learn(noisy: tuple[Features, Features], centre: bool) -> None:
    train, test = noisy
    ours = retrieve(train, test, target="motion", centre=centre)
    parts = [part.pooled["video"] for part in (test, train)]
    near = [unit(rows, rows.mean(axis=0) if centre else 0.0) for rows in parts]
    gallery = NearestNeighbors(metric="cosine", algorithm="brute").fit(near[1])
    assert list(ours.recalls) == [1, 5, 10, 20, 50]
    for k, recall in ours.recalls.items():
        nearest = gallery.kneighbors(near[0], n_neighbors=k, return_distance=False)
        hits = train.targets("motion")[nearest] == test.targets("motion")[:, None]
        assert recall == pytest.approx(100 * hits.any(axis=1).mean(), abs=1e-4)
    assert 25 < ours.recalls[1] < 100
    assert ("transductive" in str(ours)) == centre


@pytest.mark.parametrize("centre", [False, True])
def test_votes_agree_with_scikit_learn(noisy: tuple[Features, Features], centre: bool) -> None:
    train, test = noisy
    ours = knn(train, test, target="motion", k=7, temperature=0.1, centre=centre)
    parts = [part.pooled["video"] for part in (train, test)]
    near = [unit(rows, rows.mean(axis=0) if centre else 0.0) for rows in parts]
    oracle = KNeighborsClassifier(
        7, metric="cosine", weights=lambda d: np.exp((1 - d) / 0.1), algorithm="brute"
    ).fit(near[0], train.targets("motion"))
    np.testing.assert_array_equal(ours.predictions, oracle.predict(near[1]))
    np.testing.assert_allclose(ours.scores, oracle.predict_proba(near[1]), rtol=1e-3)


def test_neighbours_are_those_of_the_stream(make_features: MakeFeatures) -> None:
    parts = make_features("train", 96), make_features("test", 40)
    for stream, known, unknown in (
        ("static", "appearance", "motion"),
        ("dynamic", "motion", "appearance"),
    ):
        assert knn(*parts, target=known, stream=stream).top1 == 100
        assert knn(*parts, target=unknown, stream=stream).top1 < 60
        assert retrieve(*parts, target=known, stream=stream).recalls[1] == 100
        assert retrieve(*parts, target=unknown, stream=stream).recalls[1] < 60


def test_classes_without_a_vote_are_no_hits() -> None:
    rng = np.random.default_rng(0)

    def features(split: str, videos: int) -> Features:
        x = rng.normal(size=(videos, 8)).astype(np.float32)
        names, labels = tuple(f"{split}{i}" for i in range(videos)), np.arange(videos) % 10
        return Features("m", split, names, {"video": x}, {}, {"label": labels}, {}, official=videos)

    result = knn(features("a", 50), features("b", 200), k=1)
    assert result.top5 is not None
    assert abs(result.top5 - 50) < 10  # the voted class and four of the other nine, by their order
    assert result.top5 > result.top1


def test_ranks_of_a_hand_made_case() -> None:
    def features(split: str, rows: list[list[float]], labels: list[int]) -> Features:
        x = np.array(rows, np.float32)
        names = tuple(f"{split}{i}" for i in range(len(rows)))
        return Features(
            "m", split, names, {"video": x}, {}, {"label": np.array(labels)}, {}, official=9
        )

    gallery = features("a", [[1, 0], [0.9, 0.1], [0, 1]], [0, 0, 1])
    queries = features("b", [[1, 0.05], [1, 0.1], [0, 1]], [0, 1, 2])
    result = retrieve(gallery, queries, centre=False, ranks=(1, 2, 3, 5))
    assert result.first_hit.tolist() == [1, 3, 4]
    assert result.recalls == pytest.approx({1: 100 / 3, 2: 100 / 3, 3: 200 / 3})
    assert result.nearest[2].tolist() == [2, 1, 0]
    assert (result.evaluated, result.official) == (3, 9)


def test_the_recalls_of_folds_count_queries() -> None:
    def fold(first_hit: list[int]) -> Retrieval:
        hits = np.array(first_hit)
        recalls = {k: 100 * float((hits <= k).mean()) for k in (1, 2)}
        names, nearest = tuple(map(str, hits)), np.zeros((len(hits), 2), np.int64)
        return Retrieval("label", recalls, hits, nearest, names, len(hits), 9, 5, True)

    merged = merge_retrievals([fold([1, 3]), fold([2])], official=4)
    assert merged.first_hit.tolist() == [1, 3, 2]
    assert merged.recalls == pytest.approx({1: 100 / 3, 2: 200 / 3})
    assert (merged.names, merged.evaluated, merged.official) == (("1", "3", "2"), 3, 4)


def test_only_centring_lets_other_queries_matter(noisy: tuple[Features, Features]) -> None:
    train, test = noisy
    half = test.subset(range(20))
    for centre in (False, True):
        alone = retrieve(train, half, centre=centre).first_hit
        together = retrieve(train, test, centre=centre).first_hit[:20]
        assert np.array_equal(alone, together) != centre


def test_bad_settings_and_shared_videos(noisy: tuple[Features, Features]) -> None:
    train, test = noisy
    with pytest.raises(ValueError, match=r"must be positive, got 0 and 0\.07"):
        knn(train, test, k=0)
    with pytest.raises(ValueError, match="must be disjoint"):
        retrieve(train, replace(test, names=train.names[:40]))


def test_twenty_queries_have_a_mean_of_their_own(noisy: tuple[Features, Features]) -> None:
    train, test = noisy
    gallery = train.pooled["video"]
    mean = gallery.mean(axis=0)
    for queries, own in ((19, False), (20, True)):
        rows = test.pooled["video"][:queries]
        by_gallery, by_own = (
            (unit(rows, centre) @ unit(gallery, mean).T).argmax(axis=1)
            for centre in (mean, rows.mean(axis=0))
        )
        assert not np.array_equal(by_gallery, by_own)
        found = retrieve(train, test.subset(range(queries))).nearest[:, 0]
        np.testing.assert_array_equal(found, by_own if own else by_gallery)


def test_single_queries_are_centred_by_the_gallery_not_by_themselves(
    noisy: tuple[Features, Features],
) -> None:
    train, test = noisy
    alone = [retrieve(train, test.subset([i]), target="motion") for i in range(len(test))]
    found = np.concatenate([result.nearest[:, 0] for result in alone])
    mean = train.pooled["video"].mean(axis=0)
    near = [unit(part.pooled["video"], mean) for part in (test, train)]
    assert (found == (near[0] @ near[1].T).argmax(axis=1)).all()
    assert len(set(found.tolist())) > 1  # of a query that is its own mean all are equally far
