"""Draw one MotionFactors video: a textured sprite moving over a scene, with known labels.

The world is a torus: what leaves on one side enters on the other. Positions are uniform on it,
angles uniform on the circle and sizes log-uniform in one range at every moment of every motion, so
one frame says nothing about the motion. Backgrounds are faint and the distractor is plain: what
tells one video from another should be the two labels before anything else.
"""

from __future__ import annotations

import colorsys
import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdc_lib.datasets.motion_factors.sprites import APPEARANCES, Array, sprite

Background = Literal["shared", "unique", "plain"]

MOTIONS = (
    "left",
    "right",
    "up",
    "down",
    "rotate_clockwise",
    "rotate_anticlockwise",
    "grow",
    "shrink",
    "oscillate",
    "orbit",
)
NUM_SCENES = 16

# Ranges of the nuisances: lengths in shares of the side, times in frames (25 a second).
_DIAMETER = (0.40, 0.70)
_SPEED = (0.016, 0.036)
_TURN = (np.radians(5.0), np.radians(12.0))
_GROWTH_PERIOD = (18.0, 34.0)
_SWING, _SWING_PERIOD = (0.11, 0.19), (12.0, 19.0)
_ORBIT, _ORBIT_PERIOD = (0.11, 0.19), (16.0, 30.0)
_DISTRACTOR_DIAMETER = (0.08, 0.14)
_GAIN = (0.8, 1.15)
_NOISE = (1.0, 4.0)
_JITTER = 2
_STEP_PROBABILITY = 0.1


@dataclass(frozen=True)
class Track:
    """Where the sprite is, frame by frame; all arrays are float64 ``(T,)``."""

    x: NDArray[np.float64]
    """Centre to the right, in shares of the side, modulo 1."""
    y: NDArray[np.float64]
    """Centre downwards, in shares of the side, modulo 1."""
    angle: NDArray[np.float64]
    """Clockwise as seen, in radians."""
    diameter: NDArray[np.float64]
    """Of the bounding circle, in shares of the side."""


def draw_track(motion: int, num_frames: int, rng: np.random.Generator) -> Track:
    """Draw a random track of one motion.

    Args:
        motion: Index into ``MOTIONS``.
        num_frames: T.
        rng: Source of start, phases, speed and size.

    Returns:
        The track. Every motion draws the same numbers from ``rng`` before its own.
    """
    x, y, turn, size, phase = rng.uniform(size=5)
    speed, spin = rng.uniform(*_SPEED), rng.uniform(*_TURN)
    name = MOTIONS[motion]
    t = np.arange(num_frames, dtype=np.float64)
    dx, dy, dturn, dsize = (np.zeros(num_frames) for _ in range(4))
    if name in ("left", "right"):
        dx = (speed if name == "right" else -speed) * t
    elif name in ("up", "down"):
        dy = (speed if name == "down" else -speed) * t
    elif name in ("rotate_clockwise", "rotate_anticlockwise"):
        dturn = (spin if name == "rotate_clockwise" else -spin) * t
    elif name in ("grow", "shrink"):
        dsize = (1 if name == "grow" else -1) * t / rng.uniform(*_GROWTH_PERIOD)
    elif name == "oscillate":
        angle = 2 * np.pi * (t / rng.uniform(*_SWING_PERIOD) + phase)
        dx = rng.uniform(*_SWING) * np.sin(angle)
    else:  # orbit, in either sense
        sense = rng.choice((-1, 1))
        angle = 2 * np.pi * (sense * t / rng.uniform(*_ORBIT_PERIOD) + phase)
        radius = rng.uniform(*_ORBIT)
        dx, dy = radius * np.cos(angle), radius * np.sin(angle)
    smallest, largest = _DIAMETER
    diameter = smallest * (largest / smallest) ** ((size + dsize) % 1)
    return Track((x + dx) % 1, (y + dy) % 1, 2 * np.pi * turn + dturn, diameter)


def render_video(
    appearance: int,
    motion: int,
    seed: int,
    side: int = 64,
    num_frames: int = 48,
    background: Background = "shared",
) -> NDArray[np.uint8]:
    """Draw a video. The same arguments give the same pixels.

    Args:
        appearance: Index into ``APPEARANCES``.
        motion: Index into ``MOTIONS``.
        seed: Of everything that is not a label.
        side: Width and height in pixels.
        num_frames: T.
        background: ``"shared"``: one of 16 scenes; ``"unique"``: its own scene; ``"plain"``: grey.

    Returns:
        uint8 ``(T, side, side, 3)``, RGB.

    Raises:
        ValueError: Unknown label or background.
    """
    if not (0 <= appearance < len(APPEARANCES) and 0 <= motion < len(MOTIONS)):
        raise ValueError(f"appearance {appearance} and motion {motion} must be in 0 to 9")
    # Motion draws come from a stream of their own: all else is the same for every motion.
    rng, track_rng = np.random.default_rng(seed).spawn(2)
    still = _draw_scene(background, side, rng)
    still = _add_distractor(still, rng)
    colours = _draw_colours(rng)
    gain, noise = rng.uniform(*_GAIN), rng.uniform(*_NOISE)
    camera = _draw_jitter(num_frames, rng)
    track = draw_track(motion, num_frames, track_rng)
    video = _composite(still, appearance, colours, track) * np.float32(255 * gain)
    for t, shift in enumerate(camera):
        video[t] = np.roll(video[t], shift, axis=(0, 1))
    _add_noise(video, noise, rng)
    pixels: NDArray[np.uint8] = np.rint(video.clip(0, 255)).astype(np.uint8)
    return pixels


def _composite(still: Array, appearance: int, colours: Array, track: Track) -> Array:
    """Lay the sprite over a scene ``(H, W, 3)`` along a track, giving ``(T, H, W, 3)``."""
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


@functools.lru_cache(maxsize=64)
def scene(number: int, side: int) -> Array:
    """Smooth colour noise that continues across the edges, float32 ``(side, side, 3)``."""
    rng = np.random.default_rng([1721, number])
    frequency = np.fft.fftfreq(16) * 16
    falloff = np.exp(-(frequency[:, None] ** 2 + frequency**2) / (2 * 1.3**2))
    falloff[0, 0] = 0
    coarse = 0.6 * rng.standard_normal((3, 16, 16)) + 0.8 * rng.standard_normal((16, 16))
    spectrum = np.zeros((3, side, side), complex)
    place = frequency.astype(int) % side
    spectrum[:, place[:, None], place] = np.fft.fft2(coarse) * falloff
    noise = np.fft.ifft2(spectrum).real.transpose(1, 2, 0)
    tint = rng.uniform(-0.08, 0.08, 3)
    values: Array = (0.45 + tint + 0.045 * noise / noise.std()).clip(0.1, 0.8).astype(np.float32)
    values.flags.writeable = False
    return values


def _draw_scene(background: Background, side: int, rng: np.random.Generator) -> Array:
    if background not in ("shared", "unique", "plain"):
        raise ValueError(f"background is {background!r}; it must be 'shared', 'unique' or 'plain'")
    shared, unique = int(rng.integers(NUM_SCENES)), int(rng.integers(NUM_SCENES, 2**62))
    if background == "plain":
        return np.full((side, side, 3), 0.45, np.float32)
    return scene(shared if background == "shared" else unique, side)


def _add_distractor(still: Array, rng: np.random.Generator) -> Array:
    """One more sprite, at rest: a small disc of a single colour."""
    x, y = rng.uniform(size=2)
    diameter = rng.uniform(*_DISTRACTOR_DIAMETER)
    at = Track(*(np.array([value]) for value in (x, y, 0.0, diameter)))
    colours = _draw_colours(rng)[[0, 0]]
    painted: Array = _composite(still, APPEARANCES.index("disc"), colours, at)[0]
    return painted


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
