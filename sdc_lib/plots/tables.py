"""Figures of what was learnt: tables as heatmaps, similarities, embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from sdc_lib.plots.style import BLACK, MARKERS, PALETTE, Array, as_numpy, new_figure, styled


@styled
def disentanglement_table(
    table: Mapping[str, Mapping[str, Any]] | Tensor | Array,
    chance: Mapping[str, float] | Sequence[float] | None = None,
    title: str = "",
) -> Figure:
    """Draw what each half of the concepts knows of each factor.

    Args:
        table: Accuracies in per cent, half -> factor -> value (numbers, or anything with a
            ``value``), the static and the dynamic half of one network after the other; or an array
            ``(2, 2)``: static and dynamic half by appearance and motion.
        chance: Per cent of each factor that guessing gets; an extra row.
        title: Above the table.

    Returns:
        A heatmap with the numbers; frames mark what should be high: the first factor in a static
        half, the second in a dynamic one. A third factor is one that both halves may tell.
    """
    if isinstance(table, Mapping):
        rows, factors = list(table), list(next(iter(table.values())))
        values = np.array(
            [[float(getattr(v, "value", v)) for v in row.values()] for row in table.values()]
        )
    else:
        rows, factors = ["static", "dynamic"], ["appearance", "motion"]
        values = as_numpy(table).astype(float)
    labels = [f"{row} half" if row in ("static", "dynamic") else row for row in rows]
    if chance is not None:
        guessed = chance.values() if isinstance(chance, Mapping) else chance
        values = np.vstack([values, [float(value) for value in guessed]])
        labels.append("chance")
    figure, (axes,) = new_figure(1.6 + 1.3 * len(factors), 0.8 + 0.62 * len(values))
    axes.imshow(values, vmin=0, vmax=100, aspect="auto")
    _write_values(axes, values, 100, "{:.1f}")
    for i in range(len(rows)):
        colour = "black" if values[i, i % 2] > 50 else "white"
        corner = (i % 2 - 0.45, i - 0.45)
        axes.add_patch(Rectangle(corner, 0.9, 0.9, fill=False, ec=colour, lw=2.5))
    axes.set_xticks(range(len(factors)), factors)
    axes.set_yticks(range(len(labels)), labels)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(rows) == 2 and len(factors) >= 2:  # further factors count for neither half
        diagonal, other = np.trace(values[:2, :2]) / 2, (values[0, 1] + values[1, 0]) / 2
        axes.set_xlabel(f"accuracy, %; gap {diagonal - other:.1f} points")
    axes.set_title(title)
    return figure


@styled
def confusion(
    matrix: Tensor | Array, class_names: Sequence[str] | None = None, title: str = ""
) -> Figure:
    """Draw a confusion matrix as shares of each true class.

    Args:
        matrix: Counts ``(C, C)``, rows true, columns predicted.
        class_names: Their names; left out above 30 classes.
        title: Above the axes.

    Returns:
        A heatmap, with per cent written in up to 12 classes.
    """
    counts = as_numpy(matrix).astype(float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is (C, C), got {counts.shape}")
    shares = 100 * counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    classes = len(shares)
    side = 2.2 + min(3.2, 0.32 * classes)
    figure, (axes,) = new_figure(side + 0.8, side)
    image = axes.imshow(shares, vmin=0, vmax=100)
    if classes <= 12:
        _write_values(axes, shares, 100, "{:.0f}", size=7 if classes > 6 else 9)
    if class_names is not None and classes <= 30:
        axes.set_xticks(range(classes), class_names, rotation=45, ha="right")
        axes.set_yticks(range(classes), class_names)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="% of the true class", shrink=0.8)
    return figure


@styled
def similarity_matrix(
    similarity: Tensor | Array | Mapping[str, Tensor | Array],
    rows: str = "queries",
    columns: str = "keys",
    label: str = "cosine",
    limits: tuple[float, float] | None = None,
    title: str = "",
    *,
    numbered: bool = False,
    row_names: Sequence[str] = (),
) -> Figure:
    """Draw similarities of queries and keys, side by side where there are several.

    Args:
        similarity: ``(B, B')``, or several with a name each.
        rows: What rows are.
        columns: What columns are.
        label: What the values are.
        limits: Lowest and highest colour; by default those of the data, common to all panels.
        title: Above the figure.
        numbered: Number rows and columns at the axes, from 0.
        row_names: Names of all rows, beside the first panel.

    Returns:
        Heatmaps with numbers in up to 8 rows.
    """
    named = similarity if isinstance(similarity, Mapping) else {"": similarity}
    arrays = {name: as_numpy(values).astype(float) for name, values in named.items()}
    low = min(a.min() for a in arrays.values()) if limits is None else limits[0]
    high = max(a.max() for a in arrays.values()) if limits is None else limits[1]
    narrow = max(values.shape[1] / values.shape[0] for values in arrays.values())
    width = min(3.0, max(1.5, 3.0 * narrow))  # cells are squares: no empty space beside few columns
    height = 3.4 if numbered else 3.1
    figure, panels = new_figure(width * len(arrays) + 0.8, height, 1, len(arrays))
    for axes, (name, values) in zip(panels, arrays.items(), strict=True):
        image = axes.imshow(values, vmin=low, vmax=high)
        if max(values.shape) <= 8:
            _write_values(axes, values - low, high - low, "{:.2f}", offset=low, size=7.5)
        ticks = [range(n) if numbered else () for n in values.shape]
        axes.set(xlabel=columns, title=name, xticks=ticks[1], yticks=ticks[0])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    panels[0].set_ylabel(rows)
    if row_names:
        numbers = (f" {i}" if numbered else "" for i in range(len(row_names)))
        labels = [name + number for name, number in zip(row_names, numbers, strict=True)]
        panels[0].set_yticks(range(len(labels)), labels)
    figure.colorbar(image, ax=panels, label=label, shrink=0.85)
    if title:
        figure.suptitle(title)
    return figure


@styled
def embedding_2d(
    features: Tensor | Array,
    labels: Tensor | Array | Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    prototypes: Tensor | Array | None = None,
    title: str = "",
) -> Figure:
    """Scatter features in the plane of their two main directions (PCA).

    Args:
        features: ``(N, D)``; with D = 2 they are drawn as they are.
        labels: Class of each, ``(N,)``: colour and marker.
        class_names: Names of the classes.
        prototypes: Rows ``(K, D)`` drawn as stars in the same plane, e.g. concepts.
        title: Above the axes.

    Returns:
        The scatter; axes say how much of the variance they show.
    """
    points = as_numpy(features).astype(float)
    if points.ndim != 2 or points.shape[1] < 2:
        raise ValueError(f"features must be (N, D) with D >= 2, got {points.shape}")
    centre, axes_2d, shares = _principal_plane(points)
    flat = (points - centre) @ axes_2d.T
    groups = np.zeros(len(flat), int) if labels is None else as_numpy(labels).astype(int)
    figure, (axes,) = new_figure(4.6 if labels is not None else 3.6, 3.3)
    for i, group in enumerate(np.unique(groups)):
        name = str(group) if class_names is None else class_names[group]
        style: dict[str, Any] = {"color": PALETTE[i % 8], "marker": MARKERS[(i + i // 8) % 8]}
        own = flat[groups == group]
        axes.scatter(own[:, 0], own[:, 1], s=16, alpha=0.75, linewidths=0, label=name, **style)
    if prototypes is not None:
        stars = (as_numpy(prototypes).astype(float) - centre) @ axes_2d.T
        look: dict[str, Any] = {"marker": "*", "s": 130, "color": BLACK, "edgecolors": "white"}
        axes.scatter(stars[:, 0], stars[:, 1], linewidths=0.8, label="concepts", **look)
    if shares is None:
        axes.set(xlabel="dimension 1", ylabel="dimension 2")
    else:
        axes.set_xlabel(f"direction 1 ({shares[0]:.0%} of variance)")
        axes.set_ylabel(f"direction 2 ({shares[1]:.0%})")
    axes.set_title(title)
    if labels is not None or prototypes is not None:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), handletextpad=0.3)
    return figure


def _principal_plane(points: Array) -> tuple[Array, Array, Array | None]:
    """Centre ``(D,)``, two directions ``(2, D)``, and their shares of the variance."""
    if points.shape[1] == 2:
        return np.zeros(2), np.eye(2), None
    centre = points.mean(axis=0)
    _, strengths, directions = np.linalg.svd(points - centre, full_matrices=False)
    variance = strengths**2
    if len(directions) < 2:
        raise ValueError(f"a plane needs at least 2 features, got {len(points)}")
    return centre, directions[:2], variance[:2] / max(variance.sum(), 1e-12)


def _write_values(
    axes: Axes, values: Array, top: float, form: str, offset: float = 0.0, size: float = 9
) -> None:
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if value > 0.55 * top else "white"
        text = form.format(value + offset)
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
