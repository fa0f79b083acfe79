"""The pages of the notebooks in a browser: on a desk and on a phone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.lab import LINES, ROOT
from tools.pages import write_site

pytestmark = pytest.mark.browser

DESK, PHONE = {"width": 1440, "height": 1000}, {"width": 375, "height": 812}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# A formula wider than the page is reached by scrolling it to its end.
CUT = """
formulas => formulas.filter(formula => {
  formula.scrollLeft = formula.scrollWidth;
  const last = [...formula.querySelectorAll('mi, mn, mo, mtext')].pop().getBoundingClientRect();
  return last.right > formula.getBoundingClientRect().right + 1;
}).map(formula => formula.textContent)
"""
# Figures carry their width; a clip that plays has the pixels of its video and no more.
BLURRED = """
images => images.filter(image => !image.src.startsWith('data:image/svg')
  && image.naturalWidth < 2 * image.width - 1).map(image => image.alt)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    copies = [Path(shutil.copy(path, folder)) for path in NOTEBOOKS]
    write_site(copies, folder, dict.fromkeys([path.stem for path in copies], 1.0), {})
    return folder


def opened(chromium: Browser, path: Path, size: dict[str, int]) -> Page:
    page = chromium.new_page(viewport={"width": size["width"], "height": size["height"]})
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("name", ["index", *(path.stem for path in NOTEBOOKS)])
def test_nothing_is_cut_on_a_phone(
    name: str, site: Path, chromium: Browser, pictures: Path
) -> None:
    page = opened(chromium, site / f"{name}.html", PHONE)
    page.screenshot(path=pictures / f"site_{name}_phone.png")
    assert page.evaluate(WIDE) == 0
    assert page.locator(".formula").evaluate_all(CUT) == []
    page.close()


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_lines_have_the_length_of_a_book_and_figures_are_sharp(
    name: str, site: Path, chromium: Browser, pictures: Path
) -> None:
    page = opened(chromium, site / f"{name}.html", DESK)
    page.screenshot(path=pictures / f"site_{name}_desk.png")
    assert page.locator("main img[width]").evaluate_all(BLURRED) == []
    lengths = sorted(page.locator(".text_cell_render > p").evaluate_all(LINES))
    assert 75 <= lengths[len(lengths) // 2] <= 90, lengths
    assert lengths[-1] <= 100, lengths
    page.close()


def test_the_contents_stay_in_sight(site: Path, chromium: Browser) -> None:
    page = opened(chromium, site / "03_concept_codebooks.html", DESK)
    links = page.locator(".contents a")
    links.last.click()
    page.wait_for_function("() => window.scrollY > 1000")
    box = links.first.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < DESK["height"]
    page.close()
