"""Modes that watch which tensors a function makes and what it asks of the host."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# Each of these waits for the device to finish and copies a value to the host
SYNCHRONISING = {
    *("item", "tolist", "numpy", "cpu", "__bool__", "__int__", "__float__", "__index__"),
    *("nonzero", "argwhere", "equal", "allclose", "masked_select", "unique"),
}


class LargestTensor(TorchFunctionMode):
    """Remembers the largest number of elements that an operation returned or autograd kept."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def see(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            self.elements = max(self.elements, value.numel())
        return value

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.see(func(*args, **(kwargs or {})))


@contextmanager
def largest_tensor() -> Iterator[LargestTensor]:
    """Watch results of operations and what autograd saves inside them."""
    mode = LargestTensor()
    with torch.autograd.graph.saved_tensors_hooks(mode.see, mode.see), mode:
        yield mode


class NoHostSync(TorchFunctionMode):
    """Fails on operations that make the host wait for the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in SYNCHRONISING:
            raise AssertionError(f"{name} waits for the device")
        if name == "__getitem__":
            indices = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(i, Tensor) and i.dtype == torch.bool for i in indices):
                raise AssertionError("indexing with a mask waits for the device")
        return func(*args, **(kwargs or {}))
