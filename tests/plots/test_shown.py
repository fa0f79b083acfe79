"""Showing: text beside images, formats, players, style, and what is missing without matplotlib."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import IPython.display
import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from sdc_lib import plots
from sdc_lib.plots import pixels


def noise_clip(frames: int = 6, side: int = 24) -> torch.Tensor:
    return torch.randint(0, 256, (frames, side, side + 8, 3), dtype=torch.uint8)


def test_show_carries_the_text_beside_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def display(bundle: dict[str, Any], *, raw: bool, metadata: dict[str, Any]) -> None:
        assert raw
        shown.append((bundle, metadata))

    monkeypatch.setattr(IPython.display, "display", display)
    plots.show(plots.codebook_usage({"a": torch.rand(5)}), alt="A codebook, used about equally.")
    bundle, metadata = shown[0]
    assert bundle["text/plain"] == "A codebook, used about equally."
    assert metadata == {"image/png": {"alt": "A codebook, used about equally."}}
    assert bundle["image/png"].startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="alt"):
        plots.show(plots.codebook_usage({"a": torch.rand(5)}), alt=" ")


def test_photographs_become_jpeg_only_when_png_is_too_large() -> None:
    figure = plots.show_clip(noise_clip(2, 64))
    assert plots.figure_image(figure, max_kb=5000)[0] == "image/png"
    mime, data = plots.figure_image(figure, max_kb=30)
    assert mime == "image/jpeg"
    assert len(data) <= 30_000


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
    assert canvas.shape == (4 + 2 + 2, 6 + 3 + 2, 3)
    assert (canvas[:4, :6] == 0).all()
    assert (canvas[:2, 7:10] == 9).all()
    assert (canvas[5:7, :3] == 9).all()
    assert (canvas[5:7, 4:] == 255).all()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sdc_lib.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"-e '\.\[notebooks\]'"):
        importlib.import_module("sdc_lib.plots")
