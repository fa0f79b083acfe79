"""Stills on few frames and widths in multiples of eight change nothing: not a value, not a name."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sdc_lib import backbones
from sdc_lib.backbones import StagedBackbone, TinyBackbone, build_backbone
from sdc_lib.layers import Clips, run

SIZE = 16


def random_backbone(name: str) -> StagedBackbone:
    """Weights, running statistics and BatchNorm parameters that are nowhere 0 or 1."""
    torch.manual_seed(0)
    backbone = build_backbone(name).double()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.5)
            nn.init.normal_(module.running_mean, std=0.5)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    assert isinstance(backbone, StagedBackbone)
    return backbone


def random_clips(frames: int, stills: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    clips = torch.randn(3, 3, frames, SIZE, SIZE, generator=generator, dtype=torch.float64)
    still = torch.randn(stills, 3, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
    return clips.requires_grad_(), still.requires_grad_()


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float(
        (ours - theirs).abs().max().detach() / theirs.detach().abs().max().clamp_min(1e-30)
    )


CASES = [
    ("tiny", 8),
    ("tiny", 16),
    ("tiny", 3),
    ("tiny", 1),
    ("r2plus1d_18_released", 8),
    ("r2plus1d_18_released", 16),
    pytest.param("r3d_18", 16, marks=pytest.mark.slow),
    pytest.param("mc3_18", 16, marks=pytest.mark.slow),
    pytest.param("r2plus1d_18", 16, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "frames"), CASES)
def test_stills_and_filled_widths_are_exact(
    name: str, frames: int, training: bool, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = random_backbone(name).train(training)
    ours = copy.deepcopy(plain)
    clips, stills = random_clips(frames)
    expected = plain(torch.cat([clips, stills.expand(-1, -1, frames, -1, -1)]))
    monkeypatch.setattr(backbones, "_channel_multiple", lambda _: channels)
    got = ours(clips, stills)
    for mine, theirs in zip(got, expected, strict=True):
        assert relative(mine, theirs) < 1e-12
    weights = [torch.randn_like(out) for out in expected]
    gradients = [
        torch.autograd.grad(
            [out.pooled, out.local], [clips, stills, *network.parameters()], weights
        )
        for out, network in ((got, ours), (expected, plain))
    ]
    for mine, theirs in zip(*gradients, strict=True):
        assert relative(mine, theirs) < 2e-12
    assert list(ours.state_dict()) == list(plain.state_dict())
    for mine, theirs in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True):
        assert mine.shape == theirs.shape
        assert relative(mine.double(), theirs.double()) < 1e-12


def test_filled_widths_alone_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = random_backbone("r2plus1d_18_released")
    ours, (clips, _) = copy.deepcopy(plain), random_clips(4)
    expected = plain(clips)
    widths: list[int] = []
    monkeypatch.setattr(backbones, "_channel_multiple", lambda _: 8)
    for module in ours.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, x, out: widths.append(out.shape[1]))
    got = ours(clips)
    assert {48, 144, 232, 464, 928} <= set(widths)  # instead of 45, 144, 230, 460, 921
    assert all(width % 8 == 0 for width in widths)
    assert relative(got.local, expected.local) < 1e-12


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize(
    "options",
    [
        {"dilation": (2, 1, 1), "padding": (2, 1, 1)},
        {"dilation": (1, 2, 2), "padding": (1, 2, 2)},
        {"dilation": (3, 1, 1), "padding": (1, 1, 1)},
        {"groups": 3},
        {"padding_mode": "circular"},
        {"padding_mode": "replicate"},
        {"padding": (0, 1, 1)},
        {"kernel_size": (2, 3, 3), "padding": "same"},
        {"kernel_size": (4, 1, 1), "padding": (2, 0, 0)},
        {"bias": False, "stride": (2, 1, 1)},
    ],
    ids=str,
)
def test_convolutions_of_all_kinds_are_exact(options: dict[str, Any], channels: int) -> None:
    torch.manual_seed(0)
    usual = {"kernel_size": 3, "padding": 1}
    first = nn.Conv3d(3, 9, 3, padding=1)
    second = nn.Conv3d(9, 6, **(usual | options))
    third = nn.Conv3d(6, 10, 3, padding=1)
    network = nn.Sequential(first, second, nn.ReLU(), third).double()
    clips, stills = random_clips(16)
    expected = network(torch.cat([clips, stills.expand(-1, -1, 16, -1, -1)]))
    got = run(network, Clips(clips, stills, channels)).unfolded()
    assert got.shape[1] == 10 + -10 % channels
    assert relative(got[:, :10], expected) < 1e-12
    assert not got[:, 10:].any()


def test_the_last_layers_filling_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TinyBackbone(16, 100).double().eval()
    clips, stills = random_clips(8)
    expected = plain(clips, stills)
    monkeypatch.setattr(backbones, "_channel_multiple", lambda _: 8)
    for mine, theirs in zip(plain(clips, stills), expected, strict=True):
        assert mine.shape[1] == plain.dim == 100
        assert relative(mine, theirs) < 1e-12


def test_few_frames_are_computed_of_a_still() -> None:
    backbone = random_backbone("r2plus1d_18_released")
    clips, stills = random_clips(16)
    x = Clips(clips, stills)
    space, norm, relu, time = backbone.get_submodule("layer2.0.conv1.0").children()
    frames = []
    with torch.no_grad():
        for stage in (*map(backbone.get_submodule, ("stem", "layer1")), space, norm):
            x = run(stage, x)
            frames.append(None if x.stills is None else x.stills.shape[2])
        assert frames == [3, 7, 7, 7]
        assert x.moving.shape[2] == 16
        assert run(time, run(relu, x)).stills is None  # strides through time
        assert x.unfolded().shape[2] == 16


def test_stills_alone_are_encoded() -> None:
    backbone = random_backbone("tiny").eval()
    clips, stills = random_clips(8)
    with torch.no_grad():
        alone = backbone(clips[:0], stills)
        assert_close(alone.local, backbone(stills.expand(-1, -1, 8, -1, -1)).local)


def test_an_unknown_layer_is_refused() -> None:
    clips, stills = random_clips(4)
    with pytest.raises(TypeError, match="cannot run a Dropout on clips and stills together"):
        run(nn.Dropout(), Clips(clips, stills))
    assert run(nn.Identity(), Clips(clips)).moving is clips  # clips alone may go through anything
