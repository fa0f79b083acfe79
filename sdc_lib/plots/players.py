"""Short clips that play in the page, on paper a still: animated WebP inside the notebook."""

import base64
import html
import io
from collections.abc import Mapping

from PIL import Image
from torch import Tensor

from sdc_lib.plots.pixels import Pixels, resize, to_frames
from sdc_lib.plots.style import Array


class Player:
    """One or several clips that play where they are displayed.

    Attributes:
        clips: Animated WebP bytes by caption.
        alt: What they show, for those who cannot see them.
    """

    def __init__(self, clips: Mapping[str, bytes], alt: str) -> None:
        self.clips = dict(clips)
        self.alt = alt

    def __repr__(self) -> str:
        """The text that stands for the clips where they cannot play."""
        return self.alt

    def _repr_html_(self) -> str:
        figures = []
        for caption, data in self.clips.items():
            text = html.escape(f"{self.alt} {caption}".strip(), quote=True)
            source = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
            below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
            figures.append(
                '<figure style="display:inline-block;margin:0 8px 8px 0;text-align:center">'
                f'<img alt="{text}" src="{source}">{below}</figure>'
            )
        return f"<div>{''.join(figures)}</div>"


def player(
    clip: Tensor | Array | Mapping[str, Tensor | Array],
    fps: float = 8.0,
    loop: bool = True,
    *,
    alt: str,
    height: int = 128,
    max_kb: float = 200.0,
) -> Player:
    """Make a clip play in the page.

    Args:
        clip: See `sdc_lib.plots.to_frames`; uint8 frames ``(T, H, W, 3)`` as `read_clip` returns
            them, for instance. Several with a caption each play side by side.
        fps: Frames per second.
        loop: Play for ever, or once.
        alt: What the clip shows.
        height: Height on the page, pixels.
        max_kb: All clips together stay under this, in kilobytes (1000 bytes): quality is lowered
            first, then the size.

    Returns:
        Something to end a cell with.

    Raises:
        ValueError: If `alt` is empty, `fps` is not positive, or the clips cannot be made so small.
    """
    if not alt.strip() or fps <= 0:
        raise ValueError(f"a player needs an alt text and a positive fps, got {alt!r}, {fps}")
    named = clip if isinstance(clip, Mapping) else {"": clip}
    frames = {name: to_frames(one) for name, one in named.items()}
    for side, quality in ((height, 80), (height, 60), (height, 40), (height * 3 // 4, 40)):
        small = {name: resize(one, side) for name, one in frames.items()}
        data = {name: _webp(one, fps, loop, quality) for name, one in small.items()}
        total = sum(map(len, data.values())) * 4 / 3  # base64
        if total <= 1000 * max_kb:
            return Player(data, alt)
    count = max(len(one) for one in frames.values())
    raise ValueError(
        f"{len(frames)} clips of {count} frames take {total / 1000:.0f} kB, more than {max_kb:g}; "
        "show fewer frames or clips, or a smaller height"
    )


def _webp(frames: Pixels, fps: float, loop: bool, quality: int) -> bytes:
    images = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / fps),
        loop=0 if loop else 1,
        quality=quality,
        method=4,
    )
    return buffer.getvalue()
