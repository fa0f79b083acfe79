"""The six views: what each keeps, and in which order they come."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.views import (
    STREAMS,
    VIEW_NAMES,
    VIEWS_OF,
    Boundary,
    assemble_views,
    frame_difference,
    six_views,
    static_view,
)


def counting_clip(frames: int = 4) -> Tensor:
    """A clip (1, T, 2, 2) whose frame t holds t squared."""
    squares = torch.arange(frames, dtype=torch.float32).square()
    return squares.view(1, frames, 1, 1).expand(1, frames, 2, 2).clone()


def test_static_view_repeats_one_frame() -> None:
    frozen = static_view(counting_clip(), 2)
    assert frozen.shape == (1, 4, 2, 2)
    assert (frozen == 4).all()
    frozen[0, 0] = 7  # frames do not share memory
    assert (frozen[0, 1:] == 4).all()


def test_static_view_of_bytes_and_batches() -> None:
    clips = torch.randint(256, (2, 3, 3, 5, 2, 2), dtype=torch.uint8)
    frozen = static_view(clips, 4)
    assert frozen.dtype == torch.uint8
    for t in range(5):
        assert_close(frozen[..., t, :, :], clips[..., 4, :, :])


@pytest.mark.parametrize("index", [-1, 4])
def test_static_view_refuses_a_frame_outside(index: int) -> None:
    with pytest.raises(ValueError, match=rf"{index} is outside a clip of 4 frames \(0\.\.3\)"):
        static_view(counting_clip(), index)


def test_frame_difference_wraps_round_or_starts_empty() -> None:
    clip = counting_clip()  # 0 1 4 9
    assert frame_difference(clip)[0, :, 0, 0].tolist() == [-9, 1, 3, 5]
    assert frame_difference(clip, "zero")[0, :, 0, 0].tolist() == [0, 1, 3, 5]
    assert clip[0, :, 0, 0].tolist() == [0, 1, 4, 9]


def test_one_frame_does_not_move() -> None:
    assert (frame_difference(counting_clip(1)) == 0).all()


@pytest.mark.parametrize(
    ("boundary", "gained"), [("wrap", [9.0, 1, 2, 3]), ("zero", [0.0, 1, 2, 3])]
)
def test_gradient_gains_a_frame_and_loses_the_next(boundary: Boundary, gained: list[float]) -> None:
    clip = counting_clip().requires_grad_()
    weight = torch.tensor([9.0, 1, 2, 3]).view(1, 4, 1, 1)
    (frame_difference(clip, boundary) * weight).sum().backward()
    assert clip.grad is not None
    expected = torch.tensor(gained)
    assert_close(clip.grad[0, :, 0, 0], expected - expected.roll(-1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 6), st.floats(-3, 3))
def test_differences_forget_what_stands_still(seed: int, frames: int, brightness: float) -> None:
    clip = torch.randn(2, 3, frames, 2, 2, generator=torch.Generator().manual_seed(seed)).double()
    moved = frame_difference(clip)
    assert_close(moved.sum(dim=-3), torch.zeros(2, 3, 2, 2).double())  # telescopes when wrapped
    assert_close(frame_difference(clip + brightness), moved)
    assert (frame_difference(static_view(clip, frames - 1)) == 0).all()
    assert_close(frame_difference(clip, "zero")[..., 1:, :, :], moved[..., 1:, :, :])


def test_frame_difference_refuses_bytes_small_tensors_and_unknown_boundaries() -> None:
    with pytest.raises(ValueError, match=r"floating-point clip, got torch\.uint8"):
        frame_difference(counting_clip().to(torch.uint8))
    with pytest.raises(ValueError, match=r"shape \(\.\.\., C, T, H, W\), got \(4, 2, 2\)"):
        frame_difference(counting_clip()[0])
    with pytest.raises(ValueError, match="'wrap' or 'zero', got 'mirror'"):
        frame_difference(counting_clip(), "mirror")  # type: ignore[arg-type]


def test_six_views_in_order() -> None:
    clips = torch.stack([counting_clip(), counting_clip() + 100])
    draws = iter([1.0, 10.0, 1000.0, 2000.0])  # one draw per call: v1, v2, s1, s2

    def augment(clip: Tensor) -> Tensor:
        return clip * next(draws)

    views = six_views(clips, 3, augment)
    assert views.shape == (6, 1, 4, 2, 2)
    firsts = {name: view[0, :, 0, 0].tolist() for name, view in zip(VIEW_NAMES, views, strict=True)}
    assert firsts["v1"] == [0, 1, 4, 9]
    assert firsts["v2"] == [1000, 1010, 1040, 1090]
    assert firsts["s1"] == [9000] * 4
    assert firsts["s2"] == [218000] * 4
    assert firsts["d1"] == [-9, 1, 3, 5]
    assert firsts["d2"] == [-90, 10, 30, 50]  # of the augmented clip
    assert next(draws, None) is None


def test_six_views_takes_the_boundary() -> None:
    clips = torch.stack([counting_clip(), counting_clip()])
    views = six_views(clips, 0, lambda clip: clip, boundary="zero")
    assert (views[4:, :, 0] == 0).all()


def test_views_of_streams_follow_the_order() -> None:
    assert [VIEW_NAMES[i] for stream in STREAMS for i in VIEWS_OF[stream]] == list(VIEW_NAMES)


def test_assembling_a_batch_equals_assembling_each() -> None:
    videos, stills = torch.randn(3, 2, 3, 4, 2, 2), torch.randn(3, 2, 3, 1, 2, 2)
    views = assemble_views(videos, stills, "zero")
    assert views.shape == (3, 6, 3, 4, 2, 2)
    for b in range(3):
        assert_close(views[b], assemble_views(videos[b], stills[b], "zero"))
    repeated = stills.expand_as(videos)
    assert_close(assemble_views(videos, repeated, "zero"), views)


def test_six_views_and_assemble_views_refuse_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"two clips \(2, C, T, H, W\), got \(3, 1, 4, 2, 2\)"):
        six_views(torch.zeros(3, 1, 4, 2, 2), 0, lambda clip: clip)
    with pytest.raises(ValueError, match=r"clips must be .* got \(1, 4, 2, 2\)"):
        assemble_views(counting_clip(), counting_clip())
    with pytest.raises(ValueError, match=r"must be \(2, 3, 1, 2, 2\), got \(2, 3, 2, 2, 2\)"):
        assemble_views(torch.zeros(2, 3, 4, 2, 2), torch.zeros(2, 3, 2, 2, 2))
