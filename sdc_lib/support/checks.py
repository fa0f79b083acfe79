"""One way to refuse arguments: what is wanted, and what came instead."""

from torch import Tensor


def require(right: bool, wanted: str, *got: object) -> None:
    """Raise an error unless a condition holds.

    Args:
        right: The condition.
        wanted: Which argument must be what, ``"scores must be (B, V, K)"``.
        got: What came instead; of tensors the shape is named.

    Raises:
        ValueError: ``wanted, got ... and ...``.
    """
    if not right:
        values = (tuple(value.shape) if isinstance(value, Tensor) else value for value in got)
        raise ValueError(f"{wanted}, got {' and '.join(map(str, values))}")
