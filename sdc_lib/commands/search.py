"""``sdc embed`` and ``sdc search``: videos as vectors, and the ones most alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sdc_lib.support.settings import Count, Workers


@dataclass(frozen=True)
class Embed:
    """Turn a folder of videos into one file of vectors, for sdc search and for your own code.

    What a check of the videos found is kept in sdc_manifest.csv beside them.
    """

    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")]
    """A .safetensors file, the folder of a finished run, or the name of weights that ship."""
    videos: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEOS")]
    """A folder of videos, with or without subfolders, or one video file."""
    out: Path
    """The .npz file to write."""
    batch_size: Count = 64
    """Clips a forward pass."""
    workers: Workers = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""

    def run(self) -> int:
        """Print how many videos there are, and which were left out and why."""
        from sdc_lib.search import check_target, embed_videos, save_embeddings
        from sdc_lib.support.devices import pick_device

        device = pick_device(self.device)
        check_target(self.out)
        made = embed_videos(
            self.weights,
            self.videos,
            batch_size=self.batch_size,
            workers=self.workers,
            device=device,
        )
        save_embeddings(self.out, made)
        for line in made.left_out:
            print(f"left out: {line}")
        print(f"{len(made)} of {len(made) + len(made.left_out)} videos are in {self.out}")
        return 0


@dataclass(frozen=True)
class Search:
    """Find the videos of a file of vectors that are most like a given video."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """What sdc embed wrote."""
    query: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="QUERY")]
    """A video file."""
    top: Count = 5
    """How many matches to show."""
    stream: Literal["video", "static", "dynamic"] = "video"
    """Alike as a whole, in what is seen, or in how it moves."""
    weights: str | None = None
    """The weights, if they have moved since."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""

    def run(self) -> int:
        """Print rank, cosine and path of every match."""
        from sdc_lib.search import load_embeddings, search
        from sdc_lib.support.devices import pick_device

        gallery = load_embeddings(self.file)
        matches = search(
            gallery,
            self.query,
            top=self.top,
            stream=self.stream,
            weights=self.weights,
            device=pick_device(self.device),
        )
        for rank, match in enumerate(matches, start=1):
            path = _on_one_line(str(Path(gallery.root) / match.name))
            print(f"{rank:3d}  {match.similarity:6.3f}  {path}")
        return 0


def _on_one_line(name: str) -> str:
    """A name with its control characters escaped; those of the file system may hold a newline."""
    parts = (c if c.isprintable() else repr(c)[1:-1] for c in name)
    return "".join(parts)
