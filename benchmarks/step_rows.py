"""Training steps in several variants, each built, warmed up and timed as one row."""

import gc
import itertools
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from sdc_lib import backbones
from sdc_lib.augment import normalize
from sdc_lib.config import PretrainConfig
from sdc_lib.model import SDC, HeadsOutput
from sdc_lib.objective import SDCObjective
from sdc_lib.support.devices import multiplies_bf16
from sdc_lib.support.tuning import tune
from sdc_lib.training.batches import Batch, to_device
from sdc_lib.training.counting import random_batch
from sdc_lib.training.fabric import make_fabric
from sdc_lib.training.schedule import Phase
from sdc_lib.training.state import build_state, set_modes
from sdc_lib.training.step import compute_losses
from sdc_lib.views import assemble_views
from tests.reference.looped import looped_total

WARM_UP, TIMED = 10, 30
PHASE = Phase(queue=True, codebooks=True, local=True, decorrelation=0.0)


class Variant(NamedTuple):
    """What a step does; by default all that `pretrain` does on a GPU."""

    name: str
    batch: int
    half: bool | None = None  # bf16-mixed; None: on a GPU only
    channels_last: bool = True
    padded: bool = True  # channels filled up to multiples of 8
    short_stills: bool = True  # static views on few frames
    compiled: bool = True
    looped: bool = False  # the objective as a first draft has it
    host_views: bool = False

    def draft(self, name: str, *, looped: bool = True, host_views: bool = False) -> "Variant":
        """A first draft of the same batch: eager, float32, contiguous."""
        plain = self._replace(half=False, channels_last=False, padded=False, compiled=False)
        return plain._replace(name=name, short_stills=False, looped=looped, host_views=host_views)


class Step:
    """A training step on random pixels that are on the device; `batches` may be replaced."""

    def __init__(self, variant: Variant, config: PretrainConfig, device: str) -> None:
        self.half = device != "cpu" if variant.half is None else variant.half
        optim = replace(
            config.optim,
            batch_size=variant.batch,
            precision="bf16-mixed" if self.half else "32-true",
            channels_last=variant.channels_last,
            compile=variant.compiled and device != "cpu",
        )
        self.variant = variant
        self.config = replace(config, optim=optim, init_backbone="")
        self.fabric = make_fabric(self.config, device)
        self.fabric.launch()
        self.device = self.fabric.device
        if not variant.looped:
            tune(self.device)
        self.objective = SDCObjective(config.objective)
        self.state = build_state(self.config, self.fabric)
        if not variant.short_stills:
            self.state.model.forward_stills = partial(full_views, self.state.model)  # type: ignore[method-assign]
        place = torch.device(self.device if not variant.host_views else "cpu")
        batch = random_batch(self.config, self.config.optim.batch_size, place)
        self.batches: Iterator[Batch] = itertools.repeat(batch)

    def once(self) -> Tensor:
        """Do one step, as `pretrain` does; its loss."""
        state = self.state
        set_modes(state.model, freeze_backbone=False)
        state.model.heads.normalize_codebooks_()
        state.optimizer.zero_grad(set_to_none=True)
        batch = next(self.batches)
        if self.variant.looped:
            loss = self._draft(batch)
        else:
            loss = compute_losses(
                state.network, to_device(batch, self.device), self.objective, state.queue, PHASE
            ).total
        self.fabric.backward(loss)
        state.optimizer.step()
        return loss.detach()

    def _draft(self, batch: Batch) -> Tensor:
        views = assemble_views(normalize(batch[0]), normalize(batch[1]))
        output: HeadsOutput = self.state.model(views.to(self.device))
        queue = self.state.queue
        loss = looped_total(output, queue.rows() if queue else None)
        if queue:
            queue.push(output.scores)
        return loss

    def parts(self) -> dict[str, Callable[[], object]]:
        """Objective and optimiser alone, on what the network gives."""
        batch = to_device(next(self.batches), self.device)
        output = self.state.network(batch[0], batch[1], True, False).output
        leaves = tree_map(lambda x: x.detach().requires_grad_(), output)
        queue = self.state.queue.rows() if self.state.queue else None

        def objective() -> None:
            self.objective(leaves, queue).total().backward()

        return {"objective": objective, "optimizer": self.state.optimizer.step}


def full_views(model: SDC, moving: Tensor, stills: Tensor, attend: bool = True) -> HeadsOutput:
    """`SDC.forward_stills` with static views of full length."""
    frozen = stills.expand_as(moving[:, :2])
    output: HeadsOutput = model(torch.cat([moving[:, :2], frozen, moving[:, 2:]], dim=1), attend)
    return output


@contextmanager
def prepared(variant: Variant, config: PretrainConfig, device: str) -> Iterator[Step]:
    """A step, the memory of earlier ones freed and the library's switches as they were after it."""
    gc.collect()  # what the step before left
    if device != "cpu":
        torch.cuda.empty_cache()
    torch._dynamo.reset()
    torch.manual_seed(0)
    chosen = backbones._channel_multiple
    tuned = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    if not variant.padded:
        backbones._channel_multiple = lambda x: 1
    try:
        yield Step(variant, config, device)
    finally:
        backbones._channel_multiple = chosen
        torch.backends.cudnn.benchmark = tuned[0]
        torch.set_float32_matmul_precision(tuned[1])


def measure(step: Step, limit: float, steps: int = TIMED, *, mean: bool = False) -> dict[str, Any]:
    """Median time of steps, first one apart.

    Args:
        step: To be timed; the first call compiles.
        limit: Seconds that all steps after the first may take; a slow step is timed less often.
        steps: To be timed.
        mean: Take the mean, in which waits for data count, however rare.

    Returns:
        A row.
    """
    on_gpu = step.device.type == "cuda"
    begin = time.perf_counter()
    step.once()
    wait(step.device)
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    step.once()
    wait(step.device)
    again = max(1e-6, time.perf_counter() - begin)
    timed = min(steps, max(3, int(limit / again * TIMED / (WARM_UP + TIMED))))
    for _ in range(max(1, min(WARM_UP, timed * WARM_UP // TIMED))):
        step.once()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    times = clock(step.once, timed, step.device)
    seconds = statistics.fmean(times) if mean else statistics.median(times)
    return {
        "name": step.variant.name,
        "batch": step.variant.batch,
        "videos_per_s": round(step.variant.batch / seconds, 3),
        "seconds_per_step": round(seconds, 5),
        "timed_steps": timed,
        "first_step_s": round(first, 2),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
    }


def clock(function: Callable[[], object], times: int, device: torch.device) -> list[float]:
    """Seconds of each call: of the GPU between events, or of the processor."""
    if device.type == "cpu":
        marks = [time.process_time()]
        for _ in range(times):
            function()
            marks.append(time.process_time())
        return [b - a for a, b in itertools.pairwise(marks)]
    events = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]
    wait(device)
    events[0].record()
    for event in events[1:]:
        function()
        event.record()
    wait(device)
    return [a.elapsed_time(b) / 1000 for a, b in itertools.pairwise(events)]


def shares(step: Step, seconds: float) -> dict[str, float]:
    """What part of a step objective and optimiser take, forward and backward."""
    found = {}
    for name, part in step.parts().items():
        part()
        found[name] = round(statistics.median(clock(part, 10, step.device)) / seconds, 4)
    return found


def host_syncs(step: Step) -> int:
    """How often the host waits for the GPU in one step."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            step.once()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in seen)


def product_tflops(size: int = 8192) -> float:
    """What a large bfloat16 product reaches on this card."""
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    seconds = statistics.median(clock(lambda: a @ a, 20, a.device))
    return round(2 * size**3 / seconds / 1e12, 1)


def wait(device: torch.device) -> None:
    """Until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def gpu_variants(batch: int, large: int) -> Iterable[Variant]:
    """All rows after the first, the most telling ones first."""
    ours = Variant("pretrain", batch)
    eager = ours._replace(compiled=False, padded=False, short_stills=False)
    return (
        ours.draft("reference, views on the device"),
        ours.draft("reference, views on the host", host_views=True),
        ours.draft("reference, our objective", looped=False),
        Variant("pretrain, large batch", large),
        ours._replace(name="all but compiled", compiled=False),
        ours._replace(name="all but short stills", short_stills=False),
        ours._replace(name="all but padded", padded=False),
        eager._replace(name="bf16, eager, contiguous", channels_last=False),
        eager._replace(name="bf16, eager, channels_last"),
        eager._replace(name="bf16, eager, channels_last, padded", padded=True),
        eager._replace(name="bf16, eager, channels_last, short stills", short_stills=True),
        eager._replace(name="bf16, compiled, channels_last", compiled=True),
        ours._replace(name="all but channels_last", channels_last=False),
    )


def cpu_variants(batch: int) -> Iterable[Variant]:
    """What differs on a CPU: float32, eager, widths as they are; bf16 where it is in hardware."""
    ours = Variant("pretrain", batch)
    in_bf16 = (ours._replace(name="in bf16", half=True),) if multiplies_bf16("cpu") else ()
    return (
        ours.draft("reference"),
        ours.draft("reference, our objective", looped=False),
        ours._replace(name="all but short stills", short_stills=False),
        ours._replace(name="all but channels_last", channels_last=False),
        *in_bf16,
    )
