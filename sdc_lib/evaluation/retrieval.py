"""Nearest neighbours: retrieval of test videos in the training set, and classification by vote.

Both work on video features (mean over clips of unit clip features), compared by cosine. Optionally
each set's own mean is subtracted first: that helps all methods and is common, but makes the result
depend on the test set as a whole (it is *transductive*), so it is a flag and printed. A handful of
queries has no mean worth the name; the gallery's is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdc_lib.evaluation.classification import Classification, classify
from sdc_lib.evaluation.disjoint import check_disjoint
from sdc_lib.features.store import Features, Floats, Ints, refuse_not_finite
from sdc_lib.support.tables import format_table, percent

RANKS = (1, 5, 10, 20, 50)
ENOUGH_FOR_A_MEAN = 20
"""Fewer queries (one, in a fold of one video) are centred by the gallery's mean, not their own."""


@dataclass(frozen=True)
class Retrieval:
    """How often a video of the same class is among the k nearest ones of the gallery.

    Attributes:
        target: The labelling that counts, ``"label"`` or a factor.
        recalls: R@k in per cent for each k that the gallery is large enough for.
        first_hit: Rank (from 1) of the first neighbour of the right class a query, ``(N,)``; one
            more than the gallery holds if there is none.
        nearest: Positions in the gallery of the nearest videos, best first, ``(N, k)``.
        names: The queries, N.
        evaluated: N.
        official: Queries that the split lists.
        gallery: Videos in the gallery; in the smallest one of several folds.
        centred: Whether each set's mean was subtracted (transductive).
    """

    target: str
    recalls: dict[int, float]
    first_hit: Ints
    nearest: Ints
    names: tuple[str, ...]
    evaluated: int
    official: int
    gallery: int
    centred: bool

    def __str__(self) -> str:
        """As a table."""
        title = (
            f"retrieval -> {self.target}, {self.evaluated} of {self.official} queries, "
            f"gallery of {self.gallery}, {'centred (transductive)' if self.centred else 'as is'}"
        )
        return format_table(["k", *map(str, self.recalls)], [self._row()], title)

    def _row(self) -> list[str]:
        return ["R@k, %", *map(percent, self.recalls.values())]


def retrieve(
    gallery: Features,
    queries: Features,
    *,
    target: str | None = None,
    stream: str = "video",
    centre: bool = True,
    ranks: tuple[int, ...] = RANKS,
) -> Retrieval:
    """Look for each query's class among its nearest neighbours.

    Args:
        gallery: Training videos.
        queries: Test videos.
        target: A factor, or None for the data set's own labels.
        stream: Whose pooled features.
        centre: Subtract each set's own mean first.
        ranks: The k of R@k; those beyond the gallery's size are left out.

    Returns:
        See `Retrieval`.

    Raises:
        ValueError: If the splits share videos or groups, or lack the labels, or features are not
            finite.
    """
    check_disjoint(gallery, queries)
    order, _ = _neighbours(gallery, queries, stream, centre)
    hits = gallery.targets(target)[order] == queries.targets(target)[:, None]  # (N, gallery)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, len(gallery) + 1)
    kept = [k for k in ranks if k <= len(gallery)]
    return Retrieval(
        target=target or "label",
        recalls={k: 100 * float((first <= k).mean()) for k in kept},
        first_hit=first.astype(np.int64),
        nearest=order[:, : max(kept, default=1)],
        names=queries.names,
        evaluated=len(queries),
        official=queries.official,
        gallery=len(gallery),
        centred=centre,
    )


def merge_retrievals(parts: Sequence[Retrieval], official: int) -> Retrieval:
    """One result over the queries of all folds; `nearest` are positions in each fold's gallery.

    Args:
        parts: Of one target, a fold each.
        official: Videos that the data set lists.
    """
    first = np.concatenate([part.first_hit for part in parts])
    kept = [k for k in parts[0].recalls if all(k in part.recalls for part in parts)]
    columns = min(part.nearest.shape[1] for part in parts)
    return Retrieval(
        target=parts[0].target,
        recalls={k: 100 * float((first <= k).mean()) for k in kept},
        first_hit=first,
        nearest=np.concatenate([part.nearest[:, :columns] for part in parts]),
        names=tuple(name for part in parts for name in part.names),
        evaluated=len(first),
        official=official,
        gallery=min(part.gallery for part in parts),
        centred=parts[0].centred,
    )


def knn(
    train: Features,
    test: Features,
    *,
    target: str | None = None,
    stream: str = "video",
    k: int = 20,
    temperature: float = 0.07,
    centre: bool = True,
) -> Classification:
    """Let the k nearest training videos vote with weight ``exp(cos / τ)``.

    Args:
        train: Voters.
        test: Videos to classify.
        target: A factor, or None for the data set's own labels.
        stream: Whose pooled features.
        k: Voters a video; all training videos if there are fewer.
        temperature: τ > 0.
        centre: Subtract each set's own mean first.

    Returns:
        See `Classification`; scores are shares of the vote.

    Raises:
        ValueError: If the splits share videos or groups, lack the labels, features are not finite,
            or k or τ is not positive.
    """
    if k < 1 or temperature <= 0:
        raise ValueError(f"k and temperature must be positive, got {k} and {temperature}")
    check_disjoint(train, test)
    order, cosines = _neighbours(train, test, stream, centre)
    k = min(k, len(train))
    classes = max(train.num_classes(target), test.num_classes(target))
    votes = np.exp((cosines[:, :k] - cosines[:, :1]) / temperature)  # (N, k)
    scores = np.zeros((len(test), classes))
    rows = np.repeat(np.arange(len(test)), k)
    np.add.at(scores, (rows, train.targets(target)[order[:, :k]].ravel()), votes.ravel())
    notes = {"stream": stream, "k": str(k), "centred": "yes (transductive)" if centre else "no"}
    return classify("knn", scores / scores.sum(axis=1, keepdims=True), test, target, notes)


def unit_features(features: Floats, centre: NDArray[Any] | None) -> NDArray[np.float64]:
    """Rows ``(N, D)`` scaled to unit length, after subtracting a centre ``(D,)`` if there is."""
    rows = features.astype(np.float64)
    if centre is not None:
        rows = rows - centre
    unit: NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), 1e-12
    )
    return unit


def _neighbours(
    gallery: Features, queries: Features, stream: str, centre: bool
) -> tuple[Ints, NDArray[np.float64]]:
    """Gallery positions ``(N, gallery)``, nearest first, and their cosines."""
    for part in (gallery, queries):
        refuse_not_finite(part)
    theirs, ours = gallery.pooled[stream], queries.pooled[stream]
    mean = theirs.mean(axis=0, dtype=np.float64) if centre else None
    own = mean
    if centre and len(queries) >= ENOUGH_FOR_A_MEAN:
        own = ours.mean(axis=0, dtype=np.float64)
    cosines = unit_features(ours, own) @ unit_features(theirs, mean).T
    order = np.argsort(-cosines, axis=1, kind="stable").astype(np.int64)
    return order, np.take_along_axis(cosines, order, axis=1)
