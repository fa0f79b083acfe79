"""A video and what looks alike to the model."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.explore.base import Clip, Explorer, SquareFrames, player_controls, slider
from sdc_lib.plots import ghost, retrieval_grid
from sdc_lib.plots.pixels import Pixels, captioned, mosaic
from sdc_lib.plots.style import RIGHT, WRONG, Array, as_numpy


class NeighbourExplorer(Explorer):
    """Browse queries and the clips retrieved for them, all playing together.

    Controls: query, frame (with play button). A retrieved clip of the query's class has a solid
    outline and a tick, others a dashed one and a cross.

    Args:
        queries: Query clips; see `sdc_lib.plots.to_frames`.
        gallery: Clips to search in.
        similarity: Of every query with every gallery clip, ``(Q, G)``, higher is nearer.
        query_labels: Class of each query, ``(Q,)``, or None.
        gallery_labels: Class of each gallery clip, ``(G,)``, or None.
        class_names: Names of the classes.
        top: Clips retrieved.
        size: Side of a clip, pixels.
        fps: Frames a second while playing.

    Attributes:
        query: Slider of the query.
        frame: Slider of the frame shown.

    Raises:
        ValueError: If clips and similarities do not fit.
    """

    def __init__(
        self,
        queries: Sequence[Clip],
        gallery: Sequence[Clip],
        similarity: Tensor | Array,
        query_labels: Sequence[int] | Tensor | Array | None = None,
        gallery_labels: Sequence[int] | Tensor | Array | None = None,
        class_names: Sequence[str] | None = None,
        *,
        top: int = 5,
        size: int = 112,
        fps: float = 8.0,
    ) -> None:
        self.similarity = as_numpy(similarity)
        if self.similarity.shape != (len(queries), len(gallery)):
            raise ValueError(
                f"similarity must be ({len(queries)}, {len(gallery)}), a row per query and a "
                f"column per gallery clip, got {self.similarity.shape}"
            )
        self._queries = SquareFrames(queries, size)
        self._gallery = SquareFrames(gallery, size)
        self._query_labels = None if query_labels is None else as_numpy(query_labels)
        self._gallery_labels = None if gallery_labels is None else as_numpy(gallery_labels)
        self._names = class_names
        self._top = min(top, len(gallery))
        self.query = slider("query", len(queries) - 1)
        player, self.frame = player_controls("frame", len(self._queries[0]) - 1, fps)
        self._on_change(self.query, self.frame)
        super().__init__([self.query, player])

    def neighbours(self, query: int | None = None) -> list[int]:
        """The gallery clips nearest to a query (the present one by default), nearest first."""
        query = self.query.value if query is None else query
        order = np.argsort(-self.similarity[query], kind="stable")
        return [int(index) for index in order[: self._top]]

    def right(self, query: int | None = None) -> list[bool] | None:
        """Whether each neighbour has the query's class; None without labels."""
        if self._query_labels is None or self._gallery_labels is None:
            return None
        query = self.query.value if query is None else query
        found = self._gallery_labels[self.neighbours(query)]
        return [bool(same) for same in found == self._query_labels[query]]

    def render(self) -> Pixels:
        """The query, then its neighbours."""
        query, t = self.query.value, self.frame.value
        frames = self._queries[query]
        title = f"query {query} {self._class(self._query_labels, query)}"
        tiles = [captioned(frames[t % len(frames)], title, "#FFFFFF", border=3)]
        right = self.right()
        for rank, index in enumerate(self.neighbours()):
            frames = self._gallery[index]
            good = right is None or right[rank]
            mark = "" if right is None else "✓ " if good else "✗ "
            text = mark + f"{self.similarity[query, index]:.2f} "
            text += self._class(self._gallery_labels, index)
            colour = RIGHT if good else WRONG
            tiles.append(
                captioned(frames[t % len(frames)], text, colour, dashed=not good, border=3)
            )
        return mosaic([tiles[i : i + 3] for i in range(0, len(tiles), 3)])

    def describe(self) -> str:
        """How many neighbours are right."""
        right, query = self.right(), self.query.value
        found = ", ".join(map(str, self.neighbours()))
        text = f"Query {query} of {len(self._queries)}; nearest first: gallery clips {found}"
        return text + ("." if right is None else f"; {sum(right)} of {len(right)} right.")

    def static(self) -> Figure:
        """This query and the next three with their neighbours, as ghosts: a still shows motion."""
        count = min(4, len(self._queries))
        first = min(self.query.value, len(self._queries) - count)
        rows = range(first, first + count)
        found = [[ghost(self._gallery[i]) for i in self.neighbours(q)] for q in rows]
        right = [self.right(q) or [] for q in rows]
        names = [self._class(self._query_labels, q) or f"query {q}" for q in rows]
        marks = right if any(right) else None
        return retrieval_grid([ghost(self._queries[q]) for q in rows], found, marks, names)

    def _class(self, labels: Array | None, index: int) -> str:
        if labels is None:
            return ""
        return str(labels[index]) if self._names is None else self._names[int(labels[index])]
