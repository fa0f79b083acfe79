"""The thirteen terms as a table: made from their one declaration and the settings of a run."""

import html
import math
from collections.abc import Sequence, Set

from sdc_lib.config import PretrainConfig
from sdc_lib.plots.style import STREAM_COLOURS
from sdc_lib.terms import FAMILIES, TERM_OF, TERMS, Term, term_weights

HEADER = (
    "", "term", "query", "target", "codebook and half", "temperature", "detached",
    "from epoch", "weight", "at chance", "best",
)  # fmt: skip
_STYLE = "text-align:left;vertical-align:top;padding:3px 8px 3px 0;line-height:1.35"


class TermTable:
    """Rows of the table; the last value of a cell shows it, ``markdown()`` is its text.

    Attributes:
        rows: A row of cells for each term, in the order of `HEADER`.
        notes: What a reader must know besides, a sentence each.
    """

    def __init__(self, rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
        self.rows = [tuple(row) for row in rows]
        self.notes = list(notes)

    def markdown(self) -> str:
        """The table and its notes in Markdown."""
        lines = [HEADER, ["---"] * len(HEADER), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return table + "\n\n" + "\n".join(self.notes) + "\n"

    def __repr__(self) -> str:
        """The same as `markdown`."""
        return self.markdown()

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="{_STYLE}">{name}</th>' for name in HEADER)
        body = "".join(f"<tr>{self._cells(row)}</tr>" for row in self.rows)
        notes = html.escape(" ".join(self.notes))
        return (
            '<div style="overflow-x:auto"><table style="font-size:12px;white-space:normal">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{notes}</p></div>"
        )

    def _cells(self, row: Sequence[str]) -> str:
        number, name, *others = (html.escape(cell) for cell in row)
        colour = STREAM_COLOURS[TERM_OF[name].stream]
        term = f'<th scope="row" style="{_STYLE};color:{colour}">{name}</th>'
        cells = "".join(f'<td style="{_STYLE}">{cell}</td>' for cell in others)
        return f'<td style="{_STYLE}">{number}</td>{term}{cells}'


def term_table(
    config: PretrainConfig | None = None, terms: str | Sequence[str] | None = None
) -> TermTable:
    """The thirteen terms with the temperatures, weights and first epochs of a run.

    Args:
        config: The run; by default the released settings.
        terms: Terms (``"local_static"``) or families (``"local"``) to show; None for all.

    Returns:
        A table for the page; its notes are of the terms shown.

    Raises:
        ValueError: If there is no such term or family.
    """
    config = config or PretrainConfig()
    weights = term_weights(config.weights)
    wanted = [terms] if isinstance(terms, str) else terms
    for name in wanted or ():
        if name not in weights and name not in FAMILIES:
            raise ValueError(
                f"no loss term or family is called {name!r}; families are {', '.join(FAMILIES)}"
            )
    shown = {
        number: term
        for number, term in enumerate(TERMS, start=1)
        if wanted is None or term.name in wanted or term.family in wanted
    }
    rows = [
        (
            str(number),
            term.name,
            term.query,
            term.target,
            term.codebook,
            _temperature(term, config),
            term.detached,
            str(1 + (getattr(config.curriculum, term.from_epoch) if term.from_epoch else 0)),
            f"{weights[term.name]:g}",
            _value(term.chance, config),
            _value(term.best, config),
        )
        for number, term in shown.items()
    ]
    return TermTable(rows, _notes(config, {term.family for term in shown.values()}))


def _temperature(term: Term, config: PretrainConfig) -> str:
    if term.family == "align":
        static, dynamic = config.objective.alignment_temperatures
        return f"{dynamic if term.stream == 'dynamic' else static:g}"
    if term.temperature:
        return f"{getattr(config.objective, term.temperature):g}"
    return f"none; margin {config.objective.local_margin:g}" if term.family == "local" else "none"


def _value(formula: str, config: PretrainConfig) -> str:
    """A formula, and its number where it is one of B or K."""
    for letter, size in (("B", config.optim.batch_size), ("K", config.model.num_concepts)):
        if formula.endswith(f"log {letter}"):
            factor = {"": 1, "2 ": 2, "-": -1}[formula.removesuffix(f"log {letter}")]
            text = f"{formula} = {factor * math.log(size):.2f}"
            return text.replace("-", "\N{MINUS SIGN}")
    return formula.replace("-1", "\N{MINUS SIGN}1")


def _notes(config: PretrainConfig, families: Set[str]) -> list[str]:
    c, objective = config.curriculum, config.objective
    batch = f"Epochs are counted from 1 here; B = {config.optim.batch_size} videos a batch"
    if families == {"contrast"}:  # no concepts take part
        return [f"{batch}."]
    notes = [f"{batch}, K = {config.model.num_concepts} concepts a half."]
    if c.codebooks_from_epoch:
        notes.append(f"No codebook is updated before epoch {c.codebooks_from_epoch + 1}.")
    if c.queue_size and "align" in families:
        notes.append(
            f"From epoch {c.queue_from_epoch + 1} on the scores of the last {c.queue_size} videos "
            f"join Sinkhorn (ε = {objective.sinkhorn_epsilon:g})."
        )
    if objective.filter_top_k and "local" in families:
        rank = "at or above" if objective.filter_inclusive else "above"
        notes.append(
            "A kept concept's score is "
            f"{rank} the {objective.filter_top_k}th largest one in both views, of all 2K for "
            "the video, of the K of its own half for a still or a difference."
        )
    if objective.align_video_alone and "align" in families:
        notes.append("Alignment compares v1 and v2 only here (objective.align_video_alone).")
    if config.model.shared_codebooks:
        notes.append("All streams share one codebook here (model.shared_codebooks).")
    if c.decorrelation:
        notes.append(f"Decorrelation (ours) comes on top, weight {c.decorrelation:g}.")
    return notes
