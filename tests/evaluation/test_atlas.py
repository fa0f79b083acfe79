from __future__ import annotations

import base64
import io
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sdc_lib.augment import normalize
from sdc_lib.backbones import TinyBackbone
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips
from sdc_lib.evaluation.atlas import encode_jpeg, strongest_moment, write_atlas
from sdc_lib.evaluation.concepts import attention_maps
from sdc_lib.features import extract_features
from sdc_lib.model import SDC, ConceptHeads
from tests.helpers.small_world import CLIPS, make_world


class Page(HTMLParser):
    """Collects what a page shows and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.images.append(values)
        elif tag not in ("meta", "link"):
            self.open.append(tag)
        self.loads += [
            value or ""
            for key, value in attrs
            if key in ("src", "href") and not (value or "").startswith(("data:", "#"))
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def decode(jpeg: bytes) -> torch.Tensor:
    """uint8, ``(3, H, W)``."""
    with av.open(io.BytesIO(jpeg), "r") as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return torch.from_numpy(picture).permute(2, 0, 1)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_world(tmp_path_factory.mktemp("atlas"), "a<b", 3)


@pytest.fixture
def model() -> SDC:
    torch.manual_seed(0)
    return SDC(TinyBackbone(4, 16), ConceptHeads(16, num_concepts=3, projection_dim=4))


def test_the_page_stands_alone_and_shows_every_concept(
    model: SDC, videos: VideoDataset, tmp_path: Path
) -> None:
    path = tmp_path / "atlas.html"
    report = write_atlas(model, videos, path, CLIPS, top=2, title="Mine & yours", progress=False)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.loads == []
    assert "http" not in text
    assert re.findall(r'id="c(\d+)"', text) == [str(i) for i in range(6)]
    assert len(page.images) == 6 * 2 * 2
    assert all(image["alt"] for image in page.images)
    assert "Mine &amp; yours" in text
    assert "a&lt;b/000.mp4" in text
    assert "3 of 3 videos" in text
    assert len(report.concepts) == 6
    source = page.images[0]["src"] or ""
    data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    assert decode(data).shape == (3, 16, 16)
    assert model.training
    scores = extract_features(model, videos, CLIPS, progress=False).scores["video"]
    captions = re.findall(r"<figcaption>([^<]+)</figcaption>", text)
    assert captions == [
        f"a&lt;b/{video:03d}.mp4, score {scores[video, concept]:.2f}"
        for concept in range(6)
        for video in np.argsort(-scores[:, concept])[:2]
    ]
    assert len({caption.partition("score ")[2] for caption in captions}) > 1


def test_files_without_frames_shift_no_picture(
    model: SDC, videos: VideoDataset, tmp_path: Path
) -> None:
    hollow = replace(videos[0], name="hollow.mp4", num_frames=0)
    names = videos.class_names, videos.factor_names
    longer = VideoDataset("w", videos.root, "all", [hollow, *videos], *names)
    pages = []
    for number, listed in enumerate((videos, longer)):
        path = tmp_path / f"{number}.html"
        write_atlas(model, listed, path, CLIPS, top=3, progress=False)
        pages.append(Page(path.read_text(encoding="utf-8")))
    assert pages[0].images == pages[1].images


def test_pictures_come_from_the_crops_that_were_scored(
    model: SDC, videos: VideoDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = replace(CLIPS, crops="five_flip")
    shown: list[torch.Tensor] = []

    def watch(model: SDC, pixels: torch.Tensor, concept: int) -> tuple[torch.Tensor, torch.Tensor]:
        shown.append(pixels)
        return strongest_moment(model, pixels, concept)

    monkeypatch.setattr("sdc_lib.evaluation.atlas.strongest_moment", watch)
    write_atlas(model, videos, tmp_path / "atlas.html", clips, top=1, progress=False)
    source = EvalClips(videos, **asdict(clips))
    scored = [source[i].clips for i in range(len(videos))]
    assert shown
    assert all(any(torch.equal(pixels, one) for one in scored) for pixels in shown)


def test_the_moment_is_where_the_concept_looks_hardest(model: SDC) -> None:
    model.eval()
    clips = torch.randint(0, 255, (3, 3, 4, 16, 16), dtype=torch.uint8)
    frame, overlay = strongest_moment(model, clips, concept=4)
    inputs = normalize(clips)
    with torch.no_grad():
        best = int(model.encode(inputs).scores[:, 4].argmax())
    maps = attention_maps(model, inputs)[best, 4]
    moment = int(maps.sum(dim=(1, 2)).argmax())
    assert torch.equal(frame, clips[best, :, moment])
    assert overlay.shape == frame.shape
    warmth = overlay[0].float() - overlay[2].float()
    hottest, coldest = maps[moment].argmax(), maps[moment].argmin()
    assert warmth.flatten()[hottest] > warmth.flatten()[coldest]


def test_pictures_keep_their_colours() -> None:
    image = torch.zeros(3, 18, 34, dtype=torch.uint8)
    image[0, :, :17] = 220
    image[2, :, 17:] = 180
    decoded = decode(encode_jpeg(image)).int()
    assert decoded.shape == image.shape
    assert (decoded - image).abs().max() < 24


def test_no_videos_to_show_is_an_error(model: SDC, videos: VideoDataset, tmp_path: Path) -> None:
    for top in (0, 1_000_000):
        with pytest.raises(ValueError, match=f"top is {top}; it must be from 1 to 100"):
            write_atlas(model, videos, tmp_path / "atlas.html", CLIPS, top=top)
    assert not (tmp_path / "atlas.html").exists()
