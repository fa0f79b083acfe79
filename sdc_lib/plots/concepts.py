"""Figures of assignments: Sinkhorn step by step, and how concepts are used."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from sdc_lib import codebook
from sdc_lib.plots.style import (
    BLUE,
    STREAM_COLOURS,
    VERMILLION,
    Array,
    as_numpy,
    lighter,
    new_figure,
    styled,
)


class SinkhornStep(NamedTuple):
    """One moment of Sinkhorn-Knopp."""

    name: str
    mass: Array  # (N, K), in units of a sample: a perfect row sums to 1, a column to N / K


def sinkhorn_trace(
    scores: Tensor | Array, epsilon: float = 0.05, iterations: int = 3
) -> list[SinkhornStep]:
    """Every half-step of Sinkhorn-Knopp; the last one equals `sdc_lib.codebook.sinkhorn`.

    Args:
        scores: Samples by concepts, ``(N, K)``.
        epsilon: Entropy weight ε > 0.
        iterations: How often columns and rows are scaled.

    Returns:
        The start, ``exp(scores / ε)`` scaled to total mass N, then columns and rows in turn:
        ``1 + 2 * iterations`` steps.

    Raises:
        ValueError: If the scores are not a matrix or ε is not positive.
    """
    log_q = torch.as_tensor(scores).detach().cpu().double()
    if log_q.ndim != 2 or epsilon <= 0:
        raise ValueError(
            f"scores must be (N, K) and epsilon positive, got {tuple(log_q.shape)} and {epsilon}"
        )
    samples, concepts = log_q.shape
    log_q = log_q / epsilon
    log_q = log_q - log_q.flatten().logsumexp(dim=0) + np.log(samples)
    steps = [SinkhornStep("start: ∝ exp(scores / ε)", log_q.exp().numpy())]
    for i in range(1, iterations + 1):
        log_q = log_q - log_q.logsumexp(dim=0, keepdim=True) + np.log(samples / concepts)
        steps.append(SinkhornStep(f"{i}: columns scaled", log_q.exp().numpy()))
        log_q = log_q - log_q.logsumexp(dim=1, keepdim=True)
        steps.append(SinkhornStep(f"{i}: rows scaled", log_q.exp().numpy()))
    return steps


@styled
def sinkhorn_steps(
    scores: Tensor | Array, epsilon: float = 0.05, iterations: int = 2, title: str = ""
) -> Figure:
    """Draw scores and assignments as columns and rows are scaled in turn, with their sums.

    Bars above a matrix are the sums of its columns: how many samples each concept holds. Bars at
    its side are the sums of its rows. They have one scale in all panels; lines mark what Sinkhorn
    wants.

    Args:
        scores: Samples by concepts, ``(N, K)``.
        epsilon: See `sdc_lib.codebook.sinkhorn`.
        iterations: How many rounds to draw.
        title: Above the figure.

    Returns:
        A panel per half-step, and the scale of the shades, which all panels share.
    """
    steps = sinkhorn_trace(scores, epsilon, iterations)
    samples, concepts = steps[0].mass.shape
    longest_top, longest_side = (max(s.mass.sum(axis=i).max() for s in steps) for i in (0, 1))
    columns = min(len(steps), 3)
    rows = -(-len(steps) // columns)
    head, cell = 0.35, (2.9, 2.9)  # inches
    foot = 0.45 if len(steps) == columns * rows else 0.0  # the scale has a free cell, or this
    height = head + cell[1] * rows + foot
    figure = Figure(figsize=(cell[0] * columns, height))
    unit_x, unit_y = 1 / columns, cell[1] / height
    for i, step in enumerate(steps):
        x = (i % columns) * unit_x
        y = foot / height + (rows - 1 - i // columns) * unit_y
        matrix = figure.add_axes((x + 0.1 * unit_x, y + 0.08 * unit_y, 0.56 * unit_x, 0.6 * unit_y))
        top = figure.add_axes((x + 0.1 * unit_x, y + 0.69 * unit_y, 0.56 * unit_x, 0.17 * unit_y))
        side = figure.add_axes((x + 0.67 * unit_x, y + 0.08 * unit_y, 0.2 * unit_x, 0.6 * unit_y))
        top.set_title(step.name, fontsize=10, loc="left", pad=16)
        matrix.imshow(step.mass, vmin=0, vmax=1, aspect="auto")
        matrix.set(xticks=[], yticks=[], xlabel="concepts", ylabel="samples")
        matrix.spines[:].set_visible(False)
        _sums(top, step.mass.sum(axis=0), samples / concepts, longest_top)
        _sums(side, step.mass.sum(axis=1), 1.0, longest_side, horizontal=True)
    place = (1 - 0.9 * unit_x, 0.42 / height, 0.56 * unit_x, 0.1 / height)
    scale = figure.colorbar(
        matrix.images[0], cax=figure.add_axes(place), orientation="horizontal", extend="max"
    )
    scale.set_label("share of a sample")
    figure.suptitle(title or f"ε = {epsilon:g}", fontsize=11, y=1 - 0.04 * unit_y, va="top")
    return figure


def _sums(
    axes: Axes, values: Array, target: float, longest: float, *, horizontal: bool = False
) -> None:
    """Bars with their numbers where there are few, and a line at what Sinkhorn wants."""
    places, limit = np.arange(len(values)), 1.03 * longest
    look: dict[str, Any] = {"color": lighter(BLUE, 0.5), "edgecolor": "white", "lw": 0.3}
    write = len(values) <= 12
    if horizontal:
        axes.barh(places, values, height=1, **look)
        axes.axvline(target, color=VERMILLION, linestyle="--", linewidth=1.2)
        axes.set(xlim=(0, limit), ylim=(len(values) - 0.5, -0.5))
    else:
        axes.bar(places, values, width=1, **look)
        axes.axhline(target, color=VERMILLION, linestyle="--", linewidth=1.2)
        axes.set(ylim=(0, limit), xlim=(-0.5, len(values) - 0.5))
    for place, value in zip(places, values, strict=True) if write else ():
        corner = (limit, place) if horizontal else (place, limit)  # beyond bars and line
        across, along = ("left", "center") if horizontal else ("center", "bottom")
        axes.text(
            float(corner[0]), float(corner[1]), f"{value:.2f}", fontsize=7.5, ha=across, va=along
        )
    axes.axis("off")


def perplexity(usage: Tensor | Array) -> float:
    """How many concepts a usage amounts to, see `sdc_lib.codebook.perplexity`.

    Args:
        usage: Shares or counts of K concepts, ``(K,)``, or distributions ``(N, K)`` to average.
    """
    return float(codebook.perplexity(torch.from_numpy(_shares(usage))))


@styled
def codebook_usage(
    usage: Tensor | Array | Mapping[str, Tensor | Array], title: str = "", sort: bool = True
) -> Figure:
    """Draw the share of every concept, with the perplexity.

    Args:
        usage: Shares or counts ``(K,)``, or concept distributions of samples ``(N, K)``; several
            with a name each make a panel each, in the colour of the half that the name tells.
        title: Above the figure.
        sort: Most used concept first; otherwise in the codebook's order.

    Returns:
        Bars, and a dashed line at 1/K where all concepts would be used equally.
    """
    named = usage if isinstance(usage, Mapping) else {"": usage}
    figure, panels = new_figure(3.6 * max(1, len(named)), 2.5, 1, len(named), sharey=True)
    for axes, (name, values) in zip(panels, named.items(), strict=True):
        shares = _shares(values)
        k = len(shares)
        ordered = np.sort(shares)[::-1] if sort else shares
        half = next((half for half in ("static", "dynamic") if half in name), "video")
        axes.bar(np.arange(k), 100 * ordered, width=0.9, color=STREAM_COLOURS[half])
        axes.axhline(100 / k, color=VERMILLION, linestyle="--", linewidth=1.3)
        label = f"{name}: " if name else ""
        axes.set_title(f"{label}perplexity {perplexity(shares):.1f} of {k}")
        axes.set_xlabel("concepts, most used first" if sort else "concept")
        axes.set_xlim(-0.6, k - 0.4)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.grid(axis="y")
    panels[0].set_ylabel("share, %")
    panels[-1].annotate(
        "equal use",
        (1, 100 / len(_shares(list(named.values())[-1]))),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        color=VERMILLION,
        fontsize=8,
    )
    if title:
        figure.suptitle(title)
    return figure


def _shares(usage: Tensor | Array) -> Array:
    values: Array = as_numpy(usage).astype(float)
    values = values.mean(axis=0) if values.ndim == 2 else values
    if values.ndim != 1 or values.min() < 0 or values.sum() <= 0:
        raise ValueError(
            f"usage must be shares or counts (K,) or distributions (N, K), none negative and not "
            f"all zero, got shape {as_numpy(usage).shape} with minimum {values.min():g}"
        )
    shares: Array = values / values.sum()
    return shares
