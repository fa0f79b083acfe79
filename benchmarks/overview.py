"""Draw the picture of the README: six views of a video, and where its concepts look."""

from pathlib import Path

import torch

from sdc_lib import plots
from sdc_lib.augment import ClipAugment, normalize
from sdc_lib.checkpoint import load
from sdc_lib.config import AugmentConfig
from sdc_lib.datasets.motion_world import MOTIONS, render_video
from sdc_lib.plots.pixels import overlay, resize, to_frames
from sdc_lib.views import VIEW_NAMES, six_views

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "overview.png"
COLUMNS = 6


def draw() -> Path:
    """Write the picture and return its path."""
    torch.manual_seed(3)
    video = torch.from_numpy(render_video(2, MOTIONS.index("up"), seed=5)).permute(3, 0, 1, 2)
    clips = torch.stack([video[:, 0:16:2], video[:, 16:32:2]])  # (2, C, 8, 64, 64)
    augment = ClipAugment(AugmentConfig(size=64, crop_scale=(0.6, 1.0), flip=0.0, grayscale=0.2))
    views = six_views(clips, 4, lambda clip: normalize(augment(clip)))
    model = load("motion_factors_tiny")
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
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, dpi=90)
    return TARGET


_KINDS = ("video", "video", "one frame", "one frame", "difference", "difference")

if __name__ == "__main__":
    print(draw())
