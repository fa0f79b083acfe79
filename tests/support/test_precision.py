"""Functions that leave half precision."""

import numpy as np
import pytest
import torch

from sdc_lib.contrast import info_nce
from sdc_lib.support.precision import full_precision


def test_half_precision_is_promoted_and_double_kept() -> None:
    double = full_precision(lambda tensor: tensor * 2)
    kinds = {
        torch.bfloat16: torch.float32,
        torch.float32: torch.float32,
        torch.float64: torch.float64,
    }
    for given, computed in kinds.items():
        assert double(torch.ones(2, dtype=given)).dtype == computed


def test_other_arrays_are_refused_by_name() -> None:
    rows = np.zeros((2, 3))
    with pytest.raises(TypeError, match="info_nce takes torch tensors, got ndarray, ndarray"):
        info_nce(rows, rows)  # type: ignore[arg-type]
