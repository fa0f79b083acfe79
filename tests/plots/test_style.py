"""Colours of text can be read on white, and those of streams are told apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib.plots import STREAM_COLOURS, STREAM_LINES, STREAM_TINTS, style


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


# Machado, Oliveira, Fernandes 2009: what is left of linear RGB without one kind of cone.
VISION = {
    "common": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(colours: Sequence[str], vision: str) -> NDArray[np.float64]:
    """CIELAB coordinates of colours as a kind of colour vision has them, ``(N, 3)``."""
    parts = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    left = (linear @ np.array(VISION[vision]).T).clip(0, 1)
    x, y, z = (left @ TO_XYZ.T / (0.9505, 1, 1.089)).T
    x, y, z = (np.where(c > 0.008856, np.cbrt(c), 7.787 * c + 16 / 116) for c in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("vision", VISION)
def test_colours_of_cells_are_told_apart_and_carry_black_text(vision: str) -> None:
    lab = seen((*style.CELL_COLOURS, "#FFFFFF"), vision)
    for one, other in itertools.combinations(lab, 2):
        assert np.linalg.norm(one - other) > 12  # 2.3 is just noticeable
    assert min(contrast(colour, "#000000") for colour in style.CELL_COLOURS) > 4.5


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*STREAM_COLOURS.values(), style.VERMILLION, style.GREY])
def test_colours_of_text_have_a_contrast_of_4_5_on_white(colour: str) -> None:
    assert contrast(colour, "#FFFFFF") >= 4.5


def test_a_stream_can_be_read_on_its_own_tint() -> None:
    for stream, tint in STREAM_TINTS.items():
        assert contrast(STREAM_COLOURS[stream], tint) >= 4


def test_streams_differ_in_line_style_not_only_in_colour() -> None:
    for one, other in itertools.combinations(STREAM_COLOURS, 2):
        assert STREAM_COLOURS[one] != STREAM_COLOURS[other]
        assert STREAM_LINES[one] != STREAM_LINES[other]
