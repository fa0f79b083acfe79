"""Say how an exercise of a notebook stands, without stopping the notebook.

Every exercise has a stub that runs, a function ``check_N_M`` beside it that raises an
`AssertionError` saying what is wrong, and a folded solution.
"""

from collections.abc import Callable
from typing import Any


def report(check: Callable[..., None], *args: Any) -> None:
    """Run the check of an exercise and print the outcome in one line.

    An untouched stub must not end a run of the whole notebook, so nothing is raised for a wrong
    answer.

    Args:
        check: Named ``check_N_M`` after exercise N.M; returns None when the answer is right.
        *args: Passed to it.

    Raises:
        ValueError: If the name of the check does not tell the exercise.
    """
    name = getattr(check, "__name__", repr(check))
    kind, *numbers = name.split("_")
    if kind != "check" or len(numbers) != 2 or not all(n.isdigit() for n in numbers):
        raise ValueError(f"a check is named check_N_M after its exercise, got {name!r}")
    title = f"Exercise {int(numbers[0])}.{int(numbers[1])}"
    try:
        check(*args)
    except AssertionError as error:
        print(f"{title}: not yet. {_in_one_line(error) or 'The check failed.'}")
    except Exception as error:  # the learner's code runs inside the check and may raise anything
        print(f"{title}: not yet. Your code raised {type(error).__name__}: {_in_one_line(error)}")
    else:
        print(f"{title}: solved.")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
