"""Weights saved by the released code go where they belong, or the error says which do not."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sdc_lib.backbones import BackboneOutput, build_backbone
from sdc_lib.model import SDC, ConceptHeads, load_released_weights, released_name
from sdc_lib.model.released import RELEASED_NAMES
from tests.helpers.released_weights import random_released_weights

DIM, K, P = 6, 10, 4


class OneLayer(nn.Module):
    """A backbone with a single weight."""

    dim = DIM

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv3d(3, DIM, 1, bias=False)

    def forward(self, x: Tensor) -> BackboneOutput:
        local = self.stem(x)
        return BackboneOutput(local.mean(dim=(2, 3, 4)), local)


def heads() -> ConceptHeads:
    return ConceptHeads(DIM, K, P).double()


def model() -> SDC:
    return SDC(OneLayer(), ConceptHeads(DIM, K, P)).double()


def weights() -> dict[str, Tensor]:
    return random_released_weights(DIM, K, P)


def full_weights() -> dict[str, Tensor]:
    stem = torch.randn(DIM, 3, 1, 1, 1, dtype=torch.float64)
    return weights() | {"backbone.stem.weight": stem}


def weights_of_heads(released: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: w for name, w in released.items() if not name.startswith("backbone.")}


def test_every_head_gets_its_released_weights() -> None:
    module, released = heads(), weights()
    load_released_weights(module, released)
    ours = module.state_dict()
    for name, tensor in released.items():
        head, _, rest = name.partition(".")
        assert_close(ours[f"{RELEASED_NAMES[head]}.{rest}"], tensor)
    parameters = {name for name, _ in module.named_parameters()}
    assert {released_name(name) for name in parameters} == set(released)


def test_a_whole_model_gets_its_backbone_too() -> None:
    module, released = model(), full_weights()
    load_released_weights(module, released)
    assert_close(
        module.backbone.get_parameter("stem.weight").data, released["backbone.stem.weight"]
    )
    assert_close(
        module.get_parameter("heads.codebooks.static.weight").data, released["prototype_s.weight"]
    )


def test_prefixes_of_data_parallel_are_stripped() -> None:
    released = {f"module.{name}": tensor for name, tensor in full_weights().items()}
    module = model()
    load_released_weights(module, released)
    assert_close(
        module.heads.attention.project_q.weight.data, released["module.lit.project_q.weight"]
    )


def test_queue_classifier_and_a_backbone_without_a_place_are_ignored() -> None:
    extra = {
        "queue": torch.zeros(3, 6, 2 * K),
        "backbone.fc.weight": torch.zeros(400, DIM),
        "backbone.fc.bias": torch.zeros(400),
    }
    released = full_weights()
    for make in (model, heads):
        plain, ignoring, replica = make(), make(), make()
        load_released_weights(plain, released if make is model else weights_of_heads(released))
        load_released_weights(ignoring, released | extra)
        load_released_weights(replica, {f"module.{k}": v for k, v in (released | extra).items()})
        for other in (ignoring, replica):
            assert_close(dict(other.named_parameters()), dict(plain.named_parameters()))


def test_batch_norm_buffers_load_when_present_and_stay_when_absent() -> None:
    module = heads()
    norm = module.concept_projections["video"].get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    mean.fill_(3)
    load_released_weights(module, weights())
    assert (mean == 3).all()
    buffers = {
        "fv.1.running_mean": torch.full((DIM,), 7.0),
        "fv.1.running_var": torch.full((DIM,), 8.0),
        "fv.1.num_batches_tracked": torch.tensor(9),
    }
    load_released_weights(module, weights() | buffers)
    assert (mean == 7).all()
    assert (variance == 8).all()
    assert norm.num_batches_tracked == 9


def test_float32_weights_fit_a_float64_model() -> None:
    module = heads()
    load_released_weights(module, {name: tensor.float() for name, tensor in weights().items()})
    assert module.get_parameter("codebooks.video.weight").dtype == torch.float64


@pytest.mark.parametrize("make", [heads, model])
def test_all_missing_names_are_listed_as_released(make: Callable[[], nn.Module]) -> None:
    released = full_weights()
    missing = ["fvs.0.weight", "prototype_d.weight", "gs.1.bias", "lit.norm_mlp.weight"]
    for name in missing:
        del released[name]
    with pytest.raises(ValueError, match="missing: ") as caught:
        load_released_weights(make(), released)
    message = str(caught.value)
    assert all(name in message for name in missing)
    assert "unknown" not in message
    assert "heads." not in message


def test_a_missing_backbone_weight_is_named() -> None:
    with pytest.raises(ValueError, match=r"missing: backbone\.stem\.weight$"):
        load_released_weights(model(), weights())


@pytest.mark.parametrize("make", [heads, model])
def test_all_unknown_names_are_listed_as_released(make: Callable[[], nn.Module]) -> None:
    unknown = ["prototype_x.weight", "fvv.9.weight", "lit.gru.weight"]
    released = full_weights() | {f"module.{name}": torch.zeros(1) for name in unknown}
    with pytest.raises(ValueError, match="unknown: ") as caught:
        load_released_weights(make(), released)
    message = str(caught.value)
    assert all(name in message for name in unknown)
    assert "missing" not in message


def test_unknown_backbone_weights_are_named() -> None:
    released = full_weights() | {"backbone.layer9.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"unknown: backbone\.layer9\.weight$"):
        load_released_weights(model(), released)


def test_other_sizes_are_named_with_both_shapes() -> None:
    released = random_released_weights(DIM, K + 2, P)
    with pytest.raises(ValueError, match=r"prototype\.weight \(24, 6\) instead of \(20, 6\)"):
        load_released_weights(heads(), released)


def test_nothing_is_loaded_when_something_is_wrong() -> None:
    module, released = heads(), weights()
    before = module.get_parameter("codebooks.video.weight").detach().clone()
    del released["fv.0.bias"]
    with pytest.raises(ValueError, match=r"missing: fv\.0\.bias$"):
        load_released_weights(module, released)
    assert_close(module.get_parameter("codebooks.video.weight").detach(), before)


def test_models_that_the_release_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="into SDC or ConceptHeads, got Linear"):
        load_released_weights(nn.Linear(2, 2), weights())
    with pytest.raises(ValueError, match="three codebooks; this model shares one"):
        load_released_weights(ConceptHeads(DIM, K, P, shared_codebooks=True), weights())
    with pytest.raises(ValueError, match=r"missing: concept_projections\.video_dynamic\.0\.weight"):
        load_released_weights(ConceptHeads(DIM, K, P, split_video_projection=True), weights())


def test_the_released_network_takes_a_released_backbone() -> None:
    with torch.device("meta"):  # names and shapes only
        backbone = build_backbone("r2plus1d_18_released")
    module = SDC(backbone, ConceptHeads(512, K, P))
    heads_weights = random_released_weights(512, K, P)
    backbone_weights = {f"backbone.{k}": v for k, v in backbone.state_dict().items()}
    backbone_weights["backbone.fc.weight"] = torch.empty(400, 512)
    released = {f"module.{k}": v for k, v in (heads_weights | backbone_weights).items()}
    load_released_weights(module, released)
    del released["module.backbone.layer4.0.conv1.0.0.weight"]
    with pytest.raises(ValueError, match=r"missing: backbone\.layer4\.0\.conv1\.0\.0\.weight$"):
        load_released_weights(module, released)
