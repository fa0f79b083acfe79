"""Figures made of frames: clips, the six views, concept maps, retrieved videos."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.plots.grid import image_grid
from sdc_lib.plots.pixels import Pixels, difference_frames, heatmap, resize, to_frames
from sdc_lib.plots.style import (
    DENSITY,
    LINE_STYLES,
    PALETTE,
    Array,
    as_numpy,
    new_figure,
    styled,
)
from sdc_lib.views import VIEW_NAMES

CELL, ROW = 96, 80
"""Height of a frame in a figure, pixels of the page; of one of many rows."""


@styled
def show_clip(
    clip: Tensor | Array, columns: int = 8, title: str = "", times: Sequence[float] | None = None
) -> Figure:
    """Draw frames of a clip, evenly spaced, side by side.

    Args:
        clip: See `sdc_lib.plots.to_frames`.
        columns: How many frames at most.
        title: Above the strip.
        times: Time of every frame in seconds, ``(T,)``; without it frames are numbered.

    Returns:
        A figure of one row.
    """
    frames = to_frames(clip)
    picks = _picks(len(frames), columns)
    labels = [f"t = {t}" if times is None else f"{times[t]:.2f} s" for t in picks]
    rows = [list(resize(frames[picks], CELL * DENSITY))]
    return image_grid(rows, column_labels=labels, title=title, density=DENSITY)


@styled
def show_views(
    views: Tensor, columns: int = 6, names: Sequence[str] = VIEW_NAMES, title: str = ""
) -> Figure:
    """Draw the six views, a row each; differences are centred on mid-grey with a common scale.

    Args:
        views: Normalised floats ``(6, C, T, H, W)`` in the order of `sdc_lib.views`; other numbers
            of rows work with `names` of their own, where a leading ``d`` marks a difference.
        columns: How many frames of each view at most.
        names: A label for each row.
        title: Above the figure.

    Returns:
        A figure of a row per view.

    Raises:
        ValueError: If there are not as many names as views.
    """
    if views.ndim != 5 or len(views) != len(names):
        raise ValueError(
            f"views must be ({len(names)}, C, T, H, W), one for each of {', '.join(names)}, "
            f"got {tuple(views.shape)}"
        )
    picks = _picks(views.shape[2], columns)
    rows = [list(resize(frames[picks], ROW * DENSITY)) for frames in view_frames(views, names)]
    return image_grid(rows, names, [f"t = {t}" for t in picks], title, density=DENSITY)


def view_frames(views: Tensor, names: Sequence[str] = VIEW_NAMES) -> list[Pixels]:
    """Views ``(V, C, T, H, W)`` as frames ``(T, H, W, 3)`` each, differences on one scale."""
    differences = [view for view, name in zip(views, names, strict=True) if name[0] == "d"]
    limit = None
    if differences:
        limit = float(np.percentile(torch.stack(differences).abs().cpu().numpy(), 99.5)) or None
    return [
        difference_frames(view, limit) if name[0] == "d" else to_frames(view)
        for view, name in zip(views, names, strict=True)
    ]


@styled
def difference_profile(differences: Tensor | Mapping[str, Tensor], title: str = "") -> Figure:
    """Plot how much changes from frame to frame: the mean absolute difference over time.

    Args:
        differences: One frame difference ``(C, T, H, W)``, or several with a name each, for
            instance by boundary.
        title: Above the axes.

    Returns:
        A line for each difference.
    """
    named = differences if isinstance(differences, Mapping) else {"": differences}
    figure, (axes,) = new_figure(5.6, 2.5)
    for i, (name, difference) in enumerate(named.items()):
        values = as_numpy(difference.abs().float().mean(dim=(0, 2, 3)))  # (T,)
        style: dict[str, Any] = {"color": PALETTE[i % 8], "linestyle": LINE_STYLES[i % 8]}
        axes.plot(values, label=name, marker="os^D"[i % 4], markersize=4, **style)
    axes.set(xlabel="frame t", ylabel="mean |x[t] − x[t−1]|", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    if any(named):
        axes.legend()
    return figure


@styled
def concept_maps(
    clip: Tensor | Array,
    attention: Tensor | Array,
    names: Sequence[str] | None = None,
    kept: Sequence[bool] | Tensor | Array | None = None,
    columns: int = 6,
    title: str = "",
) -> Figure:
    """Draw where concepts look: clean frames, and below them the cells of each map as they are.

    Nothing is interpolated, nothing lies over the frames, and all maps share one absolute scale, so
    that a map without a preference looks flat.

    Args:
        clip: See `sdc_lib.plots.to_frames`.
        attention: Weights of N concepts over positions, ``(N, T', H', W')``.
        names: Labels of the concepts.
        kept: Which concepts the filter keeps, ``(N,)``: solid outline and a tick;
            the others: dashed and a cross.
        columns: How many frames at most.
        title: Above the figure.

    Returns:
        The frames, a row per concept, and the scale: times even attention, where the weights of
        a concept sum to 1.
    """
    maps = as_numpy(attention).astype(float)
    if maps.ndim != 4:
        raise ValueError(f"attention must be (N, T, H, W), got {maps.shape}")
    positions = maps[:1].size
    even = positions > 1 and bool(np.allclose(maps.sum(axis=(1, 2, 3)), 1, atol=1e-2))
    values = maps * maps[0].size if even else maps
    high = max(float(values.max(initial=0)), 1e-12)
    frames = to_frames(clip)
    picks = _picks(len(frames), columns)
    small = resize(frames[picks], ROW * DENSITY)
    rows = [list(small)]
    for one in values:
        cells = [one[t * len(one) // len(frames)] for t in picks]
        rows.append([_cells(cell, small.shape[1:3], high) for cell in cells])
    names = list(names) if names is not None else [f"concept {i}" for i in range(len(maps))]
    right: list[list[bool | None]] | None = None
    if kept is not None:
        right = [[None] * len(picks)]
        right += [[bool(keep)] * len(picks) for keep in as_numpy(kept)]
    labels = [f"t = {t}" for t in picks]
    figure = image_grid(rows, ["clip", *names], labels, title, right, DENSITY)
    _add_scale(figure, high, "times even attention" if even else "weight")
    return figure


def _cells(weights: Array, size: tuple[int, int], high: float) -> Pixels:
    """Weights ``(H', W')`` as cells that fill a picture of a size."""
    image = heatmap(weights, (1, 1), 0.0, high)
    y, x = (np.arange(side) * count // side for side, count in zip(size, image.shape, strict=False))
    cells: Pixels = image[y][:, x]
    return cells


def _add_scale(figure: Figure, high: float, name: str) -> None:
    """A colour scale below an image grid."""
    width, height = figure.get_size_inches()
    below = 0.46
    figure.set_size_inches(width, height + below)
    figure.axes[0].set_position((0, below / (height + below), 1, height / (height + below)))
    place = (1 - 2.6 / width, 0.34 / (height + below), 2.4 / width, 0.1 / (height + below))
    bar = figure.add_axes(place)
    bar.imshow(np.linspace(0, 1, 256)[None], aspect="auto", extent=(0, high, 0, 1))
    bar.set(yticks=[])
    bar.set_xlabel(name, fontsize=8, labelpad=1)
    bar.tick_params(labelsize=7.5, length=2, pad=1)


@styled
def retrieval_grid(
    queries: Sequence[Tensor | Array],
    neighbours: Sequence[Sequence[Tensor | Array]],
    right: Sequence[Sequence[bool]] | Tensor | Array | None = None,
    captions: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Show queries and what was retrieved for them, nearest first.

    Args:
        queries: One frame ``(H, W, C)`` uint8 or one clip (its middle frame is shown) per query.
        neighbours: For each query its neighbours, as frames or clips.
        right: Whether each neighbour has the query's label, ``(Q, n)``: solid outline and a tick,
            or dashed outline and a cross.
        captions: A label for each query.
        title: Above the figure.

    Returns:
        A row per query.
    """
    rows = [
        [_square(image) for image in (query, *found)]
        for query, found in zip(queries, neighbours, strict=True)
    ]
    outlines: list[list[bool | None]] | None = None
    if right is not None:
        marks = as_numpy(right)
        outlines = [[None, *(bool(mark) for mark in row)] for row in marks]
    ranks = ["query", *(str(rank + 1) for rank in range(max(len(row) for row in rows) - 1))]
    return image_grid(rows, captions, ranks, title, outlines, DENSITY)


def _square(image: Tensor | Array) -> Pixels:
    """The middle frame of a clip, or a frame, cropped to a square of `CELL` pixels of the page."""
    array = torch.as_tensor(image)
    frames = to_frames(array if array.ndim == 4 else array[None])
    side = CELL * DENSITY
    frame = resize(frames[len(frames) // 2][None], side)[0]
    left = max(0, (frame.shape[1] - side) // 2)
    square: Pixels = frame[:, left : left + side]
    return square


def _picks(frames: int, columns: int) -> list[int]:
    count = max(1, min(frames, columns))
    return [round(i) for i in np.linspace(0, frames - 1, count)]
