"""Sentences of a notebook that its own numbers must support."""


def claim(words: str, holds: bool, *, enough: bool = True) -> None:
    """Print a sentence if it holds, and stop the notebook if it does not.

    Args:
        words: The sentence, with its numbers put in.
        holds: Whether the values support it.
        enough: False where the run is too small for the sentence to be expected, as in a rehearsal;
            then it is printed as what it is: not shown.

    Raises:
        AssertionError: If the sentence does not hold.
    """
    if holds:
        print(words)
    elif enough:
        raise AssertionError(f"this does not hold here: {words}")
    else:
        print(f"(not to be seen at this size: {words})")
