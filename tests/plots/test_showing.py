"""Showing: text beside images, formats, players, style, and what is missing without matplotlib."""

from __future__ import annotations

import base64
import importlib
import io
import re
import sys
from typing import Any
from xml.etree import ElementTree

import IPython.display
import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from sdc_lib import plots
from sdc_lib.plots import pixels, showing
from sdc_lib.plots.style import DENSITY
from tests.helpers.noise import noise_clip


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    bundles: list[dict[str, Any]] = []

    def display(bundle: dict[str, Any], *, raw: bool) -> None:
        assert raw
        bundles.append(bundle)

    monkeypatch.setattr(IPython.display, "display", display)
    return bundles


def lines() -> Figure:
    return plots.codebook_usage({"a": torch.rand(5)})


def test_the_page_gets_an_image_tag_with_the_text(shown: list[dict[str, Any]]) -> None:
    plots.show(lines(), alt='A codebook, used "equally".')
    assert shown[0]["text/plain"] == 'A codebook, used "equally".'
    assert 'alt="A codebook, used &quot;equally&quot;."' in shown[0]["text/html"]
    with pytest.raises(ValueError, match="alt"):
        plots.show(lines(), alt=" ")


def test_lines_and_text_are_vectors_pixels_have_twice_the_resolution_of_the_page(
    shown: list[dict[str, Any]],
) -> None:
    pixels_figure = plots.show_clip(noise_clip(2, 64))
    for figure, kind in ((lines(), "svg+xml"), (pixels_figure, "png")):
        plots.show(figure, alt="noise", max_kb=5000)
        tag = shown[-1]["text/html"]
        width = int(re.findall(r'width="(\d+)"', tag)[0])
        data = base64.b64decode(
            re.findall(rf'src="data:image/{re.escape(kind)};base64,(.*?)"', tag)[0]
        )
        assert width == round(96 * figure.get_figwidth())
        if kind == "png":
            assert Image.open(io.BytesIO(data)).width == pytest.approx(2 * width, abs=2)
        else:
            assert ElementTree.fromstring(data).tag.endswith("svg")


def test_png_is_not_tried_hard_where_it_cannot_win(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, dict[str, Any]]] = []
    real = showing._encode

    def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
        tried.append((kind, options))
        return real(image, kind, **options)

    monkeypatch.setattr(showing, "_encode", encode)
    assert plots.figure_image(plots.show_clip(noise_clip(2, 64)), max_kb=20)[0] == "image/webp"
    assert not any(options.get("optimize") for _, options in tried)
    assert plots.figure_image(plots.show_clip(noise_clip(2, 64)), max_kb=5000)[0] == "image/png"
    assert tried[-1] == ("PNG", {"optimize": True})


def test_a_drawing_is_the_same_text_each_time_and_keeps_its_words() -> None:
    def draw() -> str:
        figure, (axes,) = plots.new_figure(3, 2)
        axes.plot([0, 1, 2], [0.123456, 3, 1])
        axes.set_title("mean 0.12345 <nats>")
        return plots.figure_svg(figure, title='a "line"')

    text = draw()
    assert text == draw()
    assert "mean 0.12345 &lt;nats&gt;" in text
    assert "<title>a &quot;line&quot;</title>" in text
    assert "0.123456" not in text


def test_photographs_become_webp_only_when_png_is_too_large() -> None:
    figure = plots.show_clip(noise_clip(2, 64))
    assert plots.figure_image(figure, max_kb=5000)[0] == "image/png"
    mime, data = plots.figure_image(figure, max_kb=60)
    assert mime == "image/webp"
    assert len(data) <= 60_000


def test_a_player_is_animated_small_and_described() -> None:
    made = plots.player({"left": noise_clip(5), "right": noise_clip(3)}, fps=5, alt='a "noise"')
    html = made._repr_html_()
    assert html.count("data:image/webp;base64,") == 2
    assert 'alt="a &quot;noise&quot; left"' in html
    assert repr(made) == 'a "noise"'
    image = Image.open(io.BytesIO(made.clips["left"]))
    assert getattr(image, "n_frames", 1) == 5
    image.load()
    assert image.info["duration"] == 200
    assert image.info["loop"] == 0


def test_a_player_that_cannot_be_small_says_so() -> None:
    with pytest.raises(ValueError, match="show fewer frames"):
        plots.player(noise_clip(6), alt="noise", max_kb=1)
    with pytest.raises(ValueError, match="alt"):
        plots.player(noise_clip(), alt="")


def test_use_style_works_with_and_without_with() -> None:
    before = matplotlib.rcParams["axes.spines.top"]
    with plots.use_style():
        assert matplotlib.rcParams["axes.spines.top"] is False
    assert matplotlib.rcParams["axes.spines.top"] == before


def test_mosaic_places_images_in_rows() -> None:
    black, grey = np.zeros((4, 6, 3), np.uint8), np.full((2, 3, 3), 9, np.uint8)
    canvas = pixels.mosaic([[black, grey], [grey]], gap=1)
    gap = DENSITY
    assert canvas.shape == (4 + 2 + 2 * gap, 6 + 3 + 2 * gap, 3)
    assert (canvas[:4, :6] == 0).all()
    assert (canvas[:2, 6 + gap : 9 + gap] == 9).all()
    assert (canvas[4 + gap : 6 + gap, :3] == 9).all()
    assert (canvas[4 + gap : 6 + gap, 3:] == 255).all()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sdc_lib.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"-e '\.\[notebooks\]'"):
        importlib.import_module("sdc_lib.plots")
