"""How many kernels a computation would launch on a GPU, counted without one."""

from collections import Counter
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# Allocations and new names for the same memory: nothing for a device to do
_FREE = {"detach", "alias", "_unsafe_view", "_reshape_alias", "lift_fresh", "empty", "empty_like"}
_FREE |= {"new_empty", "empty_strided", "new_empty_strided", "set_", "promote_types"}


class Launches(TorchDispatchMode):
    """Counts operations that compute or copy, of forward and backward passes alike.

    An operation may take more than one kernel, and a compiler fewer: the count compares versions of
    one computation, it is no measurement.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Operations so far."""
        return self.operations.total()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1]
        if not func.is_view and name not in _FREE:
            self.operations[name] += 1
        return func(*args, **(kwargs or {}))
