"""Heads that train on stored features of a frozen backbone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.frames import SampleKey
from sdc_lib.features.cached_views import CachedViews
from sdc_lib.features.stored import StoredPairs
from sdc_lib.model import build_model
from sdc_lib.pretraining import pretrain
from sdc_lib.training.counting import count
from sdc_lib.training.estimate import estimate
from sdc_lib.training.step import LOGGED
from tests.helpers.small_runs import CONFIG, changed, make_videos, read_log

FROZEN = changed(optim={"freeze_backbone": True})
STORED = changed(FROZEN, optim={"stored_passes": 2, "stored_grid": (1, 2, 2)})


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_videos(tmp_path_factory.mktemp("videos"))


def test_samples_are_a_pass_drawn_by_seed_epoch_and_index() -> None:
    pooled = torch.arange(5.0)[:, None, None, None] + torch.arange(3.0)[:, None, None] / 10
    pooled = pooled.expand(5, 3, 6, 4)
    shown = torch.arange(5)[:, None].repeat(1, 3)
    shown[4] = 2  # the last video could not be read
    pairs = StoredPairs(CachedViews(pooled, None, shown, {}), seed=1)
    assert len(pairs) == 5
    drawn = [pairs[SampleKey(epoch, 3)] for epoch in range(30)]
    assert {round(float(sample.pooled[0, 0]), 1) for sample in drawn} == {3.0, 3.1, 3.2}
    assert torch.equal(pairs[SampleKey(7, 3)].pooled, drawn[7].pooled)
    assert drawn[0].pooled.shape == (6, 4)
    assert drawn[0].local.shape == (6, 4, 1, 1, 1)
    assert (drawn[0].index, drawn[0].replaced) == (3, False)
    assert (pairs[4].index, pairs[4].replaced) == (2, True)


def test_the_first_epoch_is_that_of_encoding_anew(videos: VideoDataset, tmp_path: Path) -> None:
    once = changed(STORED, optim={"stored_passes": 1})
    logs = []
    for name, config in (("anew", FROZEN), ("stored", once)):
        pretrain(config, tmp_path / name, videos=videos, progress=False, max_steps=3)
        logs.append(read_log(tmp_path / name / "log.csv"))
    for name in LOGGED:
        np.testing.assert_allclose(logs[1][name], logs[0][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-mixed", torch.bfloat16), ("64-true", torch.float64)]
)
def test_heads_train_in_other_precisions(
    videos: VideoDataset, tmp_path: Path, precision: str, dtype: torch.dtype
) -> None:
    config = changed(STORED, optim={"precision": precision})
    dtypes: set[torch.dtype] = set()

    def look(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(module, nn.Linear):
            dtypes.add(output.dtype)

    with register_module_forward_hook(look):
        pretrain(config, tmp_path / "run", videos=videos, progress=False)
    assert dtypes == {dtype}
    exact = pretrain(STORED, tmp_path / "exact", videos=videos, progress=False)
    found, expected = (
        read_log(folder / "log.csv")["fidelity_video"]
        for folder in (tmp_path / "run", exact.folder)
    )
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_a_stored_run_resumes_exactly_and_leaves_the_backbone(
    videos: VideoDataset, tmp_path: Path
) -> None:
    whole = pretrain(STORED, tmp_path / "whole", videos=videos, progress=False)
    pretrain(STORED, tmp_path / "broken", videos=videos, progress=False, max_steps=5)
    broken = pretrain(STORED, tmp_path / "broken", videos=videos, progress=False)
    assert whole.weights is not None
    assert broken.weights is not None
    expected, found = load_file(whole.weights), load_file(broken.weights)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    torch.manual_seed(STORED.seed)
    fresh = build_model(STORED.model).state_dict()
    for name, value in expected.items():
        if name.startswith("backbone"):
            assert torch.equal(value, fresh[name])
    assert not torch.equal(
        expected["heads.codebooks.video.weight"], fresh["heads.codebooks.video.weight"]
    )
    log = read_log(tmp_path / "whole" / "log.csv")
    assert all(value > 0 for value in log["local_video"][6:])


def test_features_of_a_backbone_that_learns_are_not_stored(tmp_path: Path) -> None:
    config = changed(CONFIG, optim={"stored_passes": 2})
    with pytest.raises(ValueError, match=r"set optim\.freeze_backbone"):
        pretrain(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_counts_the_heads_alone(tmp_path: Path) -> None:
    config: PretrainConfig = changed(STORED, data={"dataset": "ucf101"})
    assert count(config).flops < count(changed(config, optim={"stored_passes": 0})).flops / 2
    text = str(estimate(config, data_dir=tmp_path, accelerator="cpu"))
    assert "9537 videos x 2, not in the hours" in text
