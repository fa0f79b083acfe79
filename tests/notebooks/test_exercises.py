"""Exercises: every stub reports "not yet", every folded solution passes its own check."""

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from sdc_lib.explore.exercises import report

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
RIGHT = Path(__file__).with_name("right.txt")
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
HEADING = re.compile(r"^### Exercise (\d+\.\d+)", re.MULTILINE)
SOLUTION = re.compile(
    r"<details>\s*<summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", re.DOTALL
)


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def only(notebook: NotebookNode, tag: str) -> str:
    cells = tagged(notebook, tag)
    assert len(cells) == 1, f"{len(cells)} cells are tagged {tag}"
    return str(cells[0].source)


def run(source: str, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "cell", "exec"), namespace)
    return printed.getvalue()


def set_up(notebook: NotebookNode, out_dir: Path) -> dict[str, Any]:
    """What the exercises of a notebook may use: the cells tagged ``exercise-setup``."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in tagged(notebook, "exercise-setup"):
        run(cell.source, namespace)
        if "parameters" in cell.metadata.tags:
            namespace["OUT_DIR"] = str(out_dir)
    return namespace


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stubs_fail_and_solutions_pass(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(path, as_version=4)
    monkeypatch.chdir(FOLDER)
    namespace = set_up(notebook, tmp_path)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    numbers = HEADING.findall(text)
    assert len(numbers) >= 3
    chapter = int(path.stem[:2])
    assert numbers == [f"{chapter}.{i + 1}" for i in range(len(numbers))]
    for number in numbers:
        assert len(WRONG[number]) >= 3
        stub = only(notebook, f"exercise-{number}-stub")
        check = only(notebook, f"exercise-{number}-check")
        folded = SOLUTION.search(only(notebook, f"exercise-{number}-solution"))
        assert stub.startswith(f"# Exercise {number}: your turn")
        assert f"report(check_{number.replace('.', '_')}" in check
        assert folded, f"exercise {number} has no folded solution"

        untouched = run(f"{stub}\n{check}", dict(namespace))
        solved = run(f"{folded[1]}\n{check}", dict(namespace))

        assert untouched.startswith(f"Exercise {number}: not yet. ")
        assert "Your code raised" not in untouched, "the check must explain what a stub lacks"
        assert solved == f"Exercise {number}: solved.\n"


def answers(path: Path) -> list[tuple[str, str, str]]:
    """Answers of a file: exercise, what is said of it, and the code.

    The code (the body of the function, or a whole assignment) follows a line ``# 2.3: words``.
    """
    text = path.read_text("utf-8")
    parts = re.findall(r"^# (\d\.\d): (.+)\n((?:(?!# ).*\n)+)", text, re.MULTILINE)
    return [(number, said, body.strip()) for number, said, body in parts]


def wrong_answers() -> dict[str, dict[str, str]]:
    """By exercise: plausible wrong answers, and a pattern of what the check should say of each.

    They lie in ``wrong/NN.txt``, each with words of the message, or ``these words|or those``.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted((Path(__file__).parent / "wrong").glob("*.txt")):
        for number, said, body in answers(path):
            found.setdefault(number, {})[body] = "|".join(map(re.escape, said.split("|")))
    return found


WRONG = wrong_answers()


def with_body(stub: str, body: str) -> str:
    """The stub with another body of its last function; where it has none, the answer itself."""
    if "def " not in stub:
        return body
    end = stub.index(":\n", stub.rindex("def ")) + 2
    return stub[:end] + "".join(f"    {line}\n" for line in body.splitlines())


def on_trial(number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What the check of an exercise says of an answer."""
    path = next(path for path in NOTEBOOKS if path.stem.startswith(f"0{number[0]}_"))
    notebook = nbformat.read(path, as_version=4)
    monkeypatch.chdir(FOLDER)
    namespace = set_up(notebook, tmp_path)
    stub = only(notebook, f"exercise-{number}-stub")
    check = only(notebook, f"exercise-{number}-check")
    return lambda body: run(f"{with_body(stub, body)}\n{check}", dict(namespace))


@pytest.mark.parametrize("number", sorted(WRONG))
def test_wrong_answers_are_refused(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = on_trial(number, tmp_path, monkeypatch)
    for body, said in WRONG[number].items():
        answered = answer(body)
        assert answered.startswith(f"Exercise {number}: not yet. "), body
        assert "Your code raised" not in answered, body
        assert re.search(said, answered), f"{body}\n{answered}"


@pytest.mark.parametrize(("number", "how", "body"), answers(RIGHT))
def test_right_answers_other_than_the_solution_are_accepted(
    number: str, how: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = on_trial(number, tmp_path, monkeypatch)(body)
    assert answered == f"Exercise {number}: solved.\n", how


def check_3_2(answer: object = 4) -> None:
    if answer != 4:  # pytest adds its own words to an assert
        raise AssertionError(f"two and two\nis 4, not {answer}")


def test_a_right_answer_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    report(check_3_2, 4)
    assert capsys.readouterr().out == "Exercise 3.2: solved.\n"


def test_a_wrong_answer_is_explained_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(check_3_2, 5)
    assert capsys.readouterr().out == "Exercise 3.2: not yet. two and two is 4, not 5\n"


def test_code_that_raises_is_told_not_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def check_1_1() -> None:
        raise KeyError("answer")

    report(check_1_1)
    assert capsys.readouterr().out == "Exercise 1.1: not yet. Your code raised KeyError: 'answer'\n"


def test_a_check_must_name_its_exercise() -> None:
    with pytest.raises(ValueError, match="check_N_M"):
        report(lambda: None)
