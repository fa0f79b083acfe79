"""Draw the pictures of README.md and docs/ from the library and the weights that ship.

``python -m tools.pictures`` writes docs/images/: the method in one figure; the six views of a video
and where its concepts look; the curves of each run; the videos that its purest concepts respond
to. It also fills in the table of the thirteen terms in docs/architecture.md.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sdc_lib import plots
from sdc_lib.augment import ClipAugment, normalize
from sdc_lib.config import AugmentConfig
from sdc_lib.datasets.motion_factors import MOTIONS
from sdc_lib.datasets.motion_factors.world import render_video
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation import analyse_concepts, extract_features
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.plots.pixels import overlay, resize, to_frames
from sdc_lib.video import read_clip
from sdc_lib.views import VIEW_NAMES, six_views
from sdc_lib.weights import available, load, load_config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images"
COLUMNS = 6
_KINDS = ("video", "video", "one frame", "one frame", "difference", "difference")


def draw_architecture() -> Path:
    """The method in one figure, and the table of its terms below it on its page."""
    path = FOLDER / "architecture.svg"
    alt = "The method: six views, one backbone, three codebooks, thirteen loss terms."
    path.write_text(plots.figure_svg(plots.architecture(), alt), encoding="utf-8")
    page = ROOT / "docs" / "architecture.md"
    page.write_text(with_terms(page.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def with_terms(text: str) -> str:
    """A page whose table of terms is the library's."""
    table = plots.term_table().markdown()
    marked = re.compile(r"(<!-- terms -->\n).*?(?=<!-- /terms -->)", re.DOTALL)
    return marked.sub(lambda found: found[1] + table, text)


def draw_overview() -> Path:
    """The six views of one video, and maps of its strongest concepts."""
    torch.manual_seed(3)
    video = torch.from_numpy(render_video(3, MOTIONS.index("right"), seed=8)).permute(3, 0, 1, 2)
    clips = torch.stack([video[:, 0:16:2], video[:, 16:32:2]])  # (2, C, 8, 64, 64)
    gentle = AugmentConfig(64, (0.6, 1.0), flip=0.0, grayscale=0.0, brightness=0.2, contrast=0.2)
    augment = ClipAugment(gentle)
    views = six_views(clips, 4, lambda clip: normalize(augment(clip)))
    model = load("motion_factors_small")
    with torch.no_grad():
        encoded = model.encode(normalize(clips[:1]))
        _, attention = model.heads.attention(encoded.local, model.heads.concepts("video"))
    half = model.heads.num_concepts
    strongest = [
        int(encoded.scores[0, :half].argmax()),
        int(encoded.scores[0, half:].argmax()) + half,
    ]
    plain = resize(to_frames(normalize(clips[0])), 80)
    rows = [list(resize(frames, 80)[:COLUMNS]) for frames in plots.view_frames(views)]
    rows += [list(overlay(plain, attention[0, concept])[:COLUMNS]) for concept in strongest]
    labels = [
        *(f"{name}: {what}" for name, what in zip(VIEW_NAMES, _KINDS, strict=True)),
        "its strongest static concept",
        "its strongest dynamic concept",
    ]
    figure = plots.image_grid(rows, labels, [f"t = {t}" for t in range(COLUMNS)])
    path = FOLDER / "overview.png"
    figure.savefig(path, dpi=90)
    return path


def draw_curves(name: str) -> Path:
    """The log of the run behind some weights."""
    source = Path(load(name).provenance["source"])
    concepts = load_config(name).model.num_concepts
    path = FOLDER / f"curves_{name}.png"
    plots.loss_curves(source.with_suffix(".log.csv"), concepts, smooth=20).savefig(path, dpi=90)
    return path


def draw_concepts(name: str, rows: int = 4) -> Path:
    """The test videos that the purest concepts of each half respond to most, a concept a label.

    A static concept's videos show their middle frame, a dynamic one's the trail that the shape
    leaves: the brightest value of each pixel over a second.
    """
    model, config = load(name), load_config(name)
    test = open_dataset(replace(config.data, size="tiny"), ROOT / "data", "test")
    clips = settings_for("own", config).clips
    report = analyse_concepts(model.heads, extract_features(model, test, clips), top=COLUMNS)
    pictures, captions = [], []
    for half in ("static", "dynamic"):
        purest = sorted((c for c in report.concepts if c.half == half), key=lambda c: c.share)
        by_label = {concept.label: concept for concept in purest}  # the purest of each comes last
        chosen = sorted(by_label.values(), key=lambda c: -c.share)[:rows]
        for concept in chosen:
            videos = (read_clip(test[int(v)].path, range(12, 37)).numpy() for v in concept.videos)
            pictures.append(
                [_still(video) if half == "static" else _trail(video) for video in videos]
            )
            captions.append(
                f"{half} {concept.index % config.model.num_concepts}: "
                f"{concept.label} {concept.share:.0%}"
            )
    path = FOLDER / f"concepts_{name}.png"
    plots.image_grid(pictures, captions, [str(i + 1) for i in range(COLUMNS)]).savefig(path, dpi=90)
    return path


def _still(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    frame: NDArray[np.uint8] = video[len(video) // 2]
    return frame


def _trail(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    trail: NDArray[np.uint8] = video.max(axis=0)
    return trail


if __name__ == "__main__":
    print(draw_architecture())
    print(draw_overview())
    for shipped in available():
        print(draw_curves(shipped))
        print(draw_concepts(shipped))
