"""Keep what must be exact out of half precision.

Under `torch.autocast` matrix products run in bfloat16 with about three significant digits. That
is enough for the network, not for exponentials, small distances or equal partitions.
"""

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Promote half precision to float32; leave float32 and float64 as they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
