"""Videos as ghosts in rows: what concepts respond to, and what either half retrieves."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.plots.ghosts import ghost
from sdc_lib.plots.grid import image_grid
from sdc_lib.plots.pixels import Pixels
from sdc_lib.plots.style import BLACK, DENSITY, STREAM_COLOURS, Array, styled

CELL = 84
"""Side of a ghost, pixels of the page."""


class AtlasRow(NamedTuple):
    """One concept and the videos that it responds to most."""

    name: str
    """``static 3`` or ``dynamic 7``: the half gives the colour."""
    clips: Sequence[Tensor | Array]
    """Strongest first."""
    purity: Mapping[str, tuple[str, float]]
    """By factor: the most frequent class among its strongest videos, and their share of it."""
    query: Tensor | Array | None = None
    """The clip whose concept it is, drawn first; all rows have one, or none."""
    classes: Sequence[Sequence[tuple[str, bool]]] = ()
    """For every clip the names of its classes, each with whether it is the most frequent one."""


class Hit(NamedTuple):
    """A retrieved video."""

    clip: Tensor | Array
    right: Sequence[bool]
    """For each factor whether the video shares the query's class."""


@styled
def concept_atlas(rows: Sequence[AtlasRow], columns: int = 6, title: str = "") -> Figure:
    """Draw the videos that concepts respond to most, with the purity of *all* factors.

    Args:
        rows: A row for each concept.
        columns: Videos of each at most.
        title: Above the figure.

    Returns:
        A ghost for each video (`ghost`), a row for each concept; below it the names of its classes,
        if they are given.

    Raises:
        ValueError: If some rows have a query and some have none.
    """
    queries = [[] if row.query is None else [row.query] for row in rows]
    pictures = [
        [_square(clip) for clip in (*query, *row.clips[:columns])]
        for query, row in zip(queries, rows, strict=True)
    ]
    if len({len(query) for query in queries}) > 1:
        raise ValueError("either all rows of an atlas have a query or none")
    labels = [
        "\n".join([row.name, *(f"{name} {share:.0%}" for name, share in row.purity.values())])
        for row in rows
    ]
    strongest = max(map(len, pictures)) - len(queries[0])
    ranks = ["query"] * len(queries[0]) + [str(rank + 1) for rank in range(strongest)]
    names = [
        [*([()] * len(query)), *(row.classes or [()] * len(row.clips))]
        for query, row in zip(queries, rows, strict=True)
    ]
    figure = image_grid(pictures, labels, ranks, title, density=DENSITY, badges=names)
    for text in figure.axes[0].texts:
        if text.get_text() in labels:
            text.set_color(STREAM_COLOURS.get(text.get_text().split()[0], BLACK))
    return figure


@styled
def retrieval_by_halves(
    query: Tensor | Array,
    found: Mapping[str, Sequence[Hit]],
    factors: Sequence[str] = ("scene", "motion"),
    title: str = "",
) -> Figure:
    """Show what the same query retrieves by the static and by the dynamic half.

    Args:
        query: The clip.
        found: By name (``"static half"``), nearest first.
        factors: A badge for each, in the order of `Hit.right`: its name with a tick where the
            video shares the query's class, struck with a cross where it does not.
        title: Above the figure.

    Returns:
        A row of ghosts for each name, the query at its left.

    Raises:
        ValueError: If a video is not marked for every factor.
    """
    rows, badges = [], []
    for hits in found.values():
        for hit in hits:
            if len(hit.right) != len(factors):
                raise ValueError(
                    f"a video has {len(hit.right)} marks for {len(factors)} factors, "
                    f"{', '.join(factors)}"
                )
        rows.append([_square(query), *(_square(hit.clip) for hit in hits)])
        badges.append([(), *(list(zip(factors, hit.right, strict=True)) for hit in hits)])
    ranks = ["query", *(str(rank + 1) for rank in range(max(map(len, rows)) - 1))]
    return image_grid(rows, list(found), ranks, title, density=DENSITY, badges=badges)


def _square(clip: Tensor | Array) -> Pixels:
    picture = ghost(clip, CELL)
    side = picture.shape[0]
    left = max(0, (picture.shape[1] - side) // 2)
    square: Pixels = picture[:, left : left + side]
    return square
