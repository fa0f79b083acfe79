"""Frames and sizes that make no sense are refused, with the value and what would be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdc_lib.video import read_clip
from tests.conftest import NumberedWriter


@pytest.mark.parametrize("index", [-1, 40, 1000])
def test_an_index_outside_names_value_file_and_range(
    numbered_video: NumberedWriter, index: int
) -> None:
    with pytest.raises(ValueError, match=rf"numbered\.mp4.* {index} .*0 to 39"):
        read_clip(numbered_video(), [0, index])


def test_no_indices_and_no_size_are_refused(numbered_video: NumberedWriter) -> None:
    path = numbered_video()
    with pytest.raises(ValueError, match="no frame indices"):
        read_clip(path, [])
    with pytest.raises(ValueError, match="short_side is 0"):
        read_clip(path, [0], short_side=0)
    with pytest.raises(TypeError, match="integer"):
        read_clip(path, [1.5])  # type: ignore[list-item]


@pytest.mark.parametrize("mask", [[False, True], np.eye(2, dtype=bool)[0], torch.eye(2).bool()[0]])
def test_a_mask_is_not_taken_for_the_frames_0_and_1(
    mask: Any, numbered_video: NumberedWriter
) -> None:
    with pytest.raises(ValueError, match="not by a mask of booleans"):
        read_clip(numbered_video(), mask)


@pytest.mark.parametrize("side", [True, 1.5])
def test_sides_are_whole_numbers(side: Any, numbered_video: NumberedWriter) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        read_clip(numbered_video(), [0], short_side=side)
