"""MotionFactors tiny as it is on disk: whole, and no single frame gives its motion away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdc_lib.datasets import MotionFactors, make_motion_factors
from sdc_lib.datasets.motion_factors import SPLITS
from sdc_lib.video import probe, read_clip

pytestmark = pytest.mark.slow
FRAMES_PER_VIDEO = 4
CHANCE = 0.1


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_motion_factors(tmp_path_factory.mktemp("tiny"), "tiny")


def test_tiny_is_whole(tiny: Path) -> None:
    assert [len(MotionFactors(tiny, split, "tiny")) for split in SPLITS] == [1000, 100, 200]
    assert probe(tiny / "test" / "000199.mp4").num_frames == 48


def frames_with_labels(
    root: Path, split: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Frames ``(N, 64, 64, 3)`` at random times, their appearances and motions."""
    videos = MotionFactors(root, split)
    rng = np.random.default_rng(0)
    frames = [
        read_clip(video.path, rng.choice(48, FRAMES_PER_VIDEO, replace=False)).numpy()
        for video in videos
    ]
    labels = (
        videos.targets(factor).repeat(FRAMES_PER_VIDEO) for factor in ("appearance", "motion")
    )
    appearance, motion = labels
    return np.concatenate(frames), appearance, motion


def gradient_histograms(frames: NDArray[np.uint8], cell: int = 8) -> NDArray[np.float64]:
    """Histograms of gradient directions in cells, as in HOG, and brightness: ``(N, F)``."""
    grey = frames.astype(np.float32).mean(-1)
    dy, dx = np.gradient(grey, axis=(1, 2))
    n, cells = len(grey), grey.shape[1] // cell
    bins = (np.arctan2(dy, dx) % np.pi * (9 / np.pi)).astype(np.int64).clip(0, 8)
    place = np.arange(grey.shape[1]) // cell
    where = np.arange(n)[:, None, None] * cells**2 + place[:, None] * cells + place
    weights = np.hypot(dx, dy).ravel()
    histograms = np.bincount((where * 9 + bins).ravel(), weights, n * cells**2 * 9)
    brightness = grey.reshape(n, cells, cell, cells, cell).mean(axis=(2, 4)).reshape(n, -1)
    everywhere = histograms.reshape(n, -1, 9).mean(axis=1)
    return np.concatenate([histograms.reshape(n, -1), everywhere, brightness], axis=1)


def test_one_frame_says_nothing_about_the_motion_but_much_about_the_appearance(
    tiny: Path,
) -> None:
    train, val, test = (frames_with_labels(tiny, split) for split in SPLITS)
    known = gradient_histograms(train[0])
    unknown = gradient_histograms(np.concatenate([val[0], test[0]]))
    appearance, motion = (np.concatenate([val[i], test[i]]) for i in (1, 2))
    assert len(unknown) == 1200

    def score(targets: NDArray[np.int64], truth: NDArray[np.int64], c: float) -> float:
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=60))
        return float(np.mean(classifier.fit(known, targets).predict(unknown) == truth))

    for c in (1e-4, 1e-2):
        found = score(train[2], motion, c)
        assert abs(found - CHANCE) < 0.05, f"motion {found:.1%} of N=1200 frames, chance 10%"
    control = score(train[1], appearance, 1e-2)
    assert control > 2 * CHANCE, f"too weak a probe to say anything: {control:.1%}"
