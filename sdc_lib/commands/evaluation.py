"""``sdc evaluate``: measure weights on a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sdc_lib.datasets.names import DatasetName
from sdc_lib.support.settings import Count, Fold, Range, Seed, Workers


@dataclass(frozen=True)
class Evaluate:
    """Evaluate weights on a split of a data set, and print the numbers as tables."""

    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")]
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
    clips: Literal["own", "released", "coclr"] = "own"
    """As the weights were trained, 16 frames or 32 frames of 128 pixels."""
    fold: Fold = 1
    """Official split number, where there are several."""
    split: Literal["val", "test"] = "test"
    """Whose videos are judged; val is for choosing settings, where a data set has it."""
    target: str | None = None
    """A factor such as motion; all factors, or the class label, when None."""
    epochs: Annotated[int | None, Range(1, 100_000)] = None
    """Epochs of the protocols that train; the protocol's own number when None."""
    batch_size: Count = 64
    """Clips a forward pass."""
    workers: Workers = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    seed: Seed = 0
    """Of what is random in the protocol."""
    cache_dir: Path | None = None
    """Keep features there and reuse them."""
    results_dir: Path | None = None
    """Write the numbers and their circumstances there as JSON."""
    name: str | None = None
    """Name of that record."""

    def run(self) -> int:
        """Print the tables."""
        from sdc_lib.evaluation import evaluate
        from sdc_lib.support.devices import pick_device

        evaluation = evaluate(
            self.weights,
            self.dataset,
            self.protocol,
            self.data_dir,
            clips=self.clips,
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
