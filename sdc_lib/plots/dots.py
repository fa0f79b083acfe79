"""Figures of dots: ablations with their seeds, ranks in two clips, pairs of two factors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from sdc_lib.plots.style import (
    BLACK,
    PALETTE,
    STREAM_COLOURS,
    VERMILLION,
    Array,
    as_numpy,
    new_figure,
    styled,
)


@styled
def ablation_dots(
    results: Mapping[str, Mapping[str, Sequence[float]]],
    metrics: Sequence[str] | None = None,
    reference: str | None = None,
    xlabel: str = "accuracy, %",
    title: str = "",
    chance: Mapping[str, float] | None = None,
) -> Figure:
    """Compare variants of a method: a dot for each seed, a line for their mean.

    Args:
        results: By variant and metric the values of all seeds, as the ledger has them:
            ``{record.row: record.values for record in read_records() if record.table == ...}``.
        metrics: A panel for each; by default those of the first variant.
        reference: The variant that others are compared with; a line marks its mean.
        xlabel: What the values are.
        title: Above the figure.
        chance: What guessing gets, by metric; a dotted line.

    Returns:
        A row for each variant, a panel for each metric.
    """
    names = list(metrics or next(iter(results.values())))
    figure, panels = new_figure(
        3.0 + 2.1 * len(names), 0.9 + 0.3 * len(results), 1, len(names), sharey=True
    )
    places = np.arange(len(results))[::-1]
    for axes, metric in zip(panels, names, strict=True):
        if reference is not None:
            middle = float(np.mean(results[reference][metric]))
            axes.axvline(middle, color=VERMILLION, linestyle="--", linewidth=1.2)
        if chance is not None:
            axes.axvline(chance[metric], color=BLACK, linestyle=":", linewidth=1.4)
        for place, values in zip(places, results.values(), strict=True):
            seeds = np.asarray(values.get(metric, ()), float)
            axes.plot(seeds, np.full(len(seeds), place), "o", ms=5, mfc="none", mec=PALETTE[0])
            if len(seeds):
                axes.plot([seeds.mean()] * 2, [place - 0.3, place + 0.3], color=BLACK, lw=1.8)
        axes.set(title=metric, xlabel=xlabel)
        axes.margins(x=0.1)
        axes.grid(axis="both")
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(places, list(results))
    if title:
        figure.suptitle(title)
    return figure


@styled
def filter_ranks(
    scores: Tensor | Array,
    other: Tensor | Array,
    kept: Tensor | Array,
    names: Sequence[str] | None = None,
    top_k: int = 10,
    shown: int = 14,
    title: str = "",
    inclusive: bool = False,
) -> Figure:
    """Draw how the concept filter decides: the rank of every concept in two clips, joined.

    Args:
        scores: Scores of one clip with N concepts, ``(N,)``.
        other: Those of the other clip of the same video.
        kept: Which concepts the filter keeps, ``(N,)``, see `sdc_lib.attention.select_concepts`.
        names: Of the concepts; ``static 3`` and ``dynamic 7`` give the colour of the half.
        top_k: The rank at which the filter draws its line.
        shown: Concepts are drawn that are among so many in at least one clip.
        title: Above the axes.
        inclusive: Whether rank ``top_k`` is kept, see `ObjectiveConfig.filter_inclusive`.

    Returns:
        Dots at the ranks, 1 at the top: full and joined by a solid line where the concept is kept,
        hollow and joined by a dotted one where it is not. The dashed rule is the filter's limit.
    """
    one, two = (_ranks(as_numpy(values)) for values in (scores, other))
    keep = as_numpy(kept).astype(bool)
    chosen = np.flatnonzero(np.minimum(one, two) <= shown)
    deepest = int(np.maximum(one, two)[chosen].max())
    figure, (axes,) = new_figure(5.4, 1.0 + 0.2 * deepest)
    for c in chosen.tolist():
        name = f"concept {c}" if names is None else names[c]
        colour = STREAM_COLOURS.get(name.split()[0], STREAM_COLOURS["video"])
        line: dict[str, Any] = {"color": colour, "linestyle": "-" if keep[c] else (0, (1, 2))}
        face = colour if keep[c] else "white"
        axes.plot([0, 1], [one[c], two[c]], marker="o", markersize=5, mfc=face, **line)
        look: dict[str, Any] = {"va": "center", "fontsize": 8, "color": colour}
        axes.text(-0.04, one[c], name, ha="right", **look)
        axes.text(1.04, two[c], name, ha="left", **look)
    axes.axhline(
        top_k + 0.5 if inclusive else top_k - 0.5, color=VERMILLION, linestyle="--", linewidth=1.3
    )
    axes.set(xlim=(-0.6, 1.6), ylim=(deepest + 0.7, 0.3), ylabel="rank, 1 = highest score")
    axes.set_yticks([rank for rank in (1, 5, 10, 15, 20, 30, 40) if rank <= deepest])
    axes.set_xticks([0, 1], ["clip 1", "clip 2"])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title or f"{int(keep.sum())} of {len(keep)} concepts are kept")
    return figure


@styled
def factorial_cosines(
    static: Tensor | Array,
    dynamic: Tensor | Array,
    row_names: Sequence[str],
    column_names: Sequence[str],
    title: str = "",
) -> Figure:
    """Compare all pairs of two factors with each other, by the scores of each half.

    If static scores know rows and nothing else, their panel, sorted by rows, has bright blocks
    along its diagonal and none elsewhere; if dynamic scores know columns, so has theirs, sorted by
    columns. Stripes beside the diagonal are pairs that share the *other* factor.

    Args:
        static: Static scores of every pair, ``(R, C, K)``.
        dynamic: Dynamic scores, ``(R, C, K)``.
        row_names: Names of the R classes, of shapes for instance.
        column_names: Names of the C classes, of motions.
        title: Above the figure.

    Returns:
        Two heatmaps of cosines, ``(R C, R C)``, with a line between classes.

    Raises:
        ValueError: If scores are not ``(R, C, K)``.
    """
    shape = len(row_names), len(column_names)
    halves = {"static": as_numpy(static), "dynamic": as_numpy(dynamic)}
    for half, scores in halves.items():
        if scores.ndim != 3 or scores.shape[:2] != shape:
            raise ValueError(
                f"the {half} scores must be ({shape[0]}, {shape[1]}, K), a row for each of "
                f"{', '.join(row_names)}, got {scores.shape}"
            )
    figure, panels = new_figure(7.0, 3.5, 1, 2)
    for axes, (half, scores) in zip(panels, halves.items(), strict=True):
        by_rows = half == "static"
        image = _blocks(
            axes,
            scores if by_rows else scores.swapaxes(0, 1),
            row_names if by_rows else column_names,
        )
        axes.set_title(f"{half} scores", color=STREAM_COLOURS[half], weight="bold")
    figure.colorbar(image, ax=panels, label="cosine", shrink=0.8)
    if title:
        figure.suptitle(title)
    return figure


def _blocks(axes: Axes, scores: Array, names: Sequence[str]) -> AxesImage:
    """Cosines of all pairs with all, those of one class side by side."""
    size = scores.shape[1]
    rows = scores.reshape(-1, scores.shape[-1])
    rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    image = axes.imshow(rows @ rows.T, vmin=-1, vmax=1)
    for edge in np.arange(1, len(names)) * size - 0.5:
        axes.axhline(edge, color="white", lw=1)
        axes.axvline(edge, color="white", lw=1)
    middles = np.arange(len(names)) * size + (size - 1) / 2
    axes.set_xticks(middles, names)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def _ranks(scores: Array) -> Array:
    """1 for the largest score."""
    ranks: Array = np.empty(len(scores), int)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
