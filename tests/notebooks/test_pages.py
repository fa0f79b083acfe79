"""Pages stand alone: formulas as MathML, images inside, links within the site, no network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.notebooks.made_up import PIXEL, image_output, made_up, save
from tools.mathml import formulas, put_back, set_aside, to_mathml
from tools.pages import (
    body_of,
    promise_of,
    thumbnail_of,
    title_of,
    with_one_parameters_cell,
    write_site,
)

TEXT = r"""Let $x_i^* * y$ be *small*: costs \$5, `$code$`.

$$\mathcal{L} = -\frac{1}{B} \sum_{i=1}^{B} \log p_i$$

```python
price = "$x$"
```
"""


def test_formulas_are_found_outside_code_only() -> None:
    found = formulas(TEXT)
    assert [display for _, display in found] == [False, True]
    assert found[0][0] == "x_i^* * y"


@pytest.mark.parametrize("text", ["from $5 to $6", "a $ b $ c", r"\$x\$", "US$ and $"])
def test_dollars_that_are_money(text: str) -> None:
    assert formulas(text) == []


def test_aligned_equations_become_a_table() -> None:
    text = to_mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", display=True)
    assert text.count("<mtr>") == 2


@pytest.mark.parametrize("latex", [r"\nonsense{x}", r"\left( x"])
def test_formula_without_mathml_is_an_error_here_and_text_on_a_page(latex: str) -> None:
    with pytest.raises(ValueError, match="MathML"):
        to_mathml(latex, display=False)
    store: list[str] = []
    assert put_back(set_aside(f"${latex}$", store), store) == f"<code>{latex}</code>"


def test_body_shows_formulas_and_leaves_code() -> None:
    notebook = made_up()
    notebook.cells.append(new_markdown_cell(TEXT))
    body = body_of(notebook)
    assert body.count("<math") == 2
    assert 'display="block"' in body
    assert "<em>small</em>" in body
    assert "<code>$code$</code>" in body
    assert notebook.cells[-1].source == TEXT


def test_displayed_formulas_scroll_and_keep_limits_below_their_sum() -> None:
    store: list[str] = []
    set_aside(r"$x$ and $$\underbrace{\sum_{v,s} a_v}_{\text{02}}$$", store)
    inline, display = store
    assert 'class="formula"' not in inline
    assert display.startswith('<span class="formula"><math')
    assert "<munder><mo>&#x02211;</mo>" in display
    assert "<msub><mi>a</mi>" in display


def test_names_of_functions_stand_apart_from_what_they_are_applied_to() -> None:
    space = '<mspace width="0.1667em"></mspace>'
    inside = f"<mn>2</mn>{space}<mi>log</mi>{space}<mi>B</mi>"
    assert inside in to_mathml(r"2 \log B", display=False)
    assert space not in to_mathml(r"\log(x)", display=False)
    assert "<msub><mi>log</mi><mn>2</mn></msub>" in to_mathml(r"\log_2 B", display=False)


def test_values_that_a_run_was_given_stand_in_the_one_cell_of_parameters() -> None:
    notebook = made_up()
    cells = [
        new_code_cell('PROFILE = "cpu"  # or gpu\nSEED = 0', metadata={"tags": ["parameters"]}),
        new_code_cell('# Parameters\nPROFILE = "gpu"', metadata={"tags": ["injected-parameters"]}),
    ]
    notebook.cells[1:] = cells
    shown = with_one_parameters_cell(notebook)
    sources = [cell.source for cell in shown.cells if cell.cell_type == "code"]
    assert sources == ['PROFILE = "gpu"  # or gpu\nSEED = 0']
    assert body_of(notebook).count("PROFILE") == 1


def test_links_and_images_fit_the_site(tmp_path: Path) -> None:
    notebook = made_up()
    link = "[next](02_contrast.ipynb#top) [file](../sdc_lib/views.py)"
    notebook.cells.append(new_markdown_cell(link))
    body = body_of(notebook)
    assert 'href="02_contrast.html#top"' in body
    assert 'href="../../sdc_lib/views.py"' in body


@pytest.mark.parametrize("kind", ["image/png", "image/svg+xml"])
def test_thumbnail_is_the_first_image(kind: str) -> None:
    notebook = made_up("pass")
    data = PIXEL if kind == "image/png" else "<svg/>"
    notebook.cells[-1].outputs = [image_output(kind, data)]
    assert thumbnail_of(notebook).startswith(f"data:{kind};base64,")
    assert thumbnail_of(made_up("pass")) == ""


def test_thumbnail_is_neither_the_drawing_of_all_notebooks_nor_a_clip_where_a_figure_is() -> None:
    notebook = made_up("pass")
    clip = '<img alt="It moves." src="data:image/webp;base64,AA">'
    drawing = '<img alt="The method: x." width="9" src="data:image/svg+xml;base64,BB">'
    figure = '<img alt="A figure." width="9" src="data:image/png;base64,CC">'

    def thumbnail(*tags: str) -> str:
        pages = [new_output("display_data", data={"text/html": tag}) for tag in tags]
        notebook.cells[-1].outputs = pages
        return thumbnail_of(notebook)[-2:]

    assert [thumbnail(clip, drawing, figure), thumbnail(drawing, clip)] == ["CC", "BB"]


def test_title_and_promise() -> None:
    header = "# The *title*\n\n[![badge](b.svg)](x)\n\nYou see `a_b` *or* c.\n\n**Time:** 1 min"
    notebook = made_up(header=header)
    assert title_of(notebook) == "The *title*"
    assert promise_of(notebook) == "You see a_b or c."


def test_site_loads_nothing_from_the_network(tmp_path: Path) -> None:
    notebook = made_up("1 + 1")
    notebook.cells[-1].outputs = [image_output()]
    badge = "[![Open it](https://example.org/badge.svg)](https://example.org)"
    notebook.cells.append(new_markdown_cell(f"{TEXT}\n{badge}"))
    path = save(notebook, tmp_path / "01_first.ipynb")
    write_site([path, tmp_path / "02_gone.ipynb"], tmp_path, {"01_first": 3.2, "02_gone": 1.0}, {})
    for name in ("01_first.html", "index.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "<script" not in text
        assert re.findall(r"(?:src|url\()\s*=?\s*[\"']?(?:https?:)?//", text) == []
        assert re.findall(r"<link[^>]+href", text) == []
    page = (tmp_path / "01_first.html").read_text(encoding="utf-8")
    assert '<a href="https://example.org">Open it</a>' in page
    assert page.count('<a rel="next" href="02_gone.html">') == 2, "at the top and at the end"
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="01_first.html"' in index
    assert 'href="02_gone.html"' not in index
    assert "02_gone" in index


def test_pages_list_their_sections_and_name_their_neighbours_by_title(tmp_path: Path) -> None:
    first, second = made_up(header="# One <1>"), made_up(header="# Two\n\n## A & `b`\n\n## C")
    paths = [save(first, tmp_path / "01_first.ipynb"), save(second, tmp_path / "02_second.ipynb")]
    write_site(paths, tmp_path, {"01_first": 1.0, "02_second": 1.0}, {})
    page = BeautifulSoup((tmp_path / "02_second.html").read_bytes(), "html.parser")
    links = page.select(".contents a")
    assert [link.text for link in links] == ["A & b", "C"]
    assert all(page.find(id=str(link["href"])[1:]) for link in links)
    assert [link.text for link in page.select("[rel=prev]")] == 2 * ["← One <1>"]
    assert page.title is not None
    assert page.title.text == "Two"
    before = BeautifulSoup((tmp_path / "01_first.html").read_bytes(), "html.parser")
    assert before.select(".contents a") == []
    assert [link.text for link in before.select("[rel=next]")] == 2 * ["Two →"]
