"""Videos as vectors: embed a folder once, then search it with a video.

The file that `save_embeddings` writes knows which weights and which clips made it, so that a query
is encoded the same way. Notebook 08 explains this module.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdc_lib.datasets.base import VideoDataset, VideoFile
from sdc_lib.datasets.folder import VideoFolder
from sdc_lib.datasets.manifest import unopened
from sdc_lib.datasets.usable import usable, usable_file
from sdc_lib.evaluation.protocols import settings_for
from sdc_lib.features import ClipSettings, extract_features
from sdc_lib.features.store import load_arrays, save_arrays
from sdc_lib.support.devices import pick_device
from sdc_lib.support.files import check_writable
from sdc_lib.views import STREAMS, Stream
from sdc_lib.weights import available, load, load_config, resolve

Floats = NDArray[np.float32]
_ARRAYS = ("vectors", "scores")
_REMEDY = "make it with sdc embed"


@dataclass(frozen=True)
class Embeddings:
    """Vectors of N videos and what made them.

    Attributes:
        names: Paths of the videos below ``root``, N.
        vectors: Per stream, mean over clips of unit clip features, ``(N, D)``.
        scores: Per stream, mean concept scores, ``(N, 2K)``, static half first.
        root: The folder of videos, from the root of the file system.
        weights: Name of the weights, or their path from the root of the file system.
        sha256: Of the file of weights.
        clips: How a video became clips.
        left_out: Videos that could not be read, with the cause.
    """

    names: tuple[str, ...]
    vectors: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    root: str
    weights: str
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
    weights: str | Path,
    videos: str | os.PathLike[str],
    clips: ClipSettings | None = None,
    *,
    batch_size: int = 64,
    workers: int = 0,
    device: str = "cpu",
    progress: bool = True,
) -> Embeddings:
    """Encode every video below a folder, or a single file.

    Only files are opened that the manifest beside them, or else a check in child processes, found
    usable; the manifest of a folder keeps what the check found.

    Args:
        weights: See `sdc_lib.load`.
        videos: A folder or a video file.
        clips: How videos become clips; as the weights were trained by default.
        batch_size: Clips a forward pass.
        workers: Processes that decode; 0 decodes here.
        device: Where to compute, ``"auto"`` for the best that there is.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `Embeddings`; what could not be read is listed in ``left_out``.

    Raises:
        ValueError: If there are no such weights, or no video can be read.
        VideoError: If ``videos`` is a file that cannot be used.
    """
    device = pick_device(device)
    model = load(weights)
    clips = clips or settings_for("own", load_config(weights)).clips
    dataset = _open(Path(videos), workers, progress)
    found = extract_features(
        model,
        dataset,
        clips,
        batch_size=batch_size,
        workers=workers,
        device=device,
        progress=progress,
    )
    return Embeddings(
        found.names,
        found.pooled,
        found.scores,
        str(dataset.root.resolve()),
        _found_from_anywhere(weights),
        model.provenance["sha256"],
        clips,
        found.left_out,
    )


def search(
    gallery: Embeddings,
    query: str | os.PathLike[str],
    *,
    top: int = 5,
    stream: Stream = "video",
    weights: str | Path | None = None,
    device: str = "cpu",
) -> list[Match]:
    """Find the videos most like a given one.

    Args:
        gallery: Where to search.
        query: A video file.
        top: How many matches at most.
        stream: ``"video"``, ``"static"`` (what things are) or ``"dynamic"`` (how they move).
        weights: Where the weights are now; where they were when the gallery was made by default.
        device: Where to compute, ``"auto"`` for the best that there is.

    Returns:
        Matches, best first; equal ones in the gallery's order.

    Raises:
        ValueError: If the weights are other ones or gone, ``top`` is below 1, the stream is
            unknown, or there is no file at ``query``.
        VideoError: If the query cannot be used.
    """
    if top < 1:
        raise ValueError(f"top is {top}; it must be at least 1")
    if stream not in gallery.vectors:
        raise ValueError(f"stream is {stream!r}; the file has {', '.join(gallery.vectors)}")
    if not Path(query).is_file():
        raise ValueError(f"the query must be a video file; there is none at {query}")
    if weights is None:
        weights = _where_they_were(gallery)
    found = embed_videos(weights, query, gallery.clips, device=device, progress=False)
    if found.sha256 != gallery.sha256:
        raise ValueError(
            f"{weights} are not the weights that made the embeddings: sha256 {found.sha256[:12]}, "
            f"not {gallery.sha256[:12]}; embed the videos again"
        )
    similarity = _unit(gallery.vectors[stream]) @ _unit(found.vectors[stream])[0]
    best = np.argsort(-similarity, kind="stable")[:top]
    return [Match(gallery.names[i], float(similarity[i])) for i in best]


def save_embeddings(path: str | Path, embeddings: Embeddings) -> Path:
    """Write embeddings to one ``.npz`` file, whole or not at all, and return its path.

    Raises:
        ValueError: If something else than embeddings is there.
        OSError: If the file cannot be written.
    """
    check_target(path)
    facts = asdict(embeddings)
    save_arrays(path, facts, {kind: facts.pop(kind) for kind in _ARRAYS})
    return Path(path)


def check_target(path: str | Path) -> None:
    """Find out before the work whether embeddings can be written, and over nothing else.

    Raises:
        ValueError: If something else than embeddings is there.
        OSError: If the file cannot be written.
    """
    if Path(path).is_file():
        try:
            load_embeddings(path)
        except ValueError as error:
            raise ValueError(f"{path} is there and holds no embeddings; give a new name") from error
    check_writable(Path(path))


def load_embeddings(path: str | Path) -> Embeddings:
    """Read what `save_embeddings` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there are no embeddings at {path}; {_REMEDY}")
    try:
        facts, groups = load_arrays(path)
        if "checkpoint" in facts:  # what `weights` was called before
            facts["weights"] = facts.pop("checkpoint")
        clips = ClipSettings(**facts.pop("clips"))
        names, left_out = (tuple(facts.pop(key)) for key in ("names", "left_out"))
        vectors, scores = (_by_stream(groups[kind]) for kind in _ARRAYS)
        return Embeddings(names, vectors, scores, clips=clips, left_out=left_out, **facts)
    except KeyError as error:
        raise ValueError(f"{path} holds no embeddings: {error} is missing; {_REMEDY}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no embeddings ({error}); {_REMEDY}") from error


def _by_stream(arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    return {stream: arrays[stream] for stream in STREAMS}


def _found_from_anywhere(weights: str | Path) -> str:
    """The name of weights that ship, or the whole path of others."""
    file = resolve(weights)  # a file or a run of that name in the working folder comes first
    ships = str(weights) in available() and not Path(weights).exists()
    return str(weights) if ships else str(file.resolve())


def _where_they_were(gallery: Embeddings) -> str:
    """The weights that made the embeddings.

    Raises:
        ValueError: If they are not there any more.
    """
    try:
        resolve(gallery.weights)
    except ValueError as error:
        raise ValueError(
            f"{gallery.weights} made the embeddings and is not there any more; say where these "
            "weights are now, with weights= or --weights"
        ) from error
    return gallery.weights


def _open(videos: Path, workers: int, progress: bool) -> VideoDataset:
    if not videos.exists():
        raise ValueError(f"{videos} does not exist; give a folder of videos or a video file")
    if videos.is_dir():
        return usable(VideoFolder(videos, check=unopened), workers, progress=progress)
    info = usable_file(videos)
    file = VideoFile(videos, videos.name, num_frames=info.num_frames)
    return VideoDataset(videos.stem, videos.parent, "all", [file])


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(norms, 1e-12)
    return unit
