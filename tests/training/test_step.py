"""A step: it waits for no GPU, seen with tensors that have no numbers; signs of collapse."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sdc_lib import plots
from sdc_lib.backbones import build_backbone
from sdc_lib.codebook import ScoreQueue
from sdc_lib.evaluation.halves import usage
from sdc_lib.model import build_model
from sdc_lib.objective import SDCObjective
from sdc_lib.training.batches import FeatureBatch, PixelBatch
from sdc_lib.training.networks import SixFeatures, SixViews
from sdc_lib.training.schedule import Phase
from sdc_lib.training.step import compute_losses, diagnose
from tests.helpers.small_runs import CONFIG

EVERYTHING = Phase(queue=True, codebooks=True, local=True, decorrelation=1.0)


class Copies(TorchDispatchMode):
    """Notes operations that send a tensor from the host to the device: they wait for it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        out = func(*args, **(kwargs or {}))
        sent = any(isinstance(t, Tensor) and t.ndim and t.is_cpu for t in tree_leaves(args))
        if sent and any(isinstance(t, Tensor) and t.is_cuda for t in tree_leaves((args, out))):
            self.seen.append(str(func))
        return out


class Waits(TorchDispatchMode):
    """Notes operations that ask the device for a value, those inside others included."""

    names = ("_local_scalar_dense", "item", "nonzero", "masked_select", "unique", "equal")
    of_tensors = ("index_fill.int_Tensor", "index_fill_.int_Tensor", "masked_fill_.Tensor")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        name = str(func).removeprefix("aten.")
        if name.partition(".")[0] in self.names or name in self.of_tensors:
            self.seen.append(name)
        if name.startswith("index.Tensor") and any(
            i is not None and i.dtype == torch.bool for i in args[1]
        ):
            self.seen.append("a mask as an index")
        return func(*args, **(kwargs or {}))


def stored_batch() -> FeatureBatch:
    pooled = torch.randn(4, 6, int(build_backbone(CONFIG.model.backbone).dim))  # type: ignore[arg-type]
    local = pooled[..., None, None, None].repeat(1, 1, 1, 2, 2, 2)
    return FeatureBatch(pooled, local, torch.arange(4), torch.zeros(4))


def pixel_batch() -> PixelBatch:
    clips = torch.randint(0, 256, (4, 2, 3, 4, 16, 16), dtype=torch.uint8)
    return PixelBatch(clips, clips[:, :, :, :1], torch.arange(4), torch.zeros(4))


@pytest.mark.parametrize("stored", [False, True])
def test_neither_way_does_a_step_ask_for_a_value(stored: bool) -> None:
    model, queue = build_model(CONFIG.model), ScoreQueue(16, CONFIG.model.num_concepts)
    batch = stored_batch() if stored else pixel_batch()
    network = SixFeatures(model) if stored else SixViews(model, "wrap")
    objective = SDCObjective(CONFIG.objective)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Waits() as waits:
        for _ in range(2):  # the second with a queue
            model.heads.normalize_codebooks_()
            optimizer.zero_grad()
            losses = compute_losses(
                network, batch, objective, queue, EVERYTHING, detach_backbone=True
            )
            losses.total.backward()
            optimizer.step()
    assert waits.seen == []


@pytest.mark.parametrize(
    ("slow", "seen"),
    [
        (lambda x: x.trace(), "index_fill.int_Tensor"),  # what used to be, in the gradient
        (lambda x: F.one_hot(x.argmax(dim=1), 3).sum() * x.sum(), "_local_scalar_dense.default"),
        (lambda x: x[x > 0].sum(), "a mask as an index"),
    ],
)
def test_what_asks_for_a_value_is_seen(slow: Callable[[Tensor], Tensor], seen: str) -> None:
    with Waits() as waits:
        slow(torch.randn(3, 3, requires_grad=True)).backward()
    assert seen in waits.seen


@pytest.mark.parametrize("dynamic_temperature", [None, 0.06])
def test_a_step_waits_for_no_gpu(dynamic_temperature: float | None) -> None:
    config = replace(CONFIG.objective, dynamic_alignment_temperature=dynamic_temperature)
    with FakeTensorMode():
        with torch.device("cuda"):
            model, queue = build_model(CONFIG.model), ScoreQueue(16, CONFIG.model.num_concepts)
            clips = torch.zeros(4, 2, 3, 4, 16, 16, dtype=torch.uint8)
        batch = PixelBatch(clips, clips[:, :, :, :1], torch.arange(4), torch.zeros(4))
        network, objective = SixViews(model, "wrap"), SDCObjective(config)
        with Copies() as copies:
            for _ in range(2):  # the second with a queue
                model.heads.normalize_codebooks_()
                compute_losses(network, batch, objective, queue, EVERYTHING, detach_backbone=True)
        assert copies.seen == []
        with copies:
            _ = clips[:, [0, 1]]
        assert len(copies.seen) == 1  # a list of numbers is sent
        with pytest.raises(DataDependentOutputException):
            int(queue.filled)


def test_diagnosis_of_collapse_and_of_health() -> None:
    scores = torch.zeros(8, 6, 20)
    scores[..., 3] = scores[..., 13] = 5.0
    low, _, top, spread = diagnose(scores, torch.ones(8, 6, 4), (0.1, 0.1))
    assert_close(torch.stack([low, top, spread]), torch.tensor([1.0, 1.0, 0.0]), rtol=0, atol=1e-4)
    scores = 5 * torch.eye(10).repeat(1, 2)[:, None].expand(10, 6, 20)
    high, _, top, spread = diagnose(scores, torch.eye(10)[:, None].expand(10, 6, 10), (0.1, 0.1))
    assert_close(torch.stack([high, top]), torch.tensor([10.0, 0.1]), rtol=1e-4, atol=1e-4)
    assert 0.5 < spread < 1.1


def test_perplexity_of_training_figures_and_evaluation_is_one_number() -> None:
    scores = torch.randn(12, 6, 20, generator=torch.Generator().manual_seed(0)).tanh()
    temperatures = 0.1, 0.3
    logged = diagnose(scores, torch.ones(12, 6, 4), temperatures)[:2]
    video = scores[:, :2].flatten(0, 1)  # both video views of every sample
    for value, half, t in zip(logged, video.chunk(2, dim=-1), temperatures, strict=True):
        assert usage(half.numpy(), t).perplexity == pytest.approx(float(value), rel=1e-6)
        drawn = plots.perplexity((half / t).softmax(dim=-1))
        assert drawn == pytest.approx(float(value), rel=1e-6)
