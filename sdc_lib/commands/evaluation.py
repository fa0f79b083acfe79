"""``sdc evaluate``: measure weights on a data set."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from sdc_lib.datasets.names import DATASETS
from sdc_lib.support.settings import Count, Fold, Range, Seed, Workers

if TYPE_CHECKING:
    from sdc_lib.evaluation.questions import Conditions

    DatasetChoice = str
else:  # the command line offers these choices
    DatasetChoice = Literal[(*DATASETS, "all")]


@dataclass(frozen=True)
class Evaluate:
    """Evaluate weights on a split of a data set; print tables of numbers, then what was left out.

    With all data sets or all protocols there is one table, and how many videos of how many count;
    where --results-dir is given, the same command goes on after an interruption.
    """

    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")]
    """A .safetensors file, the folder of a finished run, the name of weights that ship, or
    random:PRESET for random weights."""
    dataset: DatasetChoice = "motion-factors"
    """Data set, or all that the data folder holds; MotionFactors alone is made if it is missing."""
    protocol: Literal[
        "linear", "linear_online", "finetune", "retrieval", "knn", "disentanglement", "all"
    ] = "linear"
    """What to measure."""
    data_dir: Path = Path("data")
    """Where data sets are."""
    clips: Literal["own", "released", "coclr"] = "own"
    """As the weights were trained, 16 frames or 32 frames of 128 pixels."""
    stride: Annotated[int | None, Range(1, 1024)] = None
    """Frames of the file from one frame of a clip to the next; that of the clips when None."""
    size: Literal["toy", "tiny", "small", "standard"] | None = None
    """Which MotionFactors; the one that the weights were trained on when None."""
    fold: Fold = 1
    """Official split number, where there are several."""
    split: Literal["val", "test"] = "test"
    """Whose videos are judged; val is for choosing settings, where a data set has it."""
    target: str | None = None
    """A factor such as motion; all factors, or the class label, when None."""
    factors: str | None = None
    """For disentanglement: the static factor, the dynamic one, then shared ones, as scene,motion;
    those of MotionFactors when None."""
    folds: str | None = None
    """A factor that numbers folds, each tested by what is learned from the others; a train and a
    test part when None."""
    videos: Annotated[int | None, Range(1, 1_000_000_000)] = None
    """At most so many of each split, evenly spaced, for a rehearsal; all when None."""
    epochs: Annotated[int | None, Range(1, 100_000)] = None
    """Epochs of the protocols that train; the protocol's own number when None."""
    flip: bool | None = None
    """Mirror half of the clips in the protocols that train on videos: right only where that changes
    no label. When None: UCF-101, HMDB-51 and Kinetics-400 alone."""
    batch_size: Count = 64
    """Clips a forward pass of a network that does not learn: less memory, same numbers. The steps
    of online probes and of fine-tuning have 64 videos."""
    workers: Workers = 2
    """Processes that decode."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    seed: Seed = 0
    """Of what is random in the protocol."""
    cache_dir: Path | None = None
    """Keep features there and reuse them. When None, all protocols or data sets keep them in a
    folder features beside their records; a single protocol does not."""
    results_dir: Path | None = None
    """Write the numbers and their circumstances there as JSON; with all protocols or data sets into
    its folder records."""
    name: str | None = None
    """Name of that record; weights, data, protocol and all that is not the default when None."""

    def run(self) -> int:
        """Print the tables, then what was left out."""
        if "all" in (self.dataset, self.protocol):
            return self._run_all()
        from sdc_lib.evaluation import evaluate

        evaluation = evaluate(
            self.weights,
            self.dataset,
            self.protocol,  # type: ignore[arg-type]
            fold=self.fold,
            cache_dir=self.cache_dir,
            results_dir=self.results_dir,
            name=self.name,
            **vars(self._conditions()),
        )
        print(evaluation)
        _print_left_out(evaluation.left_out)
        return 0

    def _run_all(self) -> int:
        """Answer every question that there is; print one table, counts, and what was left out."""
        if self.name is not None:
            raise ValueError(f"--name is {self.name!r}; with all there are many records: omit it")
        if self.dataset == "all" and self.fold != 1:
            raise ValueError(f"--fold is {self.fold}; with all data sets, all folds count: omit it")
        from sdc_lib.evaluation.experiment import all_questions, answer, compare, left_out_of
        from sdc_lib.evaluation.found import Found, found_datasets
        from sdc_lib.evaluation.protocols import PROTOCOLS

        every = self.dataset == "all"
        found = Found({self.dataset: (self.fold,)}, {})
        if every:
            found = found_datasets(self.data_dir, self.split)
        for name, reason in found.skipped.items():
            print(f"skipped {name}: {reason}")
        datasets = found.folds
        protocols = PROTOCOLS if self.protocol == "all" else (self.protocol,)
        conditions = self._conditions()
        asked = all_questions(
            {self.weights: self.weights}, datasets, protocols, conditions.factors or ()
        )
        asked = [question for question in asked if question.dataset in datasets]
        with contextlib.ExitStack() as stack:
            folder = self.results_dir or stack.enter_context(tempfile.TemporaryDirectory())
            answers = answer(asked, folder, conditions, cache_dir=self.cache_dir)
        print(compare(answers, ()))
        for line in dict.fromkeys(
            f"{question.dataset}, fold {question.fold}: {record.evaluated} of {record.official} "
            "videos"
            for question, record, _ in answers
        ):
            print(line)
        _print_left_out(left_out_of(answers, conditions))
        return 0

    def _conditions(self) -> Conditions:
        """What holds for one question and for all."""
        from sdc_lib.evaluation.questions import Conditions
        from sdc_lib.support.devices import pick_device

        given = {field.name: getattr(self, field.name) for field in fields(Conditions)}
        given |= {"device": pick_device(self.device), "factors": self._factors()}
        return Conditions(**given)

    def _factors(self) -> tuple[str, ...] | None:
        return None if self.factors is None else tuple(self.factors.replace(",", " ").split())


def _print_left_out(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"left out: {line}")
