"""The folder of a run: its configuration, its records, and whether it may be continued."""

import copy
import dataclasses
import json
import platform
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from sdc_lib.config import PretrainConfig, from_dict, to_json
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.model import SDC
from sdc_lib.support.files import read_facts, remove_leftovers, write_atomically
from sdc_lib.support.locks import alone_in
from sdc_lib.support.processes import available_cores
from sdc_lib.training.batches import BatchPlan
from sdc_lib.training.checkpoints import list_checkpoints
from sdc_lib.video import video_backend
from sdc_lib.weights import export_model, is_written

MAY_CHANGE = ("data.workers", "data.cache_mb", "data.max_replaced")
"""Settings that do not change the result and may differ when a run is continued."""


class RunFolder:
    """Paths of a run's files.

    Args:
        path: The folder; made by `claimed`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.checkpoints = path / "checkpoints"
        self.weights = path / "model.safetensors"
        self.run = path / "run.json"
        self.failed_batch = path / "failed_batch.txt"
        self.encoded = path / "encoded"

    def recorded(self, config: PretrainConfig) -> PretrainConfig:
        """The configuration this folder was started with, or `config` if it is new.

        Raises:
            ValueError: If the folder belongs to a run with other settings; the message names them.
        """
        if not self.config.exists():
            return config
        try:
            old = from_dict(PretrainConfig, json.loads(self.config.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.config} is not a configuration of this version ({error}); "
                "choose another folder"
            ) from error
        changed = [
            f"{name} was {before!r} and is now {after!r}"
            for name, before, after in differences(old, config)
            if name not in MAY_CHANGE
        ]
        if changed:
            raise ValueError(
                f"{self.path} holds a run with other settings: {'; '.join(changed)}. "
                "Choose another folder, or give the same settings to continue it"
            )
        return old

    @contextmanager
    def claimed(self, config: PretrainConfig, fabric: Fabric) -> Iterator[None]:
        """Keep the folder for one run, and write its configuration on first use.

        Args:
            config: Of the run.
            fabric: Launched; only its first process touches the folder.

        Raises:
            ValueError: If another process works in it already.
            OSError: If it cannot be written.
        """
        if not fabric.is_global_zero:
            fabric.barrier()
            yield
            return
        with alone_in(self.path):
            self.recorded(config)  # another run may have claimed the folder in between
            if not self.config.exists():
                write_atomically(self.config, to_json(config).encode())
            remove_leftovers(self.path)
            remove_leftovers(self.checkpoints)
            fabric.barrier()
            yield

    def export(
        self, model: SDC, config: PretrainConfig, provenance: dict[str, str], *, stepped: bool
    ) -> bool:
        """Write the weights of a finished run, unless they are there already and whole.

        Concepts are written with unit length, as every step scales them back to it before it looks
        at them; `model` keeps those that the last step left.

        Args:
            model: With these weights.
            config: Of the run.
            provenance: What the file says of them, beside what the model brings.
            stepped: Whether this call did a step. If not, its videos need not be those that were
                trained on, and weights of the same number of steps stay as they are.

        Returns:
            Whether they were written.
        """
        provenance = {**model.provenance, **provenance}
        if is_written(self.weights, provenance if stepped else {"steps": provenance["steps"]}):
            return False
        exported = SDC(model.backbone, copy.deepcopy(model.heads))
        exported.heads.normalize_codebooks_()
        export_model(exported, config, self.weights, provenance)
        return True

    def remove_encoded(self) -> None:
        """Remove stored features, of which a finished run has no more use."""
        if self.encoded.is_dir():
            shutil.rmtree(self.encoded)

    def newest(self) -> str:
        """Path of the newest checkpoint, for messages."""
        found = list_checkpoints(self.checkpoints)
        return str(found[0]) if found else "none yet"

    def facts(self) -> dict[str, Any]:
        """What `note` has kept so far; of a damaged file nothing, with a warning."""
        if not self.run.exists():
            return {}
        try:
            return read_facts(self.run)
        except ValueError as error:  # no reason to lose the run that it is about
            warnings.warn(f"{error}; it is begun again", stacklevel=2)
            return {}

    def note(self, **facts: Any) -> None:
        """Add facts that differ from run to run (time, device, versions) to run.json."""
        kept = {**self.facts(), **facts}
        write_atomically(self.run, json.dumps(kept, indent=2, sort_keys=True).encode())

    def note_call(self, seconds: float, first_step: int, step: int, fabric: Fabric) -> None:
        """Add what one call of a run took to run.json, unless it did nothing and that is known.

        Args:
            seconds: Of this call; those of all calls that were not killed add up.
            first_step: Steps done before.
            step: Steps done now.
            fabric: Launched.
        """
        known = self.facts()
        if step == first_step == known.get("steps") and step:
            return
        goes_on = first_step > 0 or known.get("steps") == 0
        earlier = known.get("seconds", 0.0) if goes_on else 0.0
        self.note(
            seconds=round(earlier + seconds, 1),
            steps=step,
            processes=fabric.world_size,
            **environment(fabric.device),
        )


def differences(old: Any, new: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Fields in which two configurations differ: dotted name, old value, new value."""
    found: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        name = prefix + field.name
        if dataclasses.is_dataclass(before):
            found += differences(before, after, f"{name}.")
        elif before != after:
            found.append((name, before, after))
    return found


def provenance(
    config: PretrainConfig, plan: BatchPlan, videos: VideoDataset, step: int
) -> dict[str, str]:
    """What the weights of a run say of where they come from: no time and no path."""
    return {
        "steps": str(step),
        "epochs": f"{step / plan.steps_per_epoch:.4g}",
        "global_batch": str(plan.global_batch * plan.accumulate),
        "dataset": f"{videos.name} ({videos.split})",
        "dataset_fingerprint": videos.fingerprint(),
        "videos": str(plan.num_samples),
        "config_hash": config.hash(),
    }


def environment(device: torch.device) -> dict[str, str]:
    """Device and versions, for run.json and checkpoints."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "device": f"{device.type} {name}".strip(),
        "cores": str(available_cores()),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "video_backend": video_backend(),
        "platform": platform.platform(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
