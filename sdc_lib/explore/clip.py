"""The six views of a video, playing, with the choices that make them."""

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.augment import normalize
from sdc_lib.explore.base import Clip, Explorer, player_controls, slider, square_frames
from sdc_lib.plots import show_views, view_frames
from sdc_lib.plots.pixels import Pixels, captioned, dense, mosaic
from sdc_lib.views import VIEW_NAMES, VIEWS_OF, assemble_views


class ClipExplorer(Explorer):
    """Play two consecutive clips of a video as video, still frame and difference.

    Controls: frame (with play button), stride, frozen frame, boundary of the difference.

    Args:
        frames: Frames of one video, at least ``2 * num_frames``; see `sdc_lib.plots.to_frames`.
        num_frames: T, frames in a clip.
        size: Side of the square views, pixels.
        fps: Frames a second while playing.

    Attributes:
        views: The present views, normalised, ``(6, C, T, size, size)``.
        frame: Slider of the frame shown.
        stride: Slider of the temporal stride.
        frozen: Slider of the frame that the static views repeat.
        boundary: ``"wrap"`` or ``"zero"``.

    Raises:
        ValueError: If the video is shorter than two clips.
    """

    def __init__(
        self, frames: Clip, *, num_frames: int = 16, size: int = 128, fps: float = 8.0
    ) -> None:
        square = torch.from_numpy(square_frames(frames, size))
        if len(square) < 2 * num_frames:
            raise ValueError(
                f"two clips of {num_frames} frames need {2 * num_frames} frames, "
                f"the video has {len(square)}; choose a smaller num_frames"
            )
        self._video = square.permute(3, 0, 1, 2)  # (3, N, size, size)
        self._num_frames = num_frames
        player, self.frame = player_controls("frame", num_frames - 1, fps)
        longest = min(3.0, (len(square) - 1) / (2 * num_frames - 1))
        self.stride = widgets.FloatSlider(
            1.0,
            min=1.0,
            max=longest,
            step=0.25,
            description="stride",
            style={"description_width": "initial"},
        )
        self.frozen = slider("frozen frame", num_frames - 1, num_frames // 2)
        self.boundary = widgets.ToggleButtons(
            options=["wrap", "zero"], description="boundary", style={"button_width": "70px"}
        )
        self._build()
        self._on_change(self.frame)
        self._on_change(self.stride, self.frozen, self.boundary, prepare=self._build)
        super().__init__([player, self.stride, self.frozen, self.boundary])

    def render(self) -> Pixels:
        """Video, static view and difference side by side, clip 1 above clip 2."""
        t = self.frame.value
        rows = [
            [
                captioned(self._pixels[pair[j]][t], f"{VIEW_NAMES[pair[j]]}: {stream}")
                for stream, pair in VIEWS_OF.items()
            ]
            for j in (0, 1)
        ]
        return mosaic(rows)

    def describe(self) -> str:
        """Frame, stride, frozen frame and boundary."""
        first, last = self._indices[0], self._indices[-1]
        return (
            f"Frame {self.frame.value} (0 to {self._num_frames - 1}); stride "
            f"{self.stride.value:g}: video frames {first} to {last}; "
            f"frame {self.frozen.value} is frozen; "
            f"the difference starts with {self._boundary_text()}."
        )

    def static(self) -> Figure:
        """The six views as rows of frames."""
        return show_views(self.views)

    def _boundary_text(self) -> str:
        return "first minus last frame" if self.boundary.value == "wrap" else "an empty frame"

    def _build(self) -> None:
        length = self._video.shape[1]
        steps = np.rint(self.stride.value * np.arange(2 * self._num_frames)).astype(int)
        self._indices = steps.clip(max=length - 1)
        clips = self._video[:, self._indices].unflatten(1, (2, -1)).transpose(0, 1)
        videos = normalize(clips.contiguous())  # (2, 3, T, size, size)
        frozen = self.frozen.value
        self.views: Tensor = assemble_views(
            videos, videos[:, :, frozen : frozen + 1], self.boundary.value
        )
        self._pixels = [dense(frames) for frames in view_frames(self.views)]
