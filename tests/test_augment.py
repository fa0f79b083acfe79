"""Augmentation: one draw per clip, and every setting matters."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from sdc_lib.augment import (
    DRAWS,
    MEAN,
    STD,
    ClipAugment,
    Crops,
    denormalize,
    eval_crops,
    finish,
    finish_batch,
    normalize,
)
from sdc_lib.config import AugmentConfig

NOTHING = AugmentConfig(
    size=8,
    crop_scale=(1.0, 1.0),
    flip=0.0,
    grayscale=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    hue=0.0,
)


def clip_of(frames: int = 3, height: int = 8, width: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = (3, frames, height, width)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_all_frames_of_a_clip_are_treated_alike(seed: int) -> None:
    torch.manual_seed(seed)
    still = clip_of(1, 12, 10).expand(3, 4, 12, 10)
    out = ClipAugment(AugmentConfig(size=8))(still)
    assert out.shape == (3, 4, 8, 8)
    assert out.dtype == torch.uint8
    for t in range(1, 4):
        assert_close(out[:, t], out[:, 0])


def test_without_strengths_nothing_happens() -> None:
    assert_close(ClipAugment(NOTHING)(clip_of()), clip_of())


def test_flip_mirrors_left_and_right() -> None:
    out = ClipAugment(replace(NOTHING, flip=1.0))(clip_of())
    assert_close(out, clip_of().flip(-1))


def test_grayscale_makes_channels_equal() -> None:
    out = ClipAugment(replace(NOTHING, grayscale=1.0))(clip_of())
    assert_close(out[0], out[1])
    assert_close(out[0], out[2])
    assert not torch.equal(out[0], clip_of()[0])


@pytest.mark.parametrize(
    "change",
    [
        {"crop_scale": (0.1, 0.2)},
        {"brightness": 0.5},
        {"contrast": 0.5},
        {"saturation": 0.5},
        {"hue": 0.25},
        {"size": 9},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_has_an_effect(change: dict[str, object]) -> None:
    torch.manual_seed(0)
    out = ClipAugment(replace(NOTHING, **change))(clip_of())  # type: ignore[arg-type]
    assert out.shape != clip_of().shape or not torch.equal(out, clip_of())


def test_draws_come_from_the_global_generator() -> None:
    augment = ClipAugment(AugmentConfig(size=8))
    outs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outs.append(augment(clip_of()))
    assert_close(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_normalize_by_hand() -> None:
    black, white = torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.full((3, 1, 1, 1), 255)
    assert_close(normalize(black).flatten(), -torch.tensor(MEAN) / torch.tensor(STD))
    white_out = normalize(white.to(torch.uint8)).flatten()
    assert_close(white_out, (1 - torch.tensor(MEAN)) / torch.tensor(STD))
    batch = torch.zeros(2, 6, 3, 4, 5, 5, dtype=torch.uint8)
    assert normalize(batch).shape == batch.shape
    assert normalize(batch).dtype == torch.float32


def test_denormalize_gives_every_byte_back() -> None:
    every_byte = torch.arange(256, dtype=torch.uint8).expand(3, 1, 1, 256)
    assert_close(denormalize(normalize(every_byte)), every_byte)


def test_floats_and_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="as uint8"):
        ClipAugment(AugmentConfig(size=8))(torch.rand(3, 2, 16, 16))
    with pytest.raises(ValueError, match="flip is 3"):
        ClipAugment(AugmentConfig(flip=3))


def test_normalize_refuses_floats() -> None:
    with pytest.raises(ValueError, match=r"expects uint8 clips, got torch\.float32"):
        normalize(torch.zeros(3, 1, 1, 1))
    with pytest.raises(TypeError, match="normalize expects a torch tensor, got ndarray"):
        normalize(torch.zeros(3, 1, 1, 1, dtype=torch.uint8).numpy())  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(8, 6, 6, 3), (2, 8, 3, 6, 6), (3, 6, 6)])
def test_channels_anywhere_else_are_refused(shape: tuple[int, ...]) -> None:
    frames = torch.zeros(shape, dtype=torch.uint8)  # as a file is read, for example
    with pytest.raises(ValueError, match=r"normalize expects \(\.\.\., 3, T, H, W\), got \("):
        normalize(frames)
    with pytest.raises(ValueError, match=r"denormalize expects \(\.\.\., 3, T, H, W\), got \("):
        denormalize(frames.float())
    for use in (ClipAugment(AugmentConfig(8)), lambda clip: eval_crops(clip, 8)):
        with pytest.raises(ValueError, match=r"a clip must be \(3, T, H, W\), got \("):
            use(frames)


@pytest.mark.parametrize(("crops", "count"), [("centre", 1), ("five", 5), ("five_flip", 10)])
def test_eval_crops_are_fixed(crops: Crops, count: int) -> None:
    clip = clip_of(2, 24, 36)
    out = eval_crops(clip, 14, crops)
    assert out.shape == (count, 3, 2, 14, 14)
    assert out.dtype == torch.uint8
    assert_close(out, eval_crops(clip, 14, crops))


def test_eval_crops_show_centre_corners_and_mirror_images() -> None:
    clip = clip_of(2, 16, 20)
    assert_close(eval_crops(clip, 16)[0], clip[..., 2:18])  # short side is 16 already
    five = eval_crops(clip, 14, "five")  # short side round(14 * 8 / 7) = 16: nothing is resized
    assert_close(five[0], clip[..., :14, :14])
    assert_close(five[1], clip[..., :14, -14:])
    assert_close(five[2], clip[..., -14:, :14])
    assert_close(five[3], clip[..., -14:, -14:])
    assert_close(five[4], clip[..., 1:15, 3:17])
    assert_close(eval_crops(clip, 14, "five_flip"), torch.cat([five, five.flip(-1)]))


@pytest.mark.parametrize(("crops", "side"), [("centre", 14), ("five", 16)])
def test_eval_crops_of_a_large_clip_are_those_of_its_resized_frames(
    crops: Crops, side: int
) -> None:
    clip = clip_of(2, 32, 48)
    frames = tvf.resize(clip.transpose(0, 1), [side], antialias=True)
    views = tvf.five_crop(frames, [14, 14]) if crops == "five" else [tvf.center_crop(frames, [14])]
    assert torch.equal(eval_crops(clip, 14, crops), torch.stack([*views]).transpose(1, 2))


def test_eval_crops_refuses_unknown_crops() -> None:
    with pytest.raises(ValueError, match="'centre', 'five' or 'five_flip', got 'ten'"):
        eval_crops(clip_of(), 8, "ten")  # type: ignore[arg-type]


def test_draws_and_bytes_are_those_of_torchvisions_transforms() -> None:
    config = AugmentConfig(size=12)
    whole = v2.Compose(
        [
            v2.RandomResizedCrop(config.size, scale=config.crop_scale, antialias=True),
            v2.RandomHorizontalFlip(config.flip),
            v2.RandomGrayscale(config.grayscale),
            v2.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue),
        ]
    )
    augment, clip = ClipAugment(config), clip_of(2, 20, 24)
    for seed in range(40):
        torch.manual_seed(seed)
        expected = whole(clip.transpose(0, 1)).transpose(0, 1)
        next_expected = torch.rand(1)
        torch.manual_seed(seed)
        assert torch.equal(augment(clip), expected)
        assert torch.equal(torch.rand(1), next_expected)


class NoDouble(TorchDispatchMode):
    """Fails where a tensor of float64 is made anywhere but on the CPU: MPS has none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and not tensor.is_cpu:
                assert tensor.dtype != torch.float64, f"{func} gives float64"
        return out


def test_a_batch_is_finished_without_float64_on_the_device() -> None:
    draws = torch.stack([ClipAugment(AugmentConfig(size=16)).draw(clip_of()) for _ in range(40)])
    clips = torch.zeros(40, 3, 2, 16, 16, dtype=torch.uint8, device="meta")
    with NoDouble():
        assert finish_batch(clips, draws).shape == clips.shape
    with NoDouble(), pytest.raises(AssertionError, match="float64"):
        clips.float() * torch.rand((), dtype=torch.float64).to("meta")


def test_a_batch_is_finished_like_its_clips_in_every_order() -> None:
    torch.manual_seed(0)
    clips = torch.randint(256, (24, 3, 2, 9, 7), dtype=torch.uint8)
    clips[0], clips[1], clips[2] = 0, 255, clips[2, :1]  # black, white, gray
    augment = ClipAugment(AugmentConfig(size=8))
    draws = torch.stack([augment.draw(clip) for clip in clips])
    draws[:, 6:10] = torch.tensor(list(itertools.permutations(range(4))))
    draws[3:6, 10:] = torch.tensor([[0.0, 0, 0, -0.5], [0, 0, 0, 0.5], [9, 9, 9, 0.25]])
    found = finish_batch(clips, draws)
    expected = torch.stack([finish(*pair) for pair in zip(clips, draws, strict=True)])
    assert (found.int() - expected.int()).abs().max() <= 4
    assert (found != expected).float().mean() < 0.01
    for clip, row, done in zip(clips, draws, found, strict=True):
        assert torch.equal(finish_batch(clip[None], row[None])[0], done)


@pytest.mark.parametrize("name", DRAWS[4:6] + DRAWS[10:])
def test_one_operation_is_within_a_level_of_torchvision(name: str) -> None:
    torch.manual_seed(1)
    clips = torch.randint(256, (16, 3, 2, 9, 7), dtype=torch.uint8)
    neutral = torch.tensor([0.0, 0, 9, 7, 0, 0, 0, 1, 2, 3, 1, 1, 1, 0]).repeat(16, 1)
    low, high = {"hue": (-0.5, 0.5), "flip": (1, 1), "gray": (1, 1)}.get(name, (0.0, 2.0))
    neutral[:, DRAWS.index(name)] = torch.linspace(low, high, 16)
    found = finish_batch(clips, neutral)
    expected = torch.stack([finish(*pair) for pair in zip(clips, neutral, strict=True)])
    assert not torch.equal(found, clips)
    assert (found.int() - expected.int()).abs().max() <= 1
