"""Settings as dataclasses: ranges stand beside the fields and are checked in one place.

    @dataclass(frozen=True)
    class Training:
        epochs: Count = 100
        lr: Annotated[float, Range(0, 10, above=True)] = 1e-3

`check_settings` refuses ``Training(epochs=-1)`` in one line. The command line does so before it
starts, and functions that take settings do so before they write anything. `to_json` and
`from_dict` write and read them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; ``nan`` is in no range."""

    low: float
    high: float
    above: bool = False
    """Leave `low` itself out."""

    def __contains__(self, value: object) -> bool:
        """Whether a number is in the range; of several numbers, whether all are."""
        if isinstance(value, tuple):
            return all(item in self for item in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        """What follows "it must be"."""
        low, high = (int(x) if x == int(x) else x for x in (self.low, self.high))
        return f"above {low} and at most {high}" if self.above else f"from {low} to {high}"


@dataclass(frozen=True)
class Former:
    """The name by which files of earlier versions know a field."""

    name: str


Count = Annotated[int, Range(1, 1_000_000)]
Steps = Annotated[int | None, Range(1, 1_000_000_000)]
Minutes = Annotated[float | None, Range(0, 1_000_000, above=True)]
Workers = Annotated[int, Range(0, 1024)]
Fold = Annotated[int, Range(1, 100)]
"""Official split number; 1 where a data set has a single split."""
TopVideos = Annotated[int, Range(1, 100)]
"""Videos that a page shows for one concept."""
Seed = Annotated[int, Range(0, 2**32 - 1)]
Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, 1_000_000, above=True)]
NotNegative = Annotated[float, Range(0, 1_000_000)]


def check_settings(settings: Any, *, flags: bool = False) -> None:
    """Refuse settings that are outside their ranges.

    Args:
        settings: A dataclass, with dataclasses inside.
        flags: Name fields as flags of the command line, ``--optim.batch-size``.

    Raises:
        ValueError: For the first such field: its name, its value, and what would be right.
    """
    for name, value, hint in _fields(settings, ""):
        shown = f"--{name.replace('_', '-')}" if flags else name
        check_value(shown, value, hint)


def check_value(name: str, value: Any, hint: Any) -> None:
    """Refuse a value that its type hint excludes.

    Args:
        name: How messages call it.
        value: What was given.
        hint: Such as `Count`, or any ``Annotated`` with a `Range`, or a ``Literal``, ``str`` or
            ``bool``; with None in it, the value may be left open.

    Raises:
        ValueError: Name, value, and what would be right.
    """
    if value is None and _may_be_open(hint):
        return
    if hint is bool and not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; it must be True or False")
    if _kind(hint) is str and not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be text")
    if dataclasses.is_dataclass(_kind(hint)):
        raise ValueError(f"{name} is {value!r}; it must be a group of settings")
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices and value not in choices:
        wanted = ", ".join(map(str, choices))
        raise ValueError(f"{name} is {value!r}; it must be one of {wanted}")
    if _fraction(value) and _kind(hint) is int:
        raise ValueError(f"{name} is {value!r}; it must be a whole number")
    for part in (hint, *get_args(hint)):  # of a setting that may be left open, one part has it
        for extra in getattr(part, "__metadata__", ()):
            if isinstance(extra, Range) and value not in extra:
                raise ValueError(f"{name} is {value!r}; it must be {extra}")


def _fraction(value: Any) -> bool:
    """Whether a value is a float, or a tuple with one in it."""
    return isinstance(value, float) or (isinstance(value, tuple) and any(map(_fraction, value)))


def _may_be_open(hint: Any) -> bool:
    """Whether None is among what a type hint allows."""
    if get_origin(hint) is Annotated:
        return _may_be_open(get_args(hint)[0])
    return hint is None or type(None) in get_args(hint)


def _kind(hint: Any) -> Any:
    """The type of a setting's numbers, without ranges, tuples and what leaves it open."""
    if get_origin(hint) in (Annotated, tuple, Union, UnionType):
        return _kind(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def _fields(settings: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, value and type hint of every field that is no group of fields."""
    hints = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        value, hint = getattr(settings, field.name), hints[field.name]
        if dataclasses.is_dataclass(value):
            # a group whose flags have no prefix, by tyro.conf.arg(name="")
            bare = any(getattr(e, "name", None) == "" for e in getattr(hint, "__metadata__", ()))
            yield from _fields(value, prefix if bare else f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value, hint


def to_json(config: Any) -> str:
    """Write a configuration as JSON with sorted keys; what is None is not set and left out."""
    chosen = dataclasses.asdict(config, dict_factory=_without_none)
    return json.dumps(chosen, indent=2, sort_keys=True)


def _without_none(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in fields if value is not None}


def from_dict(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Rebuild a configuration from what `to_json` wrote.

    Args:
        kind: The dataclass to build.
        values: Field name to value; missing fields keep their defaults, former names still count.
        where: Name of the enclosing field, for messages.

    Raises:
        ValueError: If a key is not a field or a value is not of the field's type.
    """
    # dacite takes True for a number, keeps 1 where 1.0 is meant (another hash) and names no choices
    hints = get_type_hints(kind)
    if not isinstance(values, Mapping):
        raise ValueError(f"{where or kind.__name__} must be a group of settings, got {values!r}")
    values = _renamed(kind, values)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        place = f" in {where}" if where else ""
        raise ValueError(
            f"unknown setting{place}: {', '.join(unknown)}; known are {', '.join(sorted(hints))}"
        )
    return kind(
        **{
            key: _checked(hints[key], value, f"{where}.{key}" if where else key)
            for key, value in values.items()
        }
    )


def _renamed(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings under the names that their fields have today."""
    today = dict(values)
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Former) and extra.name in today and name not in today:
                today[name] = today.pop(extra.name)
    return today


def _checked(hint: Any, value: Any, where: str) -> Any:
    """A value as its field's type wants it: lists become tuples, whole numbers floats."""
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)  # type: ignore[arg-type]
    if type(None) in get_args(hint):  # a setting that may be left open
        if value is None:
            return None
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise ValueError(f"{where} must be one of {', '.join(get_args(hint))}, got {value!r}")
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if isinstance(value, (list, tuple)) and (kinds[-1] is ... or len(kinds) == len(value)):
            return tuple(_checked(kinds[0], item, where) for item in value)
        raise ValueError(f"{where} must be {hint}, got {value!r}")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where} must be {hint.__name__}, got {value!r}")
    return value
