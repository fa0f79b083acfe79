from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdc_lib.config import ModelConfig
from sdc_lib.datasets import MotionFactors
from sdc_lib.evaluation import ClipSettings, localisation, untrained_heads
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.localisation import REGIONS
from sdc_lib.model import SDC, Encoded
from sdc_lib.views import frame_difference

CLIPS = ClipSettings(num_frames=8, size=40, stride=2)


class Watcher(nn.Module):
    """A model of two concepts: the static one looks everywhere, the dynamic one where it moves."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    @property
    def heads(self) -> Watcher:
        return self

    def encode(self, clips: Tensor) -> Encoded:
        assert not self.training
        energy = frame_difference(clips, "zero").abs().mean(dim=1, keepdim=True)
        local = nn.functional.adaptive_avg_pool3d(energy, (8, 10, 10))
        scores = torch.tensor([[0.0, 1.0, 1.0, 0.0]]).expand(len(clips), 4)
        return Encoded(local.flatten(1), local, scores)

    def concepts(self, stream: str) -> None:
        pass

    def attention(self, local: Tensor, concepts: None) -> tuple[None, Tensor]:
        first = torch.zeros_like(local)
        first[:, :, 0, 0, 0] = 1  # what no half's strongest concept does
        maps = torch.cat([first, torch.ones_like(local), local, first], dim=1)
        return None, maps / maps.sum(dim=(2, 3, 4), keepdim=True)


@pytest.fixture(scope="module")
def videos(motion_factors_root: Path) -> MotionFactors:
    some = MotionFactors(motion_factors_root, "test").thinned(25)
    assert isinstance(some, MotionFactors)
    return some


def test_the_strongest_concepts_are_compared_with_where_things_are(videos: MotionFactors) -> None:
    watcher = Watcher().train()
    found = localisation(watcher, videos, CLIPS, progress=False)  # type: ignore[arg-type]
    assert watcher.training
    assert found.evaluated == 25
    assert sum(found.area.values()) == pytest.approx(100, abs=1e-3)
    for region in REGIONS:
        assert found.ratios["static"][region].value == pytest.approx(1, abs=1e-5)
    moving = found.ratios["dynamic"]
    assert moving["shape"].low > 1.5
    for ratio in (*moving.values(), *found.sharpest.values()):
        assert ratio.low < ratio.value < ratio.high
    assert moving["distractor"].high < moving["shape"].low  # it only shakes with the camera
    assert moving["background"].high < 1
    assert "attention mass / area" in str(found)
    assert found.sharpest["shape"].value > moving["shape"].value
    expected = sum(
        moving[region].value * found.area[region] for region in REGIONS
    )  # all the mass is somewhere
    assert expected == pytest.approx(100, abs=0.01)


def test_clips_go_where_the_model_is(videos: MotionFactors) -> None:
    class Elsewhere(Watcher):
        def encode(self, clips: Tensor) -> Encoded:
            raise LookupError(clips.device.type)

    with pytest.raises(LookupError, match="meta"):
        localisation(Elsewhere().to("meta"), videos, CLIPS, progress=False)  # type: ignore[arg-type]


def test_shuffled_time_moves_masks_with_their_frames(videos: MotionFactors) -> None:
    watcher = Watcher()
    usual, again, shuffled = (
        localisation(watcher, videos, CLIPS, shuffle_time=s, progress=False)  # type: ignore[arg-type]
        for s in (False, True, True)
    )
    assert str(again) == str(shuffled)
    assert usual.area["shape"] == pytest.approx(shuffled.area["shape"])
    assert usual.ratios["dynamic"]["shape"].value != shuffled.ratios["dynamic"]["shape"].value
    assert shuffled.ratios["dynamic"]["shape"].low > 1.2


def test_the_masks_of_a_data_set_are_those_of_its_files(videos: MotionFactors) -> None:
    from sdc_lib.video import read_clip

    shape, distractor = videos.masks(3)
    assert shape.shape == distractor.shape == (24, 40, 40)
    pixels = read_clip(videos[3].path, range(24)).numpy().astype(int)
    colours = pixels - np.median(pixels, axis=(0, 1, 2))
    distance = np.abs(colours).sum(axis=-1)
    assert distance[shape == 1].mean() > 3 * distance[shape + distractor == 0].mean()


def test_untrained_heads_keep_the_backbone() -> None:
    config = ModelConfig("tiny", num_concepts=10, projection_dim=8)
    model: SDC = random_model(config, seed=1)
    fresh = untrained_heads(model, config, seed=2)
    for key, value in model.state_dict().items():
        if key.startswith("backbone"):
            assert torch.equal(value, fresh.state_dict()[key])
    assert not torch.equal(model.heads.concepts("video"), fresh.heads.concepts("video"))


def test_crops_whose_place_is_unknown_are_refused(videos: MotionFactors) -> None:
    clips = ClipSettings(8, 40, crops="five")
    with pytest.raises(ValueError, match="'five'; where things are is known in 'centre' crops"):
        localisation(Watcher(), videos, clips)  # type: ignore[arg-type]
