"""A sentence is printed only where it holds."""

import pytest

from sdc_lib.explore.claims import claim


def test_what_holds_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    claim("two is more than one", 2 > 1)
    assert capsys.readouterr().out == "two is more than one\n"


def test_what_does_not_hold_stops() -> None:
    with pytest.raises(AssertionError, match="does not hold here: one is more"):
        claim("one is more than two", 1 > 2)


def test_a_rehearsal_does_not_claim(capsys: pytest.CaptureFixture[str]) -> None:
    claim("it learned", False, enough=False)
    assert capsys.readouterr().out == "(not to be seen at this size: it learned)\n"
