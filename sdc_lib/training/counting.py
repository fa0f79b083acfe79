"""What a run keeps in memory and computes, counted from shapes.

Fake tensors have shapes and no numbers, so nothing is computed and no memory is taken.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from sdc_lib.backbones import StagedBackbone, build_backbone
from sdc_lib.config import OptimConfig, PretrainConfig
from sdc_lib.layers import Clips, run
from sdc_lib.model import SDC, HeadsOutput, build_model
from sdc_lib.objective import SDCObjective, keeps_table
from sdc_lib.training.batches import Batch, FeatureBatch, PixelBatch
from sdc_lib.training.networks import network_of, prepare_backbone
from sdc_lib.training.schedule import local_terms_count

COUNTED_BATCHES = (2, 4, 8)

_BYTES = {"bf16-mixed": (2, 4), "32-true": (4, 4), "64-true": (8, 8)}
"""By precision: bytes of a number of an activation, and of all others (weights, losses)."""


class Count(NamedTuple):
    """What shapes alone tell of a network."""

    parameters: int
    flops: float
    """Forward and backward, per video; those of the objective are few and do not count."""
    saved: float
    """Bytes kept for the backward pass in float32, per video, at the most: where activations are
    recomputed, with those of the largest stage."""
    pairs: float = 0.0
    """Bytes kept in float32 for all pairs of a batch, in units of the batch size squared."""
    frozen: int = 0
    """Parameters that are not trained."""
    distances: int = 0
    """Distances between descriptors in local contrast, in the same units; see `keeps_table`."""
    everywhere: bool = False
    """Whether local contrast goes over all processes."""


def count(config: PretrainConfig) -> Count:
    """Count parameters, FLOPs and what is kept for the backward pass, without computing.

    A batch of B keeps a constant, a part that grows with B and one that grows with B², so three
    small ones tell of all; the constant is next to nothing.
    """
    first, *more = COUNTED_BATCHES
    whole = _count(config, first, backward=True)
    kept = [whole.saved, *(_count(config, size).saved for size in more)]
    powers = np.vander(COUNTED_BATCHES, 3)  # B², B, 1
    pairs, saved, _ = np.linalg.solve(powers, kept)
    return whole._replace(
        flops=whole.flops / first, saved=float(saved), pairs=max(0.0, float(pairs))
    )


def _count(config: PretrainConfig, size: int, *, backward: bool = False) -> Count:
    """The same with what a whole batch of some size keeps, and its FLOPs, forward or both ways."""
    attend = local_terms_count(config.weights)
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:
        model = build_model(config.model)
        prepare_backbone(model, config.optim)
        kept = _Kept(model)
        batch = random_batch(config, size, torch.device("cpu"))
        with kept.watched():
            output: HeadsOutput = network_of(model, config)(batch[0], batch[1], attend).output
        if backward:
            leaves = [*output.projections, output.reconstruction, *(output.descriptors or ())]
            torch.stack([leaf.sum() for leaf in leaves]).sum().backward()
        flops = counter.get_total_flops()
        with kept.watched():
            SDCObjective(config.objective)(output, local=attend)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        frozen = parameters - sum(p.numel() for p in model.parameters() if p.requires_grad)
        again = _largest_stage(model, config, size) if _recomputes(config.optim) else 0
    distances = 4 * output.scores.shape[-1] if attend else 0
    saved = kept.bytes + again
    everywhere = config.objective.global_local_contrast
    return Count(
        parameters, flops, saved, frozen=frozen, distances=distances, everywhere=everywhere
    )


class _Kept:
    """Adds up what is kept for the backward pass, without the weights, which are there anyway."""

    def __init__(self, model: SDC) -> None:
        self._weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        self._sizes: dict[int, int] = {}
        self._tensors: list[Tensor] = []

    def watched(self) -> saved_tensors_hooks:
        """Context in which saved tensors are recorded."""
        return saved_tensors_hooks(self._note, lambda tensor: tensor)

    @property
    def bytes(self) -> int:
        """Bytes of all recorded storages."""
        return sum(n for storage, n in self._sizes.items() if storage not in self._weights)

    def _note(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        self._sizes[storage._cdata] = storage.nbytes()
        self._tensors.append(tensor)  # while it lives, no other storage has its address
        return tensor


def _recomputes(optim: OptimConfig) -> bool:
    return optim.checkpoint_activations and not optim.freeze_backbone


def _largest_stage(model: SDC, config: PretrainConfig, batch: int) -> int:
    """Bytes that the backward pass computes again at once."""
    side, data, backbone = config.data.augment.size, config.data, model.backbone
    assert isinstance(backbone, StagedBackbone)
    moving = torch.empty(4 * batch, 3, data.num_frames, side, side)
    x, largest = Clips(moving, torch.empty(2 * batch, 3, 1, side, side)), 0
    for name in backbone.STAGES:
        kept = _Kept(model)
        with kept.watched():
            x = run(getattr(backbone, name), x)
        largest = max(largest, kept.bytes)
    return largest


def stored_bytes(config: PretrainConfig) -> int:
    """Bytes of the stored features of one sample: six pooled ones in float32, local in float16."""
    return 6 * _dim(config) * (4 + 2 * math.prod(config.optim.stored_grid))


def _dim(config: PretrainConfig) -> int:
    return int(build_backbone(config.model.backbone).dim)  # type: ignore[arg-type]


def memory(counted: Count, precision: str, batch: int, device: str = "cuda") -> float:
    """Bytes for weights, gradients, the optimiser's two moments, and what a batch keeps.

    Args:
        counted: Of the network.
        precision: Of the run; losses keep at least float32 in any case.
        batch: Videos.
        device: Its type: it decides whether local contrast keeps a table of all pairs.
    """
    activation, other = _BYTES[precision]
    trained = counted.parameters - counted.frozen
    parameters = other * (4.0 * trained + counted.frozen)
    table = keeps_table(counted.distances * batch**2, device, counted.everywhere)
    pairs = other / 4 * counted.pairs * batch**2 if table else 0.0
    return parameters + activation / 4 * counted.saved * batch + pairs


def random_batch(config: PretrainConfig, batch: int, device: torch.device) -> Batch:
    """A batch of random pixels, or features, in the shapes of a run."""
    indices, replaced = torch.arange(batch), torch.zeros(batch, dtype=torch.bool)
    if config.optim.stored_passes:
        pooled = torch.randn(batch, 6, _dim(config), device=device)
        local = pooled[..., None, None, None].expand(*pooled.shape, *config.optim.stored_grid)
        return FeatureBatch(pooled, local, indices, replaced)
    size = config.data.augment.size
    shape = (batch, 2, 3, config.data.num_frames, size, size)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    return PixelBatch(clips, clips[:, :, :, :1], indices, replaced)
