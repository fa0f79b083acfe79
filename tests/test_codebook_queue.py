"""The queue of earlier scores: first in, first out."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdc_lib.codebook import ScoreQueue


def numbered(*numbers: int) -> Tensor:
    """Score rows (n, 6, 4) filled with their numbers."""
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1).expand(-1, 6, 4)


def stored(queue: ScoreQueue) -> list[int]:
    rows = queue.rows()
    return [] if rows is None else [int(row[0, 0]) for row in rows]


def test_an_empty_queue_has_no_rows() -> None:
    assert ScoreQueue(4, 2).rows() is None


def test_rows_come_oldest_first_and_the_oldest_leave() -> None:
    queue = ScoreQueue(4, 2)
    queue.push(numbered(1, 2, 3))
    assert stored(queue) == [1, 2, 3]  # only what was filled
    queue.push(numbered(4, 5))
    assert stored(queue) == [2, 3, 4, 5]
    rows = queue.rows()
    assert rows is not None
    assert rows.shape == (4, 6, 4)


def test_a_batch_larger_than_the_queue_leaves_its_last_rows() -> None:
    queue = ScoreQueue(3, 2)
    queue.push(numbered(*range(10)))
    assert stored(queue) == [7, 8, 9]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.lists(st.integers(1, 10), max_size=6))
def test_the_queue_holds_the_last_rows_pushed(size: int, batches: list[int]) -> None:
    queue, pushed = ScoreQueue(size, 2), list[int]()
    for batch in batches:
        new = range(len(pushed), len(pushed) + batch)
        queue.push(numbered(*new))
        pushed += new
        assert stored(queue) == pushed[-size:]


def test_state_dict_carries_rows_and_count() -> None:
    queue, other = ScoreQueue(4, 2), ScoreQueue(4, 2)
    queue.push(numbered(1, 2))
    saved = copy.deepcopy(queue.state_dict())
    queue.push(numbered(3, 4, 5))
    other.load_state_dict(saved)
    assert stored(other) == [1, 2]
    other.push(numbered(3, 4, 5))
    assert stored(other) == stored(queue)


def test_rows_are_constants_of_the_queues_own_type() -> None:
    queue = ScoreQueue(4, 2)
    scores = torch.ones(2, 6, 4, dtype=torch.bfloat16, requires_grad=True)
    queue.push(scores)
    rows = queue.rows()
    assert rows is not None
    assert not rows.requires_grad
    assert rows.dtype == torch.float32


def test_later_changes_of_a_batch_do_not_reach_the_queue() -> None:
    queue, batch = ScoreQueue(2, 2), numbered(1, 2).clone()
    queue.push(batch)
    batch.zero_()
    assert stored(queue) == [1, 2]


def test_the_queue_has_no_parameters() -> None:
    assert list(ScoreQueue(4, 2).parameters()) == []


@pytest.mark.parametrize(("size", "concepts"), [(0, 2), (4, 0)])
def test_sizes_must_be_positive(size: int, concepts: int) -> None:
    with pytest.raises(ValueError, match=f">= 1, got {size} and {concepts}"):
        ScoreQueue(size, concepts)


def test_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(B, 6, 4\), .* got \(3, 6, 2\)"):
        ScoreQueue(4, 2).push(torch.zeros(3, 6, 2))
