"""Draw one MotionFactors video: a textured sprite moving over a scene, with known labels.

The world is a torus: what leaves on one side enters on the other. Backgrounds are faint and the
distractor is plain: what tells one video from another should be its labels before anything else.
The generator knows where everything is, frame by frame: `render_masks`, `shape_path`.
"""

from __future__ import annotations

import colorsys
import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdc_lib.datasets.motion_factors.scenes import NUM_SCENES, Background, background_image
from sdc_lib.datasets.motion_factors.sprites import APPEARANCES, Array, sprite
from sdc_lib.datasets.motion_factors.tracks import MOTIONS, Track, draw_track

__all__ = ["MOTIONS", "Masks", "render_masks", "render_video", "shape_path"]

# Ranges of the nuisances: lengths in shares of the side.
_DISTRACTOR_DIAMETER = (0.08, 0.14)
_GAIN = (0.8, 1.15)
_NOISE = (1.0, 4.0)
_JITTER = 2
_DISC = APPEARANCES.index("disc")
_STEP_PROBABILITY = 0.1


def render_video(
    appearance: int,
    motion: int,
    seed: int,
    side: int = 64,
    num_frames: int = 48,
    background: Background = "shared",
    scene: int | None = None,
) -> NDArray[np.uint8]:
    """Draw a video. The same arguments give the same pixels.

    Args:
        appearance: Index into ``APPEARANCES``.
        motion: Index into ``MOTIONS``.
        seed: Of everything that is not a label.
        side: Width and height in pixels.
        num_frames: T.
        background: ``"shared"``: one of 16 scenes; ``"unique"``: its own scene; ``"plain"``: grey.
        scene: Index into ``SCENES``; drawn from the seed if None.

    Returns:
        uint8 ``(T, side, side, 3)``, RGB.

    Raises:
        ValueError: Unknown label or background.
    """
    _check(appearance, motion, scene)
    # Noise is the last thing drawn, from the same stream as the plan.
    rng, track_rng = _streams(seed)
    plan = _draw_plan(motion, num_frames, rng, track_rng)
    number = plan.scene if scene is None else scene
    still = background_image(background, number, side, plan.own_scene)
    still = _composite(still, _DISC, plan.distractor_colours, plan.distractor)[0]
    video = _composite(still, appearance, plan.colours, plan.track) * np.float32(255 * plan.gain)
    _shake(video, plan.camera)
    _add_noise(video, plan.noise, rng)
    pixels: NDArray[np.uint8] = np.rint(video.clip(0, 255)).astype(np.uint8)
    return pixels


class Masks(NamedTuple):
    """What covers each pixel, float32 ``(T, side, side)`` in [0, 1]; the rest is background."""

    shape: Array
    distractor: Array
    """Where the shape does not hide it."""


def render_masks(
    appearance: int, motion: int, seed: int, side: int = 64, num_frames: int = 48
) -> Masks:
    """Where shape and distractor are in the video that `render_video` draws from these arguments.

    Raises:
        ValueError: Unknown label.
    """
    _check(appearance, motion, None)
    plan = _draw_plan(motion, num_frames, *_streams(seed))
    black = np.zeros((side, side, 3), np.float32)
    shape = _composite(black, appearance, None, plan.track)[..., 0]
    distractor = _composite(black, _DISC, None, plan.distractor)[..., 0] * (1 - shape)
    for mask in (shape, distractor):
        _shake(mask, plan.camera)
    return Masks(shape, distractor)


def shape_path(motion: int, seed: int, num_frames: int = 48) -> NDArray[np.float64]:
    """Where the centre of the shape is in the video that `render_video` draws from these arguments.

    Returns:
        float64 ``(T, 2)``: x to the right and y downwards in shares of the side, modulo 1.
    """
    track = _draw_plan(motion, num_frames, *_streams(seed)).track
    return np.stack([track.x, track.y], axis=1)


class _Plan(NamedTuple):
    """Everything random about a video but its noise, in the order in which it is drawn."""

    scene: int
    own_scene: int
    distractor: Track
    distractor_colours: Array
    colours: Array
    gain: float
    noise: float
    camera: NDArray[np.int64]
    track: Track


def _streams(seed: int) -> list[np.random.Generator]:
    """Motion draws come from a stream of their own: all else is the same for every motion."""
    return np.random.default_rng(seed).spawn(2)


def _draw_plan(
    motion: int, num_frames: int, rng: np.random.Generator, track_rng: np.random.Generator
) -> _Plan:
    return _Plan(
        int(rng.integers(NUM_SCENES)),
        int(rng.integers(NUM_SCENES, 2**62)),
        _draw_distractor(rng),
        _draw_colours(rng)[[0, 0]],
        _draw_colours(rng),
        rng.uniform(*_GAIN),
        rng.uniform(*_NOISE),
        _draw_jitter(num_frames, rng),
        draw_track(motion, num_frames, track_rng),
    )


def _check(appearance: int, motion: int, scene: int | None) -> None:
    if not (0 <= appearance < len(APPEARANCES) and 0 <= motion < len(MOTIONS)):
        raise ValueError(f"appearance {appearance} and motion {motion} must be in 0 to 9")
    if scene is not None and not 0 <= scene < NUM_SCENES:
        raise ValueError(f"scene is {scene}; it must be in 0 to {NUM_SCENES - 1}")


def _shake(video: Array, camera: NDArray[np.int64]) -> None:
    """Move frames ``(T, H, W, ...)`` in place by the camera's offsets ``(T, 2)``."""
    for t, shift in enumerate(camera):
        video[t] = np.roll(video[t], shift, axis=(0, 1))


def _composite(still: Array, appearance: int, colours: Array | None, track: Track) -> Array:
    """Lay a sprite (white without colours) over ``(H, W, 3)`` along a track: ``(T, H, W, 3)``."""
    side = still.shape[0]
    image = sprite(appearance, round(0.6 * side))
    grid = (np.arange(side, dtype=np.float32) + 0.5) / side
    # Offsets from the centre the short way round the torus, in [-1/2, 1/2): (T, side)
    x, y, cos, sin = (
        values.astype(np.float32)[:, None]
        for values in (
            track.x,
            track.y,
            np.cos(track.angle) * 2 / track.diameter,
            np.sin(track.angle) * 2 / track.diameter,
        )
    )
    dx, dy = (grid - x + 0.5) % 1 - 0.5, (grid - y + 0.5) % 1 - 0.5
    u = (cos * dx)[:, None, :] + (sin * dy)[:, :, None]  # (T, H, W)
    v = (cos * dy)[:, :, None] - (sin * dx)[:, None, :]
    inside = np.flatnonzero(u * u + v * v < 1)
    cover, second, shade = _sample(image, u.ravel()[inside], v.ravel()[inside])[..., None]
    paint: Array | float = 1.0
    if colours is not None:
        paint = shade * (colours[0] + second * (colours[1] - colours[0]))  # (points, 3)
    video = np.repeat(still[None], len(x), axis=0)
    pixels = video.reshape(-1, 3)  # a view: writing to it paints the video
    pixels[inside] += cover * (paint - pixels[inside])
    return video


def _sample(image: Array, u: Array, v: Array) -> Array:
    """Bilinear values of ``(C, n, n)`` at points of [-1, 1]^2, giving ``(C, points)``."""
    n = image.shape[-1]
    column, row = (((p + 1) * (n / 2) - 0.5).clip(0, n - 1) for p in (u, v))
    left, top = (np.minimum(p.astype(np.int32), n - 2) for p in (column, row))
    right_share, low_share = column - left.astype(np.float32), row - top.astype(np.float32)
    flat, corner = image.reshape(len(image), -1), top * n + left
    upper = flat[:, corner] * (1 - right_share) + flat[:, corner + 1] * right_share
    lower = flat[:, corner + n] * (1 - right_share) + flat[:, corner + n + 1] * right_share
    value: Array = upper + low_share * (lower - upper)
    return value


@functools.cache
def _noise_pool() -> Array:
    return np.random.default_rng(1722).standard_normal(1 << 19, dtype=np.float32)


def _add_noise(video: Array, strength: float, rng: np.random.Generator) -> None:
    """Add Gaussian noise in place; every frame is a random stretch of one long pool."""
    pool, size = _noise_pool(), video[0].size
    for frame, start in zip(video, rng.integers(len(pool) - size, size=len(video)), strict=True):
        frame += np.float32(strength) * pool[start : start + size].reshape(frame.shape)


def _draw_distractor(rng: np.random.Generator) -> Track:
    """One more sprite, at rest: a small disc."""
    x, y = rng.uniform(size=2)
    diameter = rng.uniform(*_DISTRACTOR_DIAMETER)
    return Track(*(np.array([value]) for value in (x, y, 0.0, diameter)))


def _draw_colours(rng: np.random.Generator) -> Array:
    """A bright colour and a dark one of about the opposite hue, float32 ``(2, 3)``."""
    hue, shift = rng.uniform(), rng.uniform(0.4, 0.6)
    bright = colorsys.hsv_to_rgb(hue, rng.uniform(0.3, 0.6), rng.uniform(0.85, 1.0))
    dark = colorsys.hsv_to_rgb((hue + shift) % 1, rng.uniform(0.4, 0.8), rng.uniform(0.1, 0.25))
    return np.array([bright, dark], np.float32)


def _draw_jitter(num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A slow random walk of the camera within two pixels, int64 ``(T, 2)``."""
    position = rng.integers(-_JITTER, _JITTER + 1, 2)
    steps = rng.choice((-1, 1), (num_frames, 2)) * (
        rng.uniform(size=(num_frames, 2)) < _STEP_PROBABILITY
    )
    walk = []
    for step in steps:
        position = (position + step).clip(-_JITTER, _JITTER)
        walk.append(position)
    return np.stack(walk)
