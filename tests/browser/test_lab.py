"""`make lab` in a browser: the repository beside notebook 00, names whole, lines easy to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.lab import LINES, READY, Lab

pytestmark = pytest.mark.browser

OPEN = """
() => [...window.jupyterapp.shell.widgets('main')].map(
  widget => widget.context ? widget.context.path : widget.id
)
"""
CUT = "names => names.filter(n => n.scrollWidth > n.clientWidth).map(n => n.innerText)"
ITEMS = ".jp-DirListing-item .jp-DirListing-itemName"


@pytest.fixture(scope="module")
def home(lab: Lab, chromium: Browser, pictures: Path) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(lab.home)
    page.wait_for_function(READY, timeout=120_000)
    page.screenshot(path=pictures / "make_lab.png")
    yield page
    page.close()


def test_notebook_00_is_open_and_nothing_else(home: Page) -> None:
    assert home.evaluate(OPEN) == ["notebooks/00_start_here.ipynb"]


def test_files_of_the_repository_are_beside_it_and_no_name_is_cut(home: Page) -> None:
    items = home.locator(ITEMS)
    items.first.wait_for()
    assert {"README.md", "docs", "notebooks"} <= set(items.all_inner_texts())
    assert items.evaluate_all(CUT) == []
    home.locator(ITEMS, has_text="notebooks").dblclick()
    home.locator(ITEMS, has_text="08_your_own_videos.ipynb").wait_for()
    assert home.locator(ITEMS).evaluate_all(CUT) == []


def test_lines_have_the_length_of_a_book(home: Page) -> None:
    paragraphs = home.locator(".jp-MarkdownCell .jp-RenderedMarkdown > p")
    lengths = sorted(paragraphs.evaluate_all(LINES))
    assert 75 <= lengths[len(lengths) // 2] <= 90, lengths
    assert lengths[-1] <= 100, lengths


def test_the_readme_opens_as_a_page(home: Page) -> None:
    home.evaluate(
        "() => window.jupyterapp.commands.execute('docmanager:open', {path: 'README.md'})"
    )
    title = home.locator(".jp-MarkdownViewer h1")
    title.wait_for()
    assert "static and dynamic" in title.inner_text().lower()
