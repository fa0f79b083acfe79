"""The ten motions of MotionFactors: where the sprite is, frame by frame.

Positions are uniform on a torus, angles uniform on the circle and sizes log-uniform in one range at
every moment of every motion, so one frame says nothing about the motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

# Ranges: lengths in shares of the side, times in frames (25 a second).
_DIAMETER = (0.40, 0.70)
_SPEED = (0.016, 0.036)
_TURN = (np.radians(5.0), np.radians(12.0))
_GROWTH_PERIOD = (18.0, 34.0)
_SWING, _SWING_PERIOD = (0.11, 0.19), (12.0, 19.0)
_ORBIT, _ORBIT_PERIOD = (0.11, 0.19), (16.0, 30.0)


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
