"""What all explorers share: an image that follows its controls, and a described state."""

import functools
import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.augment import eval_crops
from sdc_lib.plots import image_tag, show, to_frames
from sdc_lib.plots.pixels import Pixels, png
from sdc_lib.plots.style import DENSITY, Array

Clip = Tensor | Array


class Explorer(ABC):
    """An interactive figure: controls over an image.

    The image is drawn from pixels, not by matplotlib, so that it follows a slider without lag, with
    `sdc_lib.plots.style.DENSITY` times the page's resolution. It is an HTML image because
    ``ipywidgets.Image`` has no alternative text.

    Attributes:
        widget: The container; an explorer as the last value of a cell shows it.
        image: The widget inside that holds the image.
        caption: What is seen, in words, below the image.
    """

    def __init__(self, controls: Sequence[Any]) -> None:
        self.image = widgets.HTML()
        self.caption = widgets.HTML()
        rows = [widgets.HBox([c], layout={"flex_flow": "row wrap"}) for c in controls]
        self.widget = widgets.VBox([*rows, self._frame(), self.caption])
        self.refresh()

    @abstractmethod
    def render(self) -> Pixels:
        """The image for the present state, ``(H, W, 3)`` uint8."""

    @abstractmethod
    def describe(self) -> str:
        """The present state in a sentence."""

    @abstractmethod
    def static(self) -> Figure:
        """The static twin of the present state, for GitHub, print and runs without a browser."""

    def refresh(self) -> None:
        """Draw the present state."""
        text = self.describe()
        self.image.value = self.picture(self.render(), text)
        self.caption.value = f"<span>{html.escape(text)}</span>"

    def picture(self, pixels: Pixels, alt: str) -> str:
        """Pixels as an image of the page that is exchanged without a flicker."""
        width = pixels.shape[1] // DENSITY
        look = 'decoding="sync" style="max-width:100%;height:auto"'
        return image_tag("image/png", png(pixels), alt, width, look)

    def show(self, alt: str) -> None:
        """Display the explorer and its static twin below it.

        Args:
            alt: See `sdc_lib.plots.show`.
        """
        display(self.widget)  # type: ignore[no-untyped-call]
        show(self.static(), alt=alt)

    def _frame(self) -> Any:
        """What holds the image in the container."""
        return self.image

    def _ipython_display_(self) -> None:
        display(self.widget)  # type: ignore[no-untyped-call]

    def _on_change(self, *controls: Any, prepare: Callable[[], None] | None = None) -> None:
        """Redraw when a control's value changes, after `prepare`."""

        def react(_change: Any) -> None:
            if prepare is not None:
                prepare()
            self.refresh()

        for control in controls:
            control.observe(react, names="value")


def slider(label: str, last: int, value: int = 0, **options: Any) -> Any:
    """A slider over 0..last; arrow keys move it by one."""
    return widgets.IntSlider(
        value, 0, last, 1, description=label, style={"description_width": "initial"}, **options
    )


def player_controls(label: str, last: int, fps: float, **options: Any) -> tuple[Any, Any]:
    """A play button joined to a slider in the browser: the row of both, and the slider."""
    control = slider(label, last, **options)
    play = widgets.Play(min=0, max=last, interval=round(1000 / fps), repeat=True)
    widgets.jslink((play, "value"), (control, "value"))
    return widgets.HBox([play, control]), control


class SquareFrames:
    """Clips as square frames of one size, made when first asked for and then kept.

    Args:
        clips: See `sdc_lib.plots.to_frames`.
        size: Side on the page, pixels.
    """

    def __init__(self, clips: Sequence[Clip], size: int) -> None:
        self._clips = clips
        self._size = size
        self._load = functools.lru_cache(maxsize=256)(self._read)

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self._clips)

    def __getitem__(self, index: int) -> Pixels:
        """Frames of one clip, see `dense_frames`."""
        return self._load(int(index))

    def _read(self, index: int) -> Pixels:
        return dense_frames(self._clips[index], self._size)


def dense_frames(clip: Clip, size: int) -> Pixels:
    """The centre of a clip as frames for a square of `size` pixels of the page."""
    return square_frames(clip, DENSITY * size)


def square_frames(clip: Clip, size: int) -> Pixels:
    """The centre of a clip as frames ``(T, size, size, 3)``."""
    frames = torch.from_numpy(to_frames(clip)).permute(3, 0, 1, 2)  # (3, T, H, W)
    out: Pixels = eval_crops(frames, size)[0].permute(1, 2, 3, 0).contiguous().numpy()
    return out
