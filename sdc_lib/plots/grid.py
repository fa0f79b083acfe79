"""Images in rows and columns, with labels and outlines, as one figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sdc_lib.plots.pixels import Pixels
from sdc_lib.plots.style import DPI, RIGHT, WRONG, styled

GAP = 7
"""Between images, pixels of the page."""
BADGE = 15
"""Height of a line below an image, pixels of the page."""


@styled
def image_grid(
    rows: Sequence[Sequence[Pixels]],
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str = "",
    right: Sequence[Sequence[bool | None]] | None = None,
    density: int = 1,
    badges: Sequence[Sequence[Sequence[tuple[str, bool]]]] | None = None,
) -> Figure:
    """Lay images out in rows.

    Args:
        rows: Images ``(H, W, 3)`` uint8, all of one size.
        row_labels: Left of the rows; they may have several lines.
        column_labels: Above the columns.
        title: Above everything.
        right: For every image True (solid outline and a tick), False (dashed, a cross) or None.
        density: Pixels of an image to a pixel of the page, in each direction.
        badges: For every image names that are written below it, with a tick or a cross each.

    Returns:
        The figure.
    """
    columns = max(len(row) for row in rows)
    height, width = (-(-side // density) for side in rows[0][0].shape[:2])
    lines = [line for label in row_labels or () for line in label.split("\n")]
    longest = max(map(len, lines), default=0)
    foot = BADGE * max((len(own) for row in badges or () for own in row), default=0)
    left, top = round(7.5 * longest) + 8, 16 * bool(column_labels) + 22 * bool(title) + 6
    across, down = left + columns * (width + GAP), top + len(rows) * (height + foot + GAP)
    figure = Figure(figsize=(across / DPI, down / DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    canvas = np.full((down * density, across * density, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        y = top + r * (height + foot + GAP)
        if row_labels:
            axes.text(left - 7, y + height / 2, row_labels[r], ha="right", va="center")
        for c, image in enumerate(row):
            x = left + c * (width + GAP)
            top_left = np.s_[y * density :, x * density :]
            canvas[top_left][: image.shape[0], : image.shape[1]] = image
            if right is not None and c < len(right[r]):
                _outline(axes, (x, y), (width, height), right[r][c])
            for i, (name, good) in enumerate(badges[r][c] if badges is not None else ()):
                _badge(axes, x, y + height + BADGE * (i + 0.5), name, good)
    for c, label in enumerate((column_labels or ())[:columns]):
        x = left + c * (width + GAP) + width / 2
        axes.text(x, top - 4, label, ha="center", va="bottom", fontsize=8)
    if title:
        axes.text(left, 4, title, va="top", fontsize=10)
    axes.imshow(canvas, extent=(0, across, down, 0), aspect="auto")
    axes.set_axis_off()
    return figure


def _outline(
    axes: Axes, corner: tuple[float, float], size: tuple[float, float], right: bool | None
) -> None:
    """Solid with a tick for right, dashed with a cross for wrong, nothing for None."""
    if right is None:
        return
    colour, line = (RIGHT, "-") if right else (WRONG, (0, (3, 1.5)))
    axes.add_patch(Rectangle(corner, *size, fill=False, ec=colour, lw=2.6, ls=line))
    axes.text(
        corner[0] + size[0] - 9,
        corner[1] + 10,
        "✓" if right else "✗",
        color="white",
        ha="center",
        va="center",
        fontsize=8,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
    )


def _badge(axes: Axes, x: float, y: float, name: str, good: bool) -> None:
    text, colour = (f"✓ {name}", RIGHT) if good else (f"✗ {name}", WRONG)
    axes.text(x, y, text, va="center", fontsize=8, color=colour, weight="bold" if good else None)
