"""``sdc evaluate``, ``embed``, ``search`` and ``atlas``: what weights are good for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sdc_lib.commands.data import DatasetName


@dataclass(frozen=True)
class Evaluate:
    """Evaluate weights on a split of a data set, and print the numbers as tables."""

    checkpoint: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file, the folder of a finished run, the name of weights that ship, or
    random:PRESET for random weights."""
    dataset: DatasetName = "motion-factors"
    """Data set; MotionFactors is made if it is missing."""
    protocol: Literal[
        "linear", "linear_online", "finetune", "retrieval", "knn", "disentanglement"
    ] = "linear"
    """What to measure."""
    data_dir: Path = Path("data")
    """Where data sets are."""
    preset: Literal["own", "released", "coclr"] = "own"
    """Clips: as the weights were trained, 16 frames or 32 frames of 128 pixels."""
    fold: int = 1
    """Official split number, where there are several."""
    split: Literal["val", "test"] = "test"
    """Whose videos are judged; val is for choosing settings, where a data set has it."""
    target: str | None = None
    """A factor such as motion; all factors, or the class label, when None."""
    epochs: int | None = None
    """Epochs of the protocols that train; the protocol's own number when None."""
    batch_size: int = 64
    """Clips a forward pass."""
    workers: int = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    seed: int = 0
    """Of what is random in the protocol."""
    cache_dir: Path | None = None
    """Keep features there and reuse them."""
    results_dir: Path | None = None
    """Write the numbers and their circumstances there as JSON."""
    name: str | None = None
    """Name of that record."""

    def run(self) -> int:
        """Print the tables."""
        from sdc_lib.evaluation.run import evaluate

        evaluation = evaluate(
            self.checkpoint,
            self.dataset,
            self.protocol,
            self.data_dir,
            preset=self.preset,
            fold=self.fold,
            split=self.split,
            target=self.target,
            epochs=self.epochs,
            batch_size=self.batch_size,
            workers=self.workers,
            device=pick_device(self.device),
            seed=self.seed,
            cache_dir=self.cache_dir,
            results_dir=self.results_dir,
            name=self.name,
        )
        print(evaluation)
        return 0


@dataclass(frozen=True)
class Embed:
    """Turn a folder of videos into one file of vectors, for sdc search and for your own code."""

    checkpoint: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file, the folder of a finished run, or the name of weights that ship."""
    videos: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEOS")]
    """A folder of videos, with or without subfolders, or one video file."""
    out: Path
    """The .npz file to write."""
    batch_size: int = 64
    """Clips a forward pass."""
    workers: int = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""

    def run(self) -> int:
        """Say how many videos there are, and which were left out and why."""
        from sdc_lib.search import embed_videos, save_embeddings

        made = embed_videos(
            self.checkpoint,
            self.videos,
            batch_size=self.batch_size,
            workers=self.workers,
            device=pick_device(self.device),
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
    top: int = 5
    """How many matches to show."""
    stream: Literal["video", "static", "dynamic"] = "video"
    """Alike as a whole, in what is seen, or in how it moves."""
    checkpoint: str | None = None
    """The weights, if they have moved since."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""

    def run(self) -> int:
        """Print rank, cosine and path of every match."""
        from sdc_lib.search import load_embeddings, search

        gallery = load_embeddings(self.file)
        matches = search(
            gallery,
            self.query,
            top=self.top,
            stream=self.stream,
            checkpoint=self.checkpoint,
            device=pick_device(self.device),
        )
        for rank, match in enumerate(matches, start=1):
            print(f"{rank:3d}  {match.similarity:6.3f}  {Path(gallery.root) / match.name}")
        return 0


@dataclass(frozen=True)
class Atlas:
    """Write one HTML page that shows what every concept responds to."""

    checkpoint: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file, the folder of a finished run, or the name of weights that ship."""
    out: Path = Path("atlas.html")
    """The page; it needs no other file and no network."""
    dataset: DatasetName = "motion-factors"
    """Data set to look through; MotionFactors is made if it is missing."""
    split: Literal["train", "val", "test"] = "test"
    """Which part of it."""
    data_dir: Path = Path("data")
    """Where data sets are."""
    fold: int = 1
    """Official split number, where there are several."""
    top: int = 6
    """Videos a concept."""
    batch_size: int = 64
    """Clips a forward pass."""
    workers: int = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    cache_dir: Path | None = None
    """Keep features there and reuse them."""

    def run(self) -> int:
        """Print the concepts in numbers, and where the page is."""
        from sdc_lib.commands.atlas import write_atlas
        from sdc_lib.datasets.names import open_dataset
        from sdc_lib.evaluation.protocols import settings_for
        from sdc_lib.weights import load, load_config

        model, config = load(self.checkpoint), load_config(self.checkpoint)
        data = replace(config.data, dataset=self.dataset, split=self.fold)
        report = write_atlas(
            model.to(pick_device(self.device)),
            open_dataset(data, self.data_dir, self.split),
            self.out,
            settings_for("own", config).clips,
            top=self.top,
            title=f"Concept atlas: {self.checkpoint} on {self.dataset}",
            batch_size=self.batch_size,
            workers=self.workers,
            cache_dir=self.cache_dir,
        )
        print(report)
        print(f"wrote {self.out}")
        return 0


def pick_device(name: str) -> str:
    """``auto`` as the best device that there is, other names as they are."""
    if name != "auto":
        return name
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
