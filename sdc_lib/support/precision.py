"""Keep what must be exact out of half precision.

Under `torch.autocast` matrix products run in bfloat16 with about three significant digits. That
is enough for the network, not for exponentials, small distances or equal partitions.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def at_least_float32(tensor: Tensor) -> Tensor:
    """Promote half precision to float32; leave float32 and float64 as they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function of tensors run in float32 or better, even under autocast.

    Half-precision arguments are promoted and autocast is off inside; float64 stays float64.

    Args:
        function: A function whose first argument is a tensor.

    Returns:
        The function, with the same signature; it raises a TypeError if it is given no tensor.
    """

    def promoted(value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return at_least_float32(value)
        return value

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]
        if not tensors:
            kinds = ", ".join(type(value).__name__ for value in (*args, *kwargs.values()))
            raise TypeError(f"{function.__name__} takes torch tensors, got {kinds}")
        with torch.autocast(tensors[0].device.type, enabled=False):
            return function(
                *[promoted(value) for value in args],
                **{name: promoted(value) for name, value in kwargs.items()},
            )

    return run
