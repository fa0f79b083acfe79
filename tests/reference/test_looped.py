"""The baseline of the step benchmark computes what the real objective computes."""

import pytest
import torch
from torch.testing import assert_close

from benchmarks.objective import random_output
from sdc_lib.objective import SDCObjective
from tests.reference.looped import looped_terms


@pytest.mark.parametrize("rows", [0, 5])
def test_loops_equal_the_objective(rows: int) -> None:
    output = random_output(4, 12, "cpu", dim=8)
    queue = torch.randn(rows, 6, 24).tanh() if rows else None
    assert_close(
        tuple(looped_terms(output, queue)),
        tuple(SDCObjective()(output, queue)),
        rtol=1e-4,
        atol=1e-5,
    )
