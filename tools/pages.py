"""Write executed notebooks as a small HTML site that needs no network: pages and an index."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from tools.mathml import put_back, set_aside

STYLE = Path(__file__).with_name("page.css")
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
SITE_TITLE = "Static and dynamic concepts in video"


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
    names = [path.stem for path in notebooks]
    cards = []
    for index, path in enumerate(notebooks):
        name, took = path.stem, f"{times[path.stem]:.0f} s"
        failure = failures.get(name, "")
        if not path.exists():
            cards.append(_card(name, None, took, failure))
            continue
        notebook = nbformat.read(path, as_version=4)
        before = names[index - 1] if index else ""
        after = names[index + 1] if index + 1 < len(names) else ""
        nav = _navigation(before, after, f"{name} · {took}")
        warning = f'<p class="failed">{html.escape(failure)}</p>' if failure else ""
        body = f"{nav}<main>{warning}{body_of(notebook)}</main>"
        body += f"<footer>{_navigation(before, after, name)}</footer>"  # pages are long
        text = _page(title_of(notebook) or name, body)
        (out / f"{name}.html").write_text(text + "\n", encoding="utf-8")
        cards.append(_card(name, notebook, took, failure))
    total = sum(times[name] for name in names)
    said = f"<p>{len(names)} notebooks, {total / 60:.1f} minutes in all.</p>"
    listing = f'<ul class="cards">{"".join(cards)}</ul>'
    main = f"<main><h1>{SITE_TITLE}</h1>{said}{listing}</main>"
    (out / "index.html").write_text(_page(SITE_TITLE, main) + "\n", encoding="utf-8")


def body_of(notebook: NotebookNode) -> str:
    """Cells and outputs as HTML, formulas as MathML, images inside, links for the site."""
    store: list[str] = []
    copy = nbformat.from_dict(notebook)
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
    """The first image output as the address of an image, or nothing."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in IMAGES:
                if kind in output.get("data", {}):
                    return _data_address(kind, output.data[kind])
            player = re.search(
                r'src="(data:image/[^"]+)"', str(output.get("data", {}).get("text/html", ""))
            )
            if player:
                return player.group(1)
    return ""


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


def _navigation(before: str, after: str, middle: str) -> str:
    left = f'<a rel="prev" href="{before}.html">← {before}</a>' if before else "<i></i>"
    right = f'<a rel="next" href="{after}.html">{after} →</a>' if after else "<i></i>"
    home = f'<span><a href="index.html">Index</a> · {html.escape(middle)}</span>'
    return f'<nav aria-label="Notebooks">{left}{right}{home}</nav>'


def _card(name: str, notebook: NotebookNode | None, took: str, failure: str) -> str:
    image = thumbnail_of(notebook) if notebook else ""
    thumb = f'<img src="{image}" alt="">' if image else name[:2]
    title = html.escape((title_of(notebook) if notebook else "") or name)
    promise = html.escape(promise_of(notebook) if notebook else "")
    state = f'<span class="failed">{html.escape(failure)}</span>' if failure else took
    inside = (
        f'<div class="thumb">{thumb}</div><h2>{title}</h2><p>{promise}</p><p>{name} · {state}</p>'
    )
    return f'<li><a href="{name}.html">{inside}</a></li>' if notebook else f"<li>{inside}</li>"


def _page(title: str, body: str) -> str:
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    style = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"
    style += ".highlight { background: none; }\n" + STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}\n</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>"
    )
