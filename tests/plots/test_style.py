"""Colours of text can be read on white, and those of streams are told apart."""

from __future__ import annotations

import itertools

import pytest

from sdc_lib.plots import STREAM_COLOURS, STREAM_LINES, STREAM_TINTS, style


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


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
