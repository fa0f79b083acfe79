"""What the kinds of protocol set: clips, augmentation and optimisation."""

from __future__ import annotations

import pytest

from sdc_lib.evaluation.protocols import EvalSettings, settings_for
from sdc_lib.presets import MOTION_FACTORS_TINY, UCF101


def test_twenty_centred_neighbours_are_the_default() -> None:
    assert EvalSettings() == EvalSettings(centre=True, neighbours=20)


def test_clips_follow_the_choice() -> None:
    own = settings_for("own", MOTION_FACTORS_TINY)
    assert (own.clips.num_frames, own.clips.size, own.clips.stride) == (8, 48, 2)
    assert (own.online.flip, own.finetune.flip) == (0.0, 0.0)
    released, coclr = settings_for("released", UCF101), settings_for("coclr", UCF101)
    assert (released.clips.num_frames, coclr.clips.num_frames) == (16, 32)
    assert released.clips.size == coclr.clips.size == 128
    assert (released.online.flip, released.finetune.flip) == (0.0, 0.0)
    flipped = settings_for("own", MOTION_FACTORS_TINY, flip=True)
    assert (flipped.online.flip, flipped.finetune.flip) == (0.5, 0.5)
    assert settings_for("own", MOTION_FACTORS_TINY, stride=4).clips.stride == 4
    short = settings_for("own", UCF101, epochs=10)
    assert (short.linear.epochs, short.linear.milestones) == (10, (6, 8))
    assert short.finetune.lr == 1e-3
    with pytest.raises(ValueError, match="clips are 'theirs'"):
        settings_for("theirs", UCF101)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="epochs is 0"):
        settings_for("own", UCF101, epochs=0)
    with pytest.raises(ValueError, match="stride"):
        settings_for("own", UCF101, stride=0)
