"""What MotionFactors shows: every motion does what it is called, and nothing else differs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdc_lib.datasets.motion_factors.scenes import scene
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES, sprite
from sdc_lib.datasets.motion_factors.tracks import MOTIONS, draw_track
from sdc_lib.datasets.motion_factors.world import render_masks, render_video, shape_path


def mean_steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps of a position on the circle of circumference 1, the short way round."""
    return (np.diff(values) + 0.5) % 1 - 0.5


@pytest.mark.parametrize("motion", range(len(MOTIONS)), ids=MOTIONS)
def test_motions_do_what_they_are_called(motion: int) -> None:
    for seed in range(20):
        track = draw_track(motion, 48, np.random.default_rng(seed))
        dx, dy = mean_steps(track.x), mean_steps(track.y)
        turn, growth = np.diff(track.angle), np.diff(np.log(track.diameter))
        name = MOTIONS[motion]
        assert (np.abs(dx).max() > 0.01) == (name in ("left", "right", "oscillate", "orbit"))
        assert (np.abs(dy).max() > 0.01) == (name in ("up", "down", "orbit"))
        assert (np.abs(turn).max() > 0) == name.startswith("rotate")
        assert (np.abs(growth).max() > 0) == (name in ("grow", "shrink"))
        sign = {"left": -1, "right": 1, "up": -1, "down": 1}
        if name in ("left", "right"):
            assert (np.sign(dx) == sign[name]).all()
        if name in ("up", "down"):
            assert (np.sign(dy) == sign[name]).all()
        if name.startswith("rotate"):
            assert (np.sign(turn) == (1 if name == "rotate_clockwise" else -1)).all()
        if name in ("grow", "shrink"):
            assert np.mean(np.sign(growth) == (1 if name == "grow" else -1)) > 0.9
        if name == "oscillate":  # there and back within any clip of 20 frames
            assert all(np.ptp(np.sign(dx[start : start + 20])) == 2 for start in range(28))


def test_clockwise_and_down_are_so_on_the_screen() -> None:
    down = render_video(0, MOTIONS.index("down"), 3, 64, 6, "plain").astype(int)
    shifted = [np.abs(np.roll(down[0], k, 0) - down[5]).mean() for k in range(-12, 13)]
    assert np.argmin(shifted) - 12 >= 5
    turning = render_video(6, MOTIONS.index("rotate_clockwise"), 3, 64, 12, "plain")
    edge = np.abs(turning.astype(int) - turning[:1]).max()
    assert edge > 100


def test_place_size_and_angle_are_distributed_alike_for_all_motions() -> None:
    tracks = 600
    frames = np.random.default_rng(0).integers(0, 48, tracks)
    for motion in range(len(MOTIONS)):
        rng = np.random.default_rng(motion)
        drawn = [draw_track(motion, 48, rng) for _ in range(tracks)]
        at = [
            (t.x[i], t.y[i], t.angle[i], t.diameter[i]) for t, i in zip(drawn, frames, strict=True)
        ]
        x, y, angle, diameter = np.array(at).T
        spread = (
            x,
            y,
            angle % (2 * np.pi) / (2 * np.pi),
            np.log(diameter / 0.4) / np.log(0.7 / 0.4),
        )
        for values in spread:
            counts, _ = np.histogram(values, bins=10, range=(0, 1))
            assert counts.sum() == tracks
            # Uniform samples exceed 33 (nine degrees of freedom) once in 10,000 times.
            assert ((counts - tracks / 10) ** 2 / (tracks / 10)).sum() < 33


def test_the_nuisances_do_not_depend_on_the_motion() -> None:
    plain = [render_video(0, motion, 11, 64, 1, "plain")[0] for motion in range(10)]
    for frame in plain[1:]:
        assert frame.shape == (64, 64, 3)
    corner = [render_video(2, motion, 5, 64, 2) for motion in (0, 4)]
    # Same seed, other motion: camera, scene, brightness and noise agree wherever the sprite is not.
    same = (corner[0] == corner[1]).all(axis=-1).mean()
    assert same > 0.4


def test_the_scene_is_one_of_sixteen_and_changes_nothing_else() -> None:
    first, second = (render_video(2, 3, 5, 48, 2, scene=number) for number in (0, 1))
    drawn = [render_video(2, 3, 5, 48, 2, scene=number).tobytes() for number in range(16)]
    assert drawn.count(render_video(2, 3, 5, 48, 2).tobytes()) == 1  # the seed's own choice
    covered = render_masks(2, 3, 5, 48, 2).shape == 1
    assert covered.any()
    assert (first[covered] == second[covered]).all()
    assert (first != second).any(axis=-1)[~covered].mean() > 0.5
    with pytest.raises(ValueError, match="scene is 16; it must be in 0 to 15"):
        render_video(0, 0, 1, scene=16)


@pytest.mark.parametrize("motion", [1, 4, 6])
def test_masks_show_where_things_are(motion: int) -> None:
    """Another colour of background changes exactly what neither shape nor distractor covers."""
    masks = render_masks(3, motion, seed=9, side=48, num_frames=8)
    assert masks.shape.shape == masks.distractor.shape == (8, 48, 48)
    assert 0 <= masks.shape.min() < masks.shape.max() <= 1
    shared, plain = (
        render_video(3, motion, 9, 48, 8, background).astype(int)
        for background in ("shared", "plain")
    )
    same = (np.abs(shared - plain).max(axis=-1) == 0).astype(float)
    covered = masks.shape + masks.distractor
    assert same[covered >= 1].mean() == 1
    assert same[covered < 0.001].mean() < 0.2
    assert masks.distractor.sum() > 0
    moved = np.abs(np.diff(masks.shape, axis=0)).sum()
    assert moved > 5 * np.abs(np.diff(masks.distractor, axis=0)).sum()


def test_backgrounds() -> None:
    unique = {render_video(0, 0, seed, 32, 1, "unique").tobytes() for seed in range(5)}
    assert len(unique) == 5
    assert scene(3, 64).shape == (64, 64, 3)
    assert np.array_equal(scene(3, 64), scene(3, 64))
    assert np.abs(scene(3, 64) - scene(4, 64)).mean() > 0.03
    wrapped = np.abs(scene(5, 64)[0] - scene(5, 64)[-1]).mean()
    assert wrapped < 0.1  # continues across the edge
    grey = render_video(0, 0, 1, 64, 1, "plain")[0].astype(float)
    assert np.median(np.ptp(grey, axis=-1)) < 20
    with pytest.raises(ValueError, match="'noise'; it must be 'shared'"):
        render_video(0, 0, 1, 64, 1, "noise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="appearance 10"):
        render_video(10, 0, 1)


def test_sprites_differ_and_turning_shows_on_each() -> None:
    images = [sprite(i, 48) for i in range(len(APPEARANCES))]
    for i, image in enumerate(images):
        assert image.shape == (3, 48, 48)
        assert 0.2 < image[0].mean() < 0.9
        shown = image[0] * (1 + image[1]) * image[2]
        for turns in (1, 2, 3):
            assert np.abs(np.rot90(shown, turns) - shown).mean() > 0.05
        for other in images[:i]:
            assert np.abs(image[0] * (1 + image[1]) - other[0] * (1 + other[1])).mean() > 0.1


@pytest.mark.parametrize("motion", [0, 3, 9])
def test_the_path_is_the_centre_of_the_mask_on_the_torus(motion: int) -> None:
    mask = render_masks(5, motion, seed=4, side=64, num_frames=12).shape
    turns = np.exp(2j * np.pi * (np.arange(64) + 0.5) / 64)
    centre = np.stack([mask.sum(axis=1) @ turns, mask.sum(axis=2) @ turns], axis=1)
    off = shape_path(motion, 4, 12) - np.angle(centre) / (2 * np.pi)
    assert np.abs((off + 0.5) % 1 - 0.5).max() < 3 / 64  # the camera shakes by two pixels
