"""The concept atlas: one HTML page that shows what every concept responds to.

For each concept the page has the frames of the videos that score highest on it, each beside the
concept's attention map, with the class most of them share. It is a single file with the pictures
inside, opens from disk, and loads nothing from anywhere. ``sdc atlas WEIGHTS`` writes it.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from html import escape
from pathlib import Path

import av
import torch
from torch import Tensor
from tqdm import tqdm

from sdc_lib.augment import normalize
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips
from sdc_lib.evaluation.concepts import Concept, ConceptReport, analyse_concepts, attention_maps
from sdc_lib.features import ClipSettings, Features, extract_features
from sdc_lib.model import SDC
from sdc_lib.support.files import check_writable, write_atomically
from sdc_lib.support.modes import evaluating
from sdc_lib.support.settings import TopVideos, check_value

_DOCTYPE = "<!DOCTYPE html>"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
       color: #1c1c1c; background: #fff; }
h1 { margin-bottom: .2rem; } pre { overflow-x: auto; background: #f4f4f4; padding: .8rem; }
.concept { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center;
           border-top: 1px solid #ddd; padding: .5rem 0; }
.about { width: 11rem; } .about b { display: block; }
figure { margin: 0; width: 9rem; } figure img { width: 4.4rem; image-rendering: pixelated; }
figcaption { font-size: .75rem; overflow-wrap: anywhere; color: #555; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #16181c; } pre { background: #23262c; }
  .concept { border-color: #3a3d44; } figcaption { color: #b5b5b5; }
}
"""


@dataclass(frozen=True)
class Exhibit:
    """The moment of a video at which a concept is strongest.

    Attributes:
        name: The video.
        score: The concept's score of the whole video.
        frame: uint8, ``(3, H, W)``.
        overlay: The same frame under the concept's attention, uint8, ``(3, H, W)``.
    """

    name: str
    score: float
    frame: Tensor
    overlay: Tensor


def write_atlas(
    model: SDC,
    dataset: VideoDataset,
    path: str | Path,
    clips: ClipSettings | None = None,
    *,
    top: int = 6,
    title: str = "Concept atlas",
    batch_size: int = 64,
    workers: int = 0,
    cache_dir: str | Path | None = None,
    progress: bool = True,
) -> ConceptReport:
    """Write the page for a model and a data set.

    Args:
        model: With trained concepts.
        dataset: The videos to look through.
        path: HTML file to write.
        clips: How videos become clips.
        top: Videos a concept.
        title: Heading of the page.
        batch_size: Clips a forward pass.
        workers: Processes that decode.
        cache_dir: Where features are kept.
        progress: Show bars.

    Returns:
        The concepts in numbers, as printed on the page.

    Raises:
        ValueError: If no video can be read, `top` is out of its range, or something else than a
            page is at `path`.
        OSError: If the page cannot be written.
    """
    check_value("top", top, TopVideos)
    check_target(path)
    clips = clips or ClipSettings()
    features = extract_features(
        model,
        dataset,
        clips,
        streams=("video",),
        batch_size=batch_size,
        workers=workers,
        cache_dir=cache_dir,
        progress=progress,
    )
    report = analyse_concepts(model.heads, features, top=top)
    shown = _exhibits(model, dataset, features, report, clips, progress)
    page = "".join(_page(title, features, report, shown))
    write_atomically(Path(path), page.encode("utf-8"))
    return report


def check_target(path: str | Path) -> None:
    """Find out before the work whether a page can be written, and over nothing else.

    Raises:
        ValueError: If something else than a page is there.
        OSError: If the page cannot be written.
    """
    path = Path(path)
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_DOCTYPE)) != _DOCTYPE.encode():
                raise ValueError(f"{path} is there and is no page; give a new name")
    check_writable(path)


def _exhibits(
    model: SDC,
    dataset: VideoDataset,
    features: Features,
    report: ConceptReport,
    clips: ClipSettings,
    progress: bool,
) -> dict[int, list[Exhibit]]:
    """Pictures by concept; each video is read once for all concepts that show it."""
    wanted: dict[int, list[int]] = {}
    for concept in report.concepts:
        for video in concept.videos.tolist():
            wanted.setdefault(video, []).append(concept.index)
    source = EvalClips(dataset, **asdict(clips))
    place = {file.name: i for i, file in enumerate(source.videos)}  # without empty files
    found: dict[tuple[int, int], Exhibit] = {}
    bar = tqdm(wanted.items(), desc="atlas", unit="video", delay=2, disable=not progress)
    with evaluating(model):
        for video, concepts in bar:
            name = features.names[video]
            pixels = source[place[name]].clips
            for index in concepts:
                score = float(features.scores["video"][video, index])
                frame, overlay = strongest_moment(model, pixels, index)
                found[index, video] = Exhibit(name, score, frame, overlay)
    return {c.index: [found[c.index, v] for v in c.videos.tolist()] for c in report.concepts}


@torch.no_grad()
def strongest_moment(model: SDC, clips: Tensor, concept: int) -> tuple[Tensor, Tensor]:
    """The frame of a video's clips at which a concept looks hardest, plain and with its map.

    Args:
        model: In ``eval()`` mode.
        clips: uint8, ``(n, 3, T, H, W)``.
        concept: Row of the video's codebook.

    Returns:
        Two uint8 images ``(3, H, W)``.
    """
    inputs = normalize(clips.to(next(model.parameters()).device))
    best = int(model.encode(inputs).scores[:, concept].argmax())
    attention = attention_maps(model, inputs[best : best + 1])[0, concept].cpu()  # (T, H, W)
    moment = int(attention.flatten(1).sum(dim=1).argmax())
    frame = clips[best, :, moment]
    heat = attention[moment] / attention[moment].max().clamp(min=1e-12)
    grey = frame.float().mean(dim=0)
    # grey where the concept does not look, warm where it does
    warm = torch.stack([grey + 200 * heat, grey + 70 * heat, grey * (1 - heat)])
    overlay = (0.35 * grey + 0.65 * warm).round().clamp(0, 255).to(torch.uint8)
    return frame, overlay


def _page(
    title: str, features: Features, report: ConceptReport, shown: dict[int, list[Exhibit]]
) -> Iterator[str]:
    yield (
        f'{_DOCTYPE}\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f'</title>\n<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>'
        f"</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f"<p>{len(features)} of {features.official} videos of {escape(features.dataset)}/"
        f"{escape(features.split)}. Each picture pair is the moment at which the concept looks "
        "hardest, and where it looks then.</p>\n"
        f"<pre>{escape(str(report))}</pre>\n"
    )
    for half in report.usage:
        yield f'<h2 id="{half}">{half.capitalize()} concepts</h2>\n'
        for concept in (c for c in report.concepts if c.half == half):
            yield from _row(concept, shown[concept.index])
    yield "</body></html>\n"


def _row(concept: Concept, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    about = "" if concept.label is None else f"{concept.label}: {concept.share:.0%} of these videos"
    yield (
        f'<section class="concept" id="c{concept.index}"><div class="about">'
        f"<b>Concept {concept.index}</b>{escape(about)}</div>\n"
    )
    for exhibit in exhibits:
        name = escape(exhibit.name)
        yield (
            f'<figure><img src="{_embedded(exhibit.frame)}" alt="A frame of {name}">'
            f'<img src="{_embedded(exhibit.overlay)}" alt="Where concept {concept.index} looks in '
            f'it"><figcaption>{name}, score {exhibit.score:.2f}</figcaption></figure>\n'
        )
    yield "</section>\n"


def _embedded(image: Tensor) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image)).decode("ascii")


def encode_jpeg(image: Tensor, quality: int = 3) -> bytes:
    """Encode a picture without chroma subsampling.

    Args:
        image: uint8, ``(3, H, W)``.
        quality: FFmpeg's quantiser, 2 (best) to 31.

    Returns:
        A JPEG file.
    """
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = image.shape[1:]
    encoder.pix_fmt, encoder.time_base = "yuvj444p", Fraction(1, 25)
    encoder.options = {"qmin": str(quality), "qmax": str(quality)}
    frame = av.VideoFrame.from_ndarray(image.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
    frame.pts = 0
    packets = [*encoder.encode(frame.reformat(format="yuvj444p")), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
