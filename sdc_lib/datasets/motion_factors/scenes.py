"""The backgrounds of MotionFactors: what a still shows, and a difference hardly at all."""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np

from sdc_lib.datasets.motion_factors.sprites import Array

Background = Literal["shared", "unique", "plain"]

NUM_SCENES = 16
SCENES = tuple(f"scene_{number:02d}" for number in range(NUM_SCENES))
"""Names of the shared backgrounds, the values of the factor ``scene``."""


def background_image(background: Background, number: int, side: int, own: int) -> Array:
    """The picture behind the sprite, float32 ``(side, side, 3)``.

    Args:
        background: ``"shared"``: scene `number`; ``"unique"``: scene `own`; ``"plain"``: grey.
        number: Index into ``SCENES``.
        side: Width and height in pixels.
        own: A number that no other video has.

    Raises:
        ValueError: Unknown background.
    """
    if background not in ("shared", "unique", "plain"):
        raise ValueError(f"background is {background!r}; it must be 'shared', 'unique' or 'plain'")
    if background == "plain":
        return np.full((side, side, 3), 0.45, np.float32)
    return scene(number if background == "shared" else own, side)


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
