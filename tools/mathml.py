r"""Turn the LaTeX of Markdown into MathML, which browsers draw without a script or a network."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

# Code first, so that a dollar sign in it is left alone; then display math, then inline math, which
# as on GitHub has no space inside its dollars and no digit behind them.
PIECES = re.compile(
    r"(?P<code>^```.*?^```|^~~~.*?^~~~|(?P<ticks>`+).+?(?P=ticks))"
    r"|\$\$(?P<display>.+?)\$\$"
    r"|(?<![\\$\w])\$(?P<inline>(?![\s$])(?:\\.|[^$\\\n]|\n(?!\n))+?(?<!\s))\$(?![\d$])",
    flags=re.DOTALL | re.MULTILINE,
)
LIMITS_BESIDE = re.compile(r"<msub>(<mo>&#x02211;</mo>(?:(?!</?msub>).)*)</msub>")
# The converter leaves no space around the name of a function: 2logB.
NAME = "<mi>(?:log|exp|cos|sin)</mi>"
BEFORE_NAME = re.compile(rf"(</m(?:i|n|sub|sup|subsup|frac)>)(?={NAME})")
AFTER_NAME = re.compile(rf"(?<!<msub>)(?<!<msup>)({NAME})(?=<m(?:i|n|sub|sup|subsup|frac)>)")
THIN_SPACE = r'\1<mspace width="0.1667em"></mspace>'
LETTERS_ONLY = "sdcmath{}end"


def to_mathml(latex: str, *, display: bool) -> str:
    """Convert one formula.

    Raises:
        ValueError: A command or an environment that has no MathML here.
    """
    source = re.sub(r"\\(begin|end)\{(aligned|split)\}", r"\\\1{align*}", latex.strip())
    try:
        text = str(convert(source, display="block" if display else "inline"))
    except Exception as error:  # the converter raises a bare StopIteration, IndexError, ...
        raise ValueError(f"cannot convert to MathML: {latex.strip()}") from error
    if display:  # inside a group the converter sets limits beside their sum
        text = LIMITS_BESIDE.sub(r"<munder>\1</munder>", text)
    for gap in (BEFORE_NAME, AFTER_NAME):
        text = gap.sub(THIN_SPACE, text)
    unknown = re.search(r"<m[a-z]+[^>]*>(\\[A-Za-z]+|&)</m", text)
    if unknown:
        raise ValueError(f"cannot convert {unknown.group(1)} to MathML in: {latex.strip()}")
    return text


def formulas(markdown: str) -> list[tuple[str, bool]]:
    """Every formula of a text with whether it is displayed on lines of its own."""
    found = []
    for piece in PIECES.finditer(markdown):
        if piece["display"] is not None:
            found.append((piece["display"], True))
        elif piece["inline"] is not None:
            found.append((piece["inline"], False))
    return found


def set_aside(markdown: str, store: list[str]) -> str:
    """Replace formulas by words that Markdown leaves alone; their MathML goes to ``store``.

    A formula that has no MathML is shown as it was typed; the notebook lint refuses it.
    """

    def replace(piece: re.Match[str]) -> str:
        latex = piece["display"] if piece["display"] is not None else piece["inline"]
        if latex is None:
            return piece.group(0)
        try:
            formula = to_mathml(latex, display=piece["display"] is not None)
            wide = f'<span class="formula">{formula}</span>'  # scrolls where it does not fit
            store.append(formula if piece["display"] is None else wide)
        except ValueError:
            store.append(f"<code>{html.escape(latex)}</code>")
        return LETTERS_ONLY.format(_letters(len(store) - 1))

    return PIECES.sub(replace, markdown)


def put_back(page: str, store: list[str]) -> str:
    """Undo :func:`set_aside` in the HTML that Markdown became."""
    for index, formula in enumerate(store):
        page = page.replace(LETTERS_ONLY.format(_letters(index)), formula)
    return page


def _letters(index: int) -> str:
    """A number as letters ``a`` to ``j``, so that Markdown sees one plain word."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{index:04d}")
