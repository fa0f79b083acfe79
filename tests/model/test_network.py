"""The network: six views through one backbone, and static views from one frame."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sdc_lib.augment import normalize
from sdc_lib.backbones import BackboneOutput
from sdc_lib.config import ModelConfig
from sdc_lib.model import SDC, HeadsOutput, build_model
from sdc_lib.views import (
    STREAMS,
    assemble_views,
    frame_difference,
    moving_views,
    static_view,
)

K = 10


def tiny_model(**options: bool) -> SDC:
    torch.manual_seed(0)
    return build_model(
        ModelConfig(backbone="tiny", num_concepts=K, projection_dim=8, **options)
    ).eval()


def test_model_encodes_each_view_with_the_one_backbone() -> None:
    model = tiny_model()
    views = torch.randn(2, 6, 3, 4, 16, 16)
    with torch.no_grad():
        out = model(views)
        for view in range(6):
            pooled = model.backbone(views[:, view]).pooled
            assert_close(out.pooled[:, view], pooled, rtol=1e-4, atol=1e-5)
        assert model(views, attend=False).descriptors is None


def test_encode_equals_the_forward_pass_of_each_stream() -> None:
    model = tiny_model()
    clips = torch.randn(2, 3, 4, 16, 16)
    views = {
        "video": clips,
        "static": static_view(clips, 2),
        "dynamic": frame_difference(clips),
    }
    six = torch.stack([view for view in views.values() for _ in (0, 1)], dim=1)
    with torch.no_grad():
        out = model(six)
        for number, stream in enumerate(STREAMS):
            encoded = model.encode(clips, stream)
            assert_close(encoded.pooled, out.pooled[:, 2 * number], rtol=1e-4, atol=1e-5)
            assert_close(encoded.scores, out.scores[:, 2 * number], rtol=1e-4, atol=1e-5)
            assert encoded.local.shape[:2] == (2, 128)


@pytest.mark.parametrize("training", [False, True])
def test_encode_freezes_the_middle_frame_and_heeds_the_boundary(training: bool) -> None:
    model, clips = tiny_model().train(training), torch.randn(2, 3, 4, 16, 16)
    with torch.no_grad():
        still = model.encode(clips, "static").pooled
        assert_close(still, model.encode(static_view(clips, 2)).pooled)
        wrapped = model.encode(clips, "dynamic").pooled
        model.boundary = "zero"
        empty = model.encode(clips, "dynamic").pooled
        assert_close(empty, model.encode(frame_difference(clips, "zero")).pooled)
        assert not torch.allclose(empty, wrapped)


def test_model_refuses_other_views_and_streams() -> None:
    model = tiny_model()
    with pytest.raises(ValueError, match=r"views must be \(B, 6, C, T, H, W\), got \(2, 5, 3"):
        model(torch.zeros(2, 5, 3, 4, 16, 16))
    with pytest.raises(ValueError, match=r"clips must be \(B, C, T, H, W\), got \(3, 4, 16, 16\)"):
        model.encode(torch.zeros(3, 4, 16, 16))
    with pytest.raises(ValueError, match=r"3 channels, \(B, 3, T, H, W\), got \(1, 4, 16, 16, 3\)"):
        model.encode(torch.zeros(1, 4, 16, 16, 3))
    with pytest.raises(ValueError, match=r"frames and pixels, got \(1, 3, 0, 16, 16\)"):
        model.encode(torch.zeros(1, 3, 0, 16, 16))
    with pytest.raises(ValueError, match="one of video, static, dynamic, got 'motion'"):
        model.encode(torch.zeros(1, 3, 4, 16, 16), "motion")  # type: ignore[arg-type]


def test_model_refuses_arrays_and_integers() -> None:
    model, views = tiny_model(), torch.zeros(1, 6, 3, 4, 16, 16)
    with pytest.raises(TypeError, match=r"torch tensor \(B, C, T, H, W\), got ndarray"):
        model.encode(views[:, 0].numpy())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"views must be normalised floats, got torch\.uint8"):
        model(views.byte())


def test_model_refuses_clips_that_are_not_normalised() -> None:
    model = tiny_model()
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 1, 16, 16).repeat(1, 3, 4, 1, 1)
    for given, dtype in ((pixels, "uint8"), (pixels.float(), "float32")):
        with pytest.raises(ValueError, match=rf"normalised, got torch\.{dtype} up to 255; use "):
            model.encode(given)
    for odd in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"normalised, got torch.float32 up to {odd}"):
            model.encode(torch.full((1, 3, 4, 16, 16), odd))
    assert model.encode(normalize(pixels)).scores.isfinite().all()
    assert len(model.encode(normalize(pixels)[:0], "static").pooled) == 0


def test_build_model_reads_every_field() -> None:
    model = tiny_model(shared_codebooks=True, split_video_projection=True)
    assert model.heads.codebooks["video"] is model.heads.codebooks["dynamic"]
    assert "video_dynamic" in model.heads.concept_projections
    assert model.heads.num_concepts == K
    assert model.heads.projections.video[2].out_features == 8
    assert model.provenance == {}


@pytest.mark.parametrize("training", [True, False])
def test_stills_of_one_frame_equal_full_static_views(training: bool) -> None:
    models = [tiny_model().double().train(training) for _ in range(3)]
    models[2].backbone = Foreign(models[2].backbone)
    videos = torch.randn(3, 2, 3, 8, 16, 16, dtype=torch.float64)
    stills = torch.randn(3, 2, 3, 1, 16, 16, dtype=torch.float64)
    expected = models[0](assemble_views(videos, stills, "zero"))
    loss = loss_of(expected)
    for model in models[1:]:
        got = model.forward_stills(moving_views(videos, "zero"), stills)
        assert_close(got, expected, rtol=0, atol=1e-11)
        assert_close(
            torch.autograd.grad(loss_of(got), list(model.parameters())),
            torch.autograd.grad(loss, list(models[0].parameters()), retain_graph=True),
            rtol=0,
            atol=1e-10,
        )
        assert_close(list(model.buffers()), list(models[0].buffers()), rtol=0, atol=1e-12)
        assert model.forward_stills(moving_views(videos), stills, attend=False).descriptors is None


class Foreign(nn.Module):
    """A backbone that knows nothing of stills."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, clips: Tensor) -> BackboneOutput:
        out: BackboneOutput = self.inner(clips)
        return out


def loss_of(output: HeadsOutput) -> Tensor:
    assert output.descriptors is not None
    parts = [output.scores, output.reconstruction, *output.projections, *output.descriptors]
    return torch.stack([part.sin().sum() for part in parts]).sum()


def test_other_moving_views_and_stills_are_refused() -> None:
    model, clips, frame = (
        tiny_model(),
        torch.zeros(2, 4, 3, 4, 16, 16),
        torch.zeros(2, 2, 3, 1, 16, 16),
    )
    for wrong in (
        (clips[:, :3], frame),
        (clips, frame[:, :1]),
        (clips, clips[:, :2]),
        (clips[0], frame),
    ):
        with pytest.raises(
            ValueError, match=r"moving views must be \(B, 4, C, T, H, W\) and stills"
        ):
            model.forward_stills(*wrong)
