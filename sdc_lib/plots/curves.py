"""Figures of training: the thirteen terms over time, and what parts of the method are worth."""

import csv
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdc_lib.plots.style import (
    BLACK,
    BLUE,
    GREY,
    STREAM_COLOURS,
    STREAM_LINES,
    VERMILLION,
    Array,
    as_numpy,
    lighter,
    new_figure,
    styled,
)
from sdc_lib.terms import FAMILIES

Log = str | Path | Mapping[str, Sequence[float]] | Iterable[Mapping[str, Any]]


def log_columns(log: Log) -> dict[str, Array]:
    """Columns of numbers from a log.csv, from columns, or from one mapping per step.

    Missing and non-numeric entries become NaN.

    Raises:
        ValueError: If there are no rows.
    """
    if isinstance(log, str | Path):
        with Path(log).open(newline="", encoding="utf-8") as file:
            rows: list[Mapping[str, Any]] = list(csv.DictReader(file))
        where = f"{log} has"
    elif isinstance(log, Mapping):
        return {name: as_numpy(values).astype(float) for name, values in log.items()}
    else:
        rows, where = list(log), "there are"
    if not rows:
        raise ValueError(f"{where} no rows to plot; run at least one step first")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([_number(row.get(name)) for row in rows]) for name in names}


def moving_average(values: Array, window: int) -> Array:
    """The mean of the last `window` values at every place, of those there are at the start.

    Args:
        values: ``(n,)``; NaN counts as missing.
        window: How many, at least 1.
    """
    present = np.isfinite(values)
    sums = np.concatenate([[0.0], np.where(present, values, 0.0).cumsum()])
    counts = np.concatenate([[0], present.cumsum()])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    number = counts[ends] - counts[starts]
    means: Array = (sums[ends] - sums[starts]) / np.where(present, number, np.nan)
    return means


@styled
def loss_curves(
    log: Log,
    num_concepts: int | None = None,
    smooth: int = 1,
    title: str = "",
    *,
    batch_size: int | None = None,
) -> Figure:
    """Plot the thirteen terms, a panel per family, and the signs of health beside them.

    Args:
        log: Path of a run's log.csv, its columns, or a list of records, one per step.
        num_concepts: K; marks log K, where alignment has learnt nothing, and K for perplexity.
        smooth: Steps of the moving average drawn over faint raw values; 1 for none.
        title: Above the figure.
        batch_size: B; marks log B and 2 log B, where contrast has learnt nothing.

    Returns:
        Contrast, alignment, diversity, fidelity, local contrast, total, perplexity and spread of
        features. A family that is 0 throughout, since it has not begun, has an empty panel.
    """
    columns = log_columns(log)
    first = next(iter(columns.values()))
    steps = columns.get("step", np.arange(1, len(first) + 1))
    figure, panels = new_figure(9.4, 4.2, 2, 4, sharex=True)
    for axes, (family, streams) in zip(panels, FAMILIES.items(), strict=False):
        axes.set_title(family if family != "align" else "alignment")
        terms = {stream: columns.get(f"{family}_{stream}") for stream in streams}
        if all(values is not None and not values.any() for values in terms.values()):
            _leave_empty(axes)
            continue
        for stream, values in terms.items():
            _line(axes, steps, values, stream, smooth)
    _line(panels[5], steps, columns.get("total"), "", smooth)
    panels[5].set_title("total")
    for stream in ("static", "dynamic"):
        _line(panels[6], steps, columns.get(f"perplexity_{stream}"), stream, smooth)
    panels[6].set_title("perplexity")
    _line(panels[7], steps, columns.get("feature_std"), "", smooth)
    panels[7].set_title("spread of features")
    if batch_size is not None:
        chance = math.log(batch_size)
        _mark_chance(panels[0], {f"log {batch_size}": chance, f"2 log {batch_size}": 2 * chance})
    if num_concepts is not None:
        _mark_chance(panels[1], {f"log {num_concepts}": math.log(num_concepts)})
        _mark(panels[6], num_concepts, f"K = {num_concepts}")
    for axes in panels:
        axes.grid(axis="y")
        axes.margins(x=0.02, y=0.1)
    for axes in panels[4:]:
        axes.set_xlabel("step")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    if title:
        figure.suptitle(title)
    return figure


@styled
def ablation_bars(
    results: Mapping[str, Sequence[float] | Array | float],
    ylabel: str = "accuracy, %",
    reference: float | None = None,
    reference_name: str = "chance",
    title: str = "",
) -> Figure:
    """Compare variants: a bar for the mean over seeds, its standard deviation, a ring per seed.

    Args:
        results: Values of each variant, one per seed; a name that begins with a stream
            (``"static half"``), or with a projection named after one (``"video_static"``), has
            the colour of that stream.
        ylabel: What they are, with its unit.
        reference: Value of a dashed line, e.g. chance.
        reference_name: What the line is; written above the axes, where no bar can cover it.
        title: Above the axes.

    Returns:
        Horizontal bars, so that long names stay readable; the longest ones take two lines. The
        error bar runs along the top of each bar, with the seeds below it, one under the other.
    """
    figure, (axes,) = new_figure(6.2, 0.8 + 0.5 * len(results))
    places = np.arange(len(results))[::-1]
    for place, (name, values) in zip(places, results.items(), strict=True):
        colour = STREAM_COLOURS.get(name.split()[0].split("_")[-1], BLUE)
        _bar_of_seeds(axes, place, np.atleast_1d(as_numpy(values).astype(float)), colour)
    axes.set_yticks(places, [textwrap.fill(name, 44) for name in results])
    axes.set_xlabel(ylabel)
    axes.set_title(title, pad=6 if reference is None else 18)
    axes.margins(x=0.18)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    if reference is not None:
        axes.axvline(reference, color=VERMILLION, linestyle="--", linewidth=1.3)
        axes.annotate(
            _true_minus(reference_name),
            (reference, 1),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            color=VERMILLION,
            fontsize=8,
        )
    return figure


def _bar_of_seeds(axes: Axes, place: int, seeds: Array, colour: str) -> None:
    """A bar for the mean, its deviation above the middle, the seeds below, and both as text."""
    several = len(seeds) > 1
    spread = seeds.std(ddof=1) if several else 0.0
    axes.barh(place, seeds.mean(), height=0.62, color=colour, alpha=0.55)
    lowered = np.linspace(0.04, -0.22, len(seeds)) if several else 0.0
    if spread:
        style: Any = {"color": BLACK, "capsize": 3, "lw": 1.4}
        axes.errorbar(seeds.mean(), place + 0.2, xerr=spread, **style)
    ring: Any = {"mfc": "white", "mec": BLACK, "ms": 3.5, "mew": 0.9}
    axes.plot(seeds, np.full(len(seeds), place) + lowered, "o", **ring)
    axes.annotate(
        _mean_and_spread(seeds.mean(), spread),
        (max(seeds.max(), seeds.mean() + spread, 0.0), place),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _line(axes: Axes, steps: Array, values: Array | None, stream: str, smooth: int) -> None:
    if values is None or not np.isfinite(values).any():
        return
    colour, line = STREAM_COLOURS.get(stream, BLACK), STREAM_LINES.get(stream, "-")
    if smooth > 1:
        axes.plot(steps, values, color=lighter(colour), linewidth=0.7, zorder=1)
        values = moving_average(values, smooth)
    marker = "o" if len(values) == 1 else ""
    axes.plot(steps, values, color=colour, linestyle=line, marker=marker, label=stream)


def _leave_empty(axes: Axes) -> None:
    axes.set_yticks([])
    axes.text(0.5, 0.5, "does not count yet", ha="center", color=GREY, transform=axes.transAxes)


def _mark_chance(axes: Axes, values: Mapping[str, float]) -> None:
    """Dotted lines without words, where curves run; below the panel, what they are."""
    for value in values.values():
        _mark(axes, value, "")
    axes.set_xlabel(f"dotted: {', '.join(values)}, nothing learnt", fontsize=7.5, color=GREY)


def _mark(axes: Axes, value: float, text: str) -> None:
    axes.axhline(value, color=GREY, linestyle=":", linewidth=1.3)
    axes.annotate(
        text,
        (1, value),
        (0, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=7.5,
        color=GREY,
    )


def _mean_and_spread(mean: float, spread: float) -> str:
    """Both to the spread's second digit, or to its first where the mean has three by then."""
    if not spread or not math.isfinite(spread):
        return _true_minus(f"{mean:.3g}")
    second = math.ceil(1 - math.log10(spread))
    third_of_mean = math.ceil(2 - math.log10(max(abs(mean), spread)))
    places = max(0, min(second, max(third_of_mean, second - 1)))
    return _true_minus(f"{mean:.{places}f} ± {spread:.{places}f}")


def _true_minus(text: str) -> str:
    """A minus, as on the axes, in place of a hyphen in front of a number."""
    return re.sub(r"(?<![\w)])-(?=[\d.])", "\N{MINUS SIGN}", text)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
