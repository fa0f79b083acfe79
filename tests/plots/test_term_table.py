"""The table of terms holds the declaration and the numbers of a run."""

from __future__ import annotations

import math

import pytest

from sdc_lib import plots
from sdc_lib.config import (
    CurriculumConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimConfig,
    PretrainConfig,
)
from sdc_lib.plots.term_table import HEADER
from sdc_lib.terms import TERMS, LossWeights


def column(table: plots.TermTable, name: str) -> dict[str, str]:
    return {row[1]: row[HEADER.index(name)] for row in table.rows}


def test_all_thirteen_terms_stand_in_order() -> None:
    table = plots.term_table()
    assert [row[:4] for row in table.rows] == [
        (str(i), term.name, term.query, term.target) for i, term in enumerate(TERMS, start=1)
    ]


def test_numbers_are_those_of_the_run() -> None:
    config = PretrainConfig(
        model=ModelConfig(num_concepts=20),
        objective=ObjectiveConfig(
            contrast_temperature=0.2, dynamic_alignment_temperature=0.3, local_margin=1.1
        ),
        weights=LossWeights(local=0.5),
        curriculum=CurriculumConfig(local_from_epoch=4),
        optim=OptimConfig(batch_size=32),
    )
    table = plots.term_table(config)
    assert column(table, "temperature")["contrast_static"] == "0.2"
    assert column(table, "temperature")["align_static"] == "0.1"
    assert column(table, "temperature")["align_dynamic"] == "0.3"
    assert column(table, "temperature")["local_video"] == "none; margin 1.1"
    assert column(table, "weight")["local_static"] == "0.5"
    assert column(table, "weight")["diversity_static"] == "0.1"
    assert column(table, "from epoch")["local_static"] == "5"
    assert column(table, "from epoch")["contrast_video"] == "1"
    chance = column(table, "at chance")
    assert chance["contrast_dynamic"] == f"2 log B = {2 * math.log(32):.2f}"
    assert chance["align_static"] == f"log K = {math.log(20):.2f}"
    assert column(table, "best")["diversity_dynamic"] == f"−log K = −{math.log(20):.2f}"


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [("align", 2), ("local_static", 1), (["diversity", "fidelity"], 5), (None, 13)],
)
def test_rows_can_be_picked_by_term_or_family(wanted: str | list[str] | None, rows: int) -> None:
    assert len(plots.term_table(terms=wanted).rows) == rows


def test_an_unknown_term_is_named() -> None:
    with pytest.raises(ValueError, match="'local_all'; families are contrast, align"):
        plots.term_table(terms=["local_all"])


def test_the_page_gets_a_table_whose_heads_and_rows_are_named() -> None:
    text = plots.term_table(terms="align")._repr_html_()
    assert text.count('scope="row"') == 2
    assert text.count('scope="col"') == len(HEADER)
    assert "From epoch 2 on the scores of the last 1024 videos join Sinkhorn" in text


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("contrast", "no words of concepts"),
        ("align", "codebook queue"),
        (("diversity", "fidelity"), "codebook"),
        ("local", "codebook kept"),
        (None, "codebook queue kept"),
    ],
)
def test_notes_are_of_the_terms_shown(terms: str | tuple[str, ...] | None, said: str) -> None:
    notes = " ".join(plots.term_table(terms=terms).notes)
    words = {"codebook": "No codebook", "queue": "join Sinkhorn", "kept": "A kept concept"}
    assert {word for word, text in words.items() if text in notes} == words.keys() & said.split()
    assert ("K = 100" in notes) == (terms != "contrast")
    assert "B = 64" in notes


def test_what_is_ours_is_said_below() -> None:
    config = PretrainConfig(
        model=ModelConfig(shared_codebooks=True),
        objective=ObjectiveConfig(align_video_alone=True, filter_top_k=0),
        curriculum=CurriculumConfig(decorrelation=3.0, queue_size=0, codebooks_from_epoch=0),
    )
    notes = " ".join(plots.term_table(config).notes)
    for part in ("align_video_alone", "shared_codebooks", "weight 3"):
        assert part in notes
    for part in ("queue", "kept", "No codebook"):
        assert part not in notes
