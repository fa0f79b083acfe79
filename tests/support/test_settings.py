"""Ranges beside fields: one line for what is outside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import pytest
import tyro

from sdc_lib.support.settings import Count, Range, Share, check_settings, check_value


@dataclass(frozen=True)
class Inner:
    lr: Annotated[float, Range(0, 10, above=True)] = 1.0
    grid: Annotated[tuple[int, ...], Range(1, 9)] = (1, 2)
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    batch_size: Count = 4
    limit: Annotated[int | None, Range(1, 9)] = None
    inner: Inner = field(default_factory=Inner)
    bare: Annotated[Inner, tyro.conf.arg(name="")] = field(default_factory=Inner)


def test_the_limits_pass_and_what_is_beyond_them_does_not() -> None:
    check_settings(Outer(inner=Inner(lr=1)))  # a whole number is a number
    limits = Outer(1_000_000, 9, Inner(10.0, (1, 9), "b"))
    check_settings(limits)
    for beyond in (replace(limits, batch_size=1_000_001), replace(limits, limit=10)):
        with pytest.raises(ValueError, match="it must be from 1 to"):
            check_settings(beyond)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (Outer(0), "batch_size is 0; it must be from 1 to 1000000"),
        (Outer(10**30), f"batch_size is {10**30}; it must be from 1 to 1000000"),
        (Outer(True), "batch_size is True; it must be from 1 to 1000000"),
        (Outer("4"), "batch_size is '4'; it must be from 1 to 1000000"),  # type: ignore[arg-type]
        (Outer(64.5), "batch_size is 64.5; it must be a whole number"),  # type: ignore[arg-type]
        (Outer(64.0), "batch_size is 64.0; it must be a whole number"),  # type: ignore[arg-type]
        (Outer(limit=1.5), "limit is 1.5; it must be a whole number"),  # type: ignore[arg-type]
        (
            Outer(inner=Inner(grid=(1, 2.5))),  # type: ignore[arg-type]
            "inner.grid is (1, 2.5); it must be a whole number",
        ),
        (Outer(None), "batch_size is None; it must be from 1 to 1000000"),  # type: ignore[arg-type]
        (
            Outer(inner=Inner(None)),  # type: ignore[arg-type]
            "inner.lr is None; it must be above 0 and at most 10",
        ),
        (
            Outer(inner=Inner(grid=None)),  # type: ignore[arg-type]
            "inner.grid is None; it must be from 1 to 9",
        ),
        (Outer(inner=None), "inner is None; it must be a group of settings"),  # type: ignore[arg-type]
        (Outer(bare=None), "bare is None; it must be a group of settings"),  # type: ignore[arg-type]
        (Outer(limit=0), "limit is 0; it must be from 1 to 9"),
        (Outer(inner=Inner(0.0)), "inner.lr is 0.0; it must be above 0 and at most 10"),
        (Outer(inner=Inner(math.nan)), "inner.lr is nan; it must be above 0 and at most 10"),
        (Outer(inner=Inner(math.inf)), "inner.lr is inf; it must be above 0 and at most 10"),
        (Outer(inner=Inner(grid=(1, 10))), "inner.grid is (1, 10); it must be from 1 to 9"),
        (Outer(inner=Inner(kind="c")), "inner.kind is 'c'; it must be one of a, b"),  # type: ignore[arg-type]
        (Outer(bare=Inner(-1.0)), "lr is -1.0; it must be above 0 and at most 10"),
    ],
)
def test_what_is_outside_takes_one_line(settings: Outer, line: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the whole text is compared
        check_settings(settings)
    assert str(error.value) == line


def test_fields_may_be_named_as_flags() -> None:
    with pytest.raises(ValueError, match=r"^--batch-size is -1; it must"):
        check_settings(Outer(-1), flags=True)
    with pytest.raises(ValueError, match=r"^--inner\.lr is -1\.0; it must"):
        check_settings(Outer(inner=Inner(-1.0)), flags=True)


def test_a_switch_is_true_or_false() -> None:
    check_value("stop", value=False, hint=bool)
    with pytest.raises(ValueError, match="stop is 'no'; it must be True or False"):
        check_value("stop", value="no", hint=bool)


def test_a_text_is_a_text() -> None:
    check_value("name", "", str)
    check_value("file", None, str | None)
    for wrong in (5, None):
        with pytest.raises(ValueError, match=f"^name is {wrong}; it must be text$"):
            check_value("name", wrong, str)


@pytest.mark.parametrize(
    ("may", "must"),
    [
        (Share | None, Share),
        (Annotated[float | None, Range(0, 1)], Annotated[float, Range(0, 1)]),
        (Literal["a"] | None, Literal["a"]),
        (bool | None, bool),
    ],
)
def test_only_what_may_be_open_may_be_none(may: Any, must: Any) -> None:
    check_value("share", None, may)
    with pytest.raises(ValueError, match=r"^share is None; it must be"):
        check_value("share", None, must)


def test_a_single_value() -> None:
    check_value("share", 0.5, Share)
    with pytest.raises(ValueError, match=r"share is 1\.5; it must be from 0 to 1"):
        check_value("share", 1.5, Share)
