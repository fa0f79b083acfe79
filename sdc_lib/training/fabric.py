"""Device, precision and processes of a run: what Lightning Fabric is told."""

import inspect
import os
import warnings
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.double import DoublePrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.strategy import Strategy
from torch.nn.parallel import DistributedDataParallel

from sdc_lib.config import PretrainConfig
from sdc_lib.support.devices import count_processes, multiplies_bf16, pick_device
from sdc_lib.terms import term_weights

_PARAMETERS = inspect.signature(DistributedDataParallel).parameters
_SYNC = "forward_sync_buffers" if "forward_sync_buffers" in _PARAMETERS else "broadcast_buffers"
_NO_BUFFER_SYNC: dict[str, Any] = {_SYNC: False}  # the name depends on torch's version


class KeepDouble(DoublePrecision):
    """Double precision that also leaves what the network returns in double."""

    def convert_output(self, data: Any) -> Any:
        """Return it as it is; the base class would round to torch's default type."""
        return data


def make_fabric(
    config: PretrainConfig,
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Choose device, precision and processes.

    Args:
        config: Of the run; precision, and whether parts of the model rest at first.
        accelerator: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        devices: Processes on this machine, or ``"auto"`` for one a GPU.
        num_nodes: Machines.

    Returns:
        A fabric that has not been launched.

    Raises:
        ValueError: If that accelerator is not here, or not as many devices.
    """
    device = pick_device(accelerator)
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun has decided
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        num_nodes = int(os.environ["GROUP_WORLD_SIZE"])
    processes = count_processes(devices, device)
    if config.optim.precision == "bf16-mixed" and not multiplies_bf16(device):
        warnings.warn(
            f"{device} has no bfloat16 in hardware, and emulates it slowly: "
            "--optim.precision 32-true is faster",
            stacklevel=2,
        )
    double = config.optim.precision == "64-true"
    strategy: str | Strategy = "auto"
    if num_nodes * processes > 1:
        # attention rests until the local terms count, other parts where terms have no weight;
        # synchronised statistics need no broadcast
        rests = config.curriculum.local_from_epoch > 0 or 0 in term_weights(config.weights).values()
        strategy = DDPStrategy(
            find_unused_parameters=rests,
            start_method=_start_method(),
            **_NO_BUFFER_SYNC,
        )
    return Fabric(
        accelerator=accelerator,
        devices=processes,
        num_nodes=num_nodes,
        strategy=strategy,
        precision=None if double else config.optim.precision,
        plugins=[KeepDouble()] if double else None,
    )


def local_count(fabric: Fabric) -> int:
    """Processes of a fabric on this machine."""
    return int(getattr(fabric.strategy, "num_processes", 1))


def _start_method() -> Any:
    """Start further processes by running the script again, or by forking in a notebook."""
    from lightning_fabric.utilities.imports import _IS_INTERACTIVE

    return "fork" if _IS_INTERACTIVE else "popen"
