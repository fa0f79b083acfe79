"""Video networks: shapes, sizes, and names that torchvision's weights fit."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision.models.video import mc3_18, r2plus1d_18, r3d_18
from torchvision.models.video.resnet import BasicBlock, Conv2Plus1D, R2Plus1dStem, VideoResNet

from sdc_lib.backbones import build_backbone, recompute_activations

CLASSIFIER = 512 * 400 + 400  # torchvision's and the release's, for Kinetics-400; ours have none


def without_weights(make: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the meta device: names and shapes only, at once."""
    with torch.device("meta"):
        return make().eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def one_block_a_stage() -> nn.Module:
    network: nn.Module = VideoResNet(BasicBlock, [Conv2Plus1D] * 4, [1] * 4, R2Plus1dStem)
    return network


@pytest.mark.parametrize(
    ("name", "count"),
    [("r2plus1d_18_released", 12_487_005), ("r2plus1d_18", 31_300_125)],
)
def test_parameter_counts(name: str, count: int) -> None:
    assert parameters(without_weights(lambda: build_backbone(name))) == count


def test_tiny_is_tiny() -> None:
    assert parameters(build_backbone("tiny")) < 400_000


def test_the_released_count_has_its_unused_classifier() -> None:
    ours = parameters(without_weights(lambda: build_backbone("r2plus1d_18_released")))
    assert parameters(without_weights(one_block_a_stage)) == ours + CLASSIFIER == 12_692_205


def test_clips_become_a_feature_and_a_map() -> None:
    backbone = build_backbone("tiny").eval()
    with torch.no_grad():
        pooled, local = backbone(torch.randn(2, 3, 8, 32, 32))
    assert pooled.shape == (2, backbone.dim)
    assert local.shape[:2] == (2, backbone.dim)
    assert_close(pooled, local.mean(dim=(2, 3, 4)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "clip", "grid"),
    [
        ("r2plus1d_18_released", (16, 128, 128), (2, 8, 8)),
        ("r2plus1d_18", (16, 112, 112), (2, 7, 7)),
        ("r3d_18", (16, 112, 112), (2, 7, 7)),
        ("mc3_18", (16, 112, 112), (16, 7, 7)),
        ("tiny", (8, 48, 48), (4, 6, 6)),
        ("tiny", (16, 64, 64), (8, 8, 8)),
    ],
)
def test_size_of_the_map(name: str, clip: tuple[int, int, int], grid: tuple[int, int, int]) -> None:
    backbone = without_weights(lambda: build_backbone(name))
    pooled, local = backbone(torch.empty(2, 3, *clip, device="meta"))
    assert tuple(local.shape) == (2, backbone.dim, *grid)
    assert tuple(pooled.shape) == (2, backbone.dim)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("r2plus1d_18_released", one_block_a_stage),
        ("r2plus1d_18", r2plus1d_18),
        ("r3d_18", r3d_18),
        ("mc3_18", mc3_18),
    ],
)
def test_names_and_shapes_are_torchvisions(name: str, reference: Callable[[], nn.Module]) -> None:
    theirs, ours = without_weights(reference), without_weights(lambda: build_backbone(name))
    shapes = {k: v.shape for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    assert {k: v.shape for k, v in ours.state_dict().items()} == shapes


def test_torchvisions_weights_give_torchvisions_features() -> None:
    theirs = one_block_a_stage().eval()
    ours = without_weights(lambda: build_backbone("r2plus1d_18_released"))
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    ours.load_state_dict(state, assign=True)
    clip = torch.randn(1, 3, 4, 16, 16)
    with torch.no_grad():
        classifier = theirs.get_submodule("fc")
        assert_close(classifier(ours(clip).pooled), theirs(clip))


def test_gradients_of_a_constant_clip_are_finite() -> None:
    backbone = build_backbone("tiny")
    clip = torch.zeros(2, 3, 4, 32, 32, requires_grad=True)
    backbone(clip).pooled.square().sum().backward()
    assert clip.grad is not None
    assert clip.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"unknown backbone 'resnet50'; choose one of tiny, r2plus"
    ):
        build_backbone("resnet50")


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
def test_a_compiled_backbone_is_one_graph_and_updates_statistics_once(recompute: bool) -> None:
    torch.manual_seed(0)
    plain = build_backbone("tiny").double()
    compiled = copy.deepcopy(plain)
    if recompute:
        recompute_activations(compiled)
    torch._dynamo.reset()
    compiled.compile(backend="aot_eager", fullgraph=True)
    clips = torch.randn(2, 3, 8, 16, 16, dtype=torch.float64)
    stills = torch.randn(2, 3, 1, 16, 16, dtype=torch.float64)
    gradients = []
    for network in (plain, compiled):
        out = network(clips, stills)
        gradients.append(torch.autograd.grad(out.local.sin().sum(), list(network.parameters())))
    assert_close(gradients[1], gradients[0], rtol=1e-9, atol=1e-11)
    assert_close(list(compiled.buffers()), list(plain.buffers()), rtol=0, atol=1e-12)


def test_only_networks_in_stages_recompute() -> None:
    with pytest.raises(ValueError, match="Identity cannot recompute its activations"):
        recompute_activations(nn.Identity())
