"""Videos as vectors: embed a folder once, then search it with a video.

The file that `save_embeddings` writes knows which weights and which clips made it, so that a query
is encoded the same way. Notebook 08 explains this module.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.datasets.folder import VideoFolder
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.features.clips import ClipSettings
from sdc_lib.features.extract import extract_features
from sdc_lib.video import probe
from sdc_lib.views import STREAMS, Stream
from sdc_lib.weights import load, load_config

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Embeddings:
    """Vectors of N videos and what made them.

    Attributes:
        names: Paths of the videos below ``root``, N.
        vectors: Per stream, mean over clips of unit clip features, ``(N, D)``.
        scores: Per stream, mean concept scores, ``(N, 2K)``, static half first.
        root: The folder of videos.
        checkpoint: Name or path of the weights, as given to `sdc_lib.load`.
        sha256: Of the file of weights.
        clips: How a video became clips.
        left_out: Videos that could not be read, with the cause.
    """

    names: tuple[str, ...]
    vectors: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    root: str
    checkpoint: str
    sha256: str
    clips: ClipSettings
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.names)


@dataclass(frozen=True)
class Match:
    """A video that was found: its name and the cosine, -1 to 1, of its vector with the query's."""

    name: str
    similarity: float


def embed_videos(
    checkpoint: str | Path,
    videos: str | os.PathLike[str],
    clips: ClipSettings | None = None,
    *,
    batch_size: int = 64,
    workers: int = 0,
    device: str = "cpu",
    progress: bool = True,
) -> Embeddings:
    """Encode every video below a folder, or a single file.

    Args:
        checkpoint: See `sdc_lib.load`.
        videos: A folder or a video file.
        clips: How videos become clips; as the weights were trained by default.
        batch_size: Clips a forward pass.
        workers: Processes that decode; 0 decodes here.
        device: Where to compute.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `Embeddings`; what could not be read is listed in ``left_out``.

    Raises:
        ValueError: If there are no such weights, or no video can be read.
        VideoError: If ``videos`` is a file that cannot be used.
    """
    model = load(checkpoint)
    clips = clips or settings_for("own", load_config(checkpoint)).clips
    dataset = _open(Path(videos))
    found = extract_features(
        model,
        dataset,
        clips,
        batch_size=batch_size,
        workers=workers,
        device=device,
        progress=progress,
    )
    listed = tuple(f"{out.name}: {out.cause}" for out in dataset.left_out)
    return Embeddings(
        found.names,
        found.pooled,
        found.scores,
        str(dataset.root),
        str(checkpoint),
        model.provenance["sha256"],
        clips,
        tuple(dict.fromkeys((*listed, *found.left_out))),
    )


def search(
    gallery: Embeddings,
    query: str | os.PathLike[str],
    *,
    top: int = 5,
    stream: Stream = "video",
    checkpoint: str | Path | None = None,
    device: str = "cpu",
) -> list[Match]:
    """Find the videos most like a given one.

    Args:
        gallery: Where to search.
        query: A video file.
        top: How many matches at most.
        stream: ``"video"``, ``"static"`` (what things are) or ``"dynamic"`` (how they move).
        checkpoint: Where the weights are now; where they were when the gallery was made by default.
        device: Where to compute.

    Returns:
        Matches, best first; equal ones in the gallery's order.

    Raises:
        ValueError: If the weights are other ones, ``top`` is below 1 or the stream is unknown.
        VideoError: If the query cannot be used.
    """
    if top < 1:
        raise ValueError(f"top is {top}; it must be at least 1")
    if stream not in gallery.vectors:
        raise ValueError(f"stream is {stream!r}; the file has {', '.join(gallery.vectors)}")
    if not Path(query).is_file():
        raise ValueError(f"the query must be a video file; there is none at {query}")
    weights = checkpoint if checkpoint is not None else gallery.checkpoint
    found = embed_videos(weights, query, gallery.clips, device=device, progress=False)
    if found.sha256 != gallery.sha256:
        raise ValueError(
            f"{weights} are not the weights that made the embeddings: sha256 {found.sha256[:12]}, "
            f"not {gallery.sha256[:12]}; embed the videos again"
        )
    similarity = _unit(gallery.vectors[stream]) @ _unit(found.vectors[stream])[0]
    best = np.argsort(-similarity, kind="stable")[:top]
    return [Match(gallery.names[i], float(similarity[i])) for i in best]


def save_embeddings(path: str | os.PathLike[str], embeddings: Embeddings) -> Path:
    """Write one ``.npz`` file, beside it first and then renamed."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    facts = asdict(embeddings)
    arrays: dict[str, NDArray[Any]] = {}
    for kind in ("vectors", "scores"):
        arrays |= {f"{kind}/{stream}": values for stream, values in facts.pop(kind).items()}
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    unfinished.replace(target)
    return target


def load_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Read what `save_embeddings` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = json.loads(arrays["facts"].tobytes())
        clips = ClipSettings(**facts.pop("clips"))
        names, left_out = (tuple(facts.pop(key)) for key in ("names", "left_out"))
        vectors: dict[str, Floats] = {}
        scores: dict[str, Floats] = {}
        for stream in STREAMS:
            vectors[stream] = arrays[f"vectors/{stream}"]
            scores[stream] = arrays[f"scores/{stream}"]
        return Embeddings(names, vectors, scores, clips=clips, left_out=left_out, **facts)
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
        raise ValueError(f"{path} holds no embeddings ({error}); make it with sdc embed") from error


def _open(videos: Path) -> VideoDataset:
    if not videos.exists():
        raise ValueError(f"{videos} does not exist; give a folder of videos or a video file")
    if videos.is_dir():
        return VideoFolder(videos)
    info = probe(videos)
    file = VideoFile(videos, videos.name, num_frames=info.num_frames)
    return VideoDataset(videos.stem, videos.parent, "all", [file])


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(norms, 1e-12)
    return unit
