"""Write executed notebooks as a small HTML site that needs no network: pages and an index."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from tools.mathml import put_back, set_aside

STYLE = Path(__file__).with_name("page.css")
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
SITE_TITLE = "Static and dynamic concepts in video"
HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)<a class="anchor-link"', re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """One notebook of the site.

    Attributes:
        name: File name without its ending.
        took: Its wall time, to show.
        failure: What went wrong; empty after success.
        notebook: The executed notebook, if there is one.
    """

    name: str
    took: str
    failure: str
    notebook: NotebookNode | None

    @property
    def title(self) -> str:
        """Its title as HTML; its name where it has none."""
        return html.escape((title_of(self.notebook) if self.notebook else "") or self.name)


def write_site(
    notebooks: Sequence[Path], out: Path, times: Mapping[str, float], failures: Mapping[str, str]
) -> None:
    """Write ``NAME.html`` for every notebook and ``index.html``.

    Args:
        notebooks: Executed notebooks in order; those that do not exist are only listed.
        out: Folder for the pages.
        times: Name to wall time, seconds.
        failures: Name to what went wrong, for those that failed.
    """
    entries = [
        Entry(
            path.stem,
            f"{times[path.stem]:.0f} s",
            failures.get(path.stem, ""),
            nbformat.read(path, as_version=4) if path.exists() else None,
        )
        for path in notebooks
    ]
    around = [None, *entries, None]
    for entry, before, after in zip(entries, around, around[2:], strict=False):
        if entry.notebook is not None:
            text = _notebook_page(entry, body_of(entry.notebook), before, after)
            (out / f"{entry.name}.html").write_text(text + "\n", encoding="utf-8")
    minutes = sum(times[entry.name] for entry in entries) / 60
    summary = f"<p>{len(entries)} notebooks, {minutes:.1f} minutes in all.</p>"
    listing = f'<ul class="cards">{"".join(_card(entry) for entry in entries)}</ul>'
    main = f"<main><h1>{SITE_TITLE}</h1>{summary}{listing}</main>"
    (out / "index.html").write_text(_page(SITE_TITLE, main) + "\n", encoding="utf-8")


def _notebook_page(entry: Entry, body: str, before: Entry | None, after: Entry | None) -> str:
    warning = f'<p class="failed">{html.escape(entry.failure)}</p>' if entry.failure else ""
    top, end = (_navigation(before, after, middle) for middle in (f" · {entry.took}", ""))
    page = f'<div class="page">{contents_of(body)}<main>{warning}{body}</main></div>'
    return _page(entry.title, f"{top}{page}<footer>{end}</footer>")  # pages are long


def body_of(notebook: NotebookNode) -> str:
    """Cells and outputs as HTML, formulas as MathML, images inside, links for the site."""
    store: list[str] = []
    copy = with_one_parameters_cell(nbformat.from_dict(notebook))
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = set_aside(cell.source, store)
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    resources = {"metadata": {"path": str(Path(__file__).parent)}}
    text, _ = exporter.from_notebook_node(copy, resources=resources)
    text = put_back(str(text), store)
    text = re.sub(r"<img\b[^>]*>", _without_network, text)
    text = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', text)
    # A page lies one folder deeper than its notebook.
    return re.sub(r'(href|src)="\.\./', r'\1="../../', text)


def with_one_parameters_cell(notebook: NotebookNode) -> NotebookNode:
    """Show the values that papermill put in a cell of its own in the place of the defaults."""
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    lines = "\n".join(cell.source for cell in injected).splitlines()
    given = {line.split(" = ")[0]: line for line in lines if " = " in line}

    def line_of(default: re.Match[str]) -> str:
        return given.get(default[1], default[0])

    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub(r"(?m)^(\w+) = .*?(?=  #|$)", line_of, cell.source)
    notebook.cells = [cell for cell in notebook.cells if cell not in injected]
    return notebook


def contents_of(body: str) -> str:
    """The sections of a page as links, or nothing where there are none."""
    items = [f'<li><a href="#{anchor}">{text}</a></li>' for anchor, text in HEADING.findall(body)]
    if not items:
        return ""
    listing = f"<p>Contents</p><ul>{''.join(items)}</ul>"
    return f'<nav class="contents" aria-label="Contents">{listing}</nav>'


def title_of(notebook: NotebookNode) -> str:
    """The first heading, without its mark."""
    return next(iter(re.findall(r"^#\s+(.+)$", _first_markdown(notebook), flags=re.MULTILINE)), "")


def promise_of(notebook: NotebookNode) -> str:
    """The first plain paragraph of the first cell: no heading, badge, list or note of times."""
    for paragraph in re.split(r"\n\s*\n", _first_markdown(notebook)):
        line = " ".join(paragraph.split())
        if line and not re.match(r"(#|\[?!|<|[-*] |\d+\.|\||>|\*\*\w+:)", line):
            line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)
            # An underscore inside a word, as in `sdc_lib`, is no mark.
            return re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", line)
    return ""


def thumbnail_of(notebook: NotebookNode) -> str:
    """The address of the first figure, or of the first image; nothing where there is none.

    The drawing of the method, which every notebook repeats, counts as an image only.
    """
    images = []
    for data in (output.get("data", {}) for c in notebook.cells for output in c.get("outputs", [])):
        images += [_data_address(kind, data[kind]) for kind in IMAGES if kind in data]
        for tag in re.findall(r"<img\b[^>]*>", str(data.get("text/html", ""))):
            address = re.search(r'src="(data:image/[^"]+)"', tag)
            images += [address[1]] if address else []
            # A clip that plays has no width; it may be small.
            if address and "width=" in tag and 'alt="The method' not in tag:
                return address[1]
    return images[0] if images else ""


def _without_network(tag: re.Match[str]) -> str:
    """An image that lies on the network, a badge for instance, becomes its text."""
    if not re.search(r'src="(https?:)?//', tag.group(0)):
        return tag.group(0)
    alt = re.search(r'alt="([^"]*)"', tag.group(0))
    return alt.group(1) if alt else ""


def _data_address(kind: str, data: str) -> str:
    if kind == "image/svg+xml":
        data = b64encode(data.encode()).decode()
    return f"data:{kind};base64,{''.join(data.split())}"


def _first_markdown(notebook: NotebookNode) -> str:
    return next((str(c.source) for c in notebook.cells if c.cell_type == "markdown"), "")


def _navigation(before: Entry | None, after: Entry | None, middle: str) -> str:
    left = f'<a rel="prev" href="{before.name}.html">← {before.title}</a>' if before else "<i></i>"
    right = f'<a rel="next" href="{after.name}.html">{after.title} →</a>' if after else "<i></i>"
    home = f'<span><a href="index.html">Index</a>{middle}</span>'
    return f'<nav class="way" aria-label="Notebooks">{left}{right}{home}</nav>'


def _card(entry: Entry) -> str:
    image = thumbnail_of(entry.notebook) if entry.notebook else ""
    thumb = f'<img src="{image}" alt="">' if image else entry.name[:2]
    promise = html.escape(promise_of(entry.notebook) if entry.notebook else "")
    failed = f'<span class="failed">{html.escape(entry.failure)}</span>'
    inside = (
        f'<div class="thumb">{thumb}</div><h2>{entry.title}</h2><p>{promise}</p>'
        f"<p>{entry.name} · {failed if entry.failure else entry.took}</p>"
    )
    link = f'<a href="{entry.name}.html">{inside}</a>' if entry.notebook else inside
    return f"<li>{link}</li>"


def _page(title: str, body: str) -> str:
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    style = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"
    style += ".highlight { background: none; }\n" + STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}\n</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>"
    )
