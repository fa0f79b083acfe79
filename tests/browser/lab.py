"""A JupyterLab of one's own over copies of the notebooks, and what a test asks of its page."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tools.lab.__main__ import Options, arguments

ROOT = Path(__file__).resolve().parents[2]
# All cells stay attached to the page, so that a widget can be found wherever it is.
SETTINGS: dict[str, dict[str, Any]] = {"notebook-extension/tracker": {"windowingMode": "none"}}
# What is left to run, and what failed, according to the notebook's own model.
PROGRESS = """
() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const code = [...panel.content.model.cells].filter(cell => cell.type === 'code');
  const failures = [];
  for (const cell of code)
    for (const output of cell.toJSON().outputs)
      if (output.output_type === 'error') failures.push(`${output.ename}: ${output.evalue}`);
  const waiting = code.filter(
    cell => cell.sharedModel.getSource().trim() && cell.executionCount === null
  ).length;
  const idle = panel.sessionContext.session?.kernel?.status === 'idle';
  return {failures, waiting, idle};
}
"""
READY = """
() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.content?.model?.cells?.length > 0 && panel.sessionContext?.isReady
    && panel.sessionContext.session?.kernel?.status === 'idle';
}
"""
# The page itself takes the times: from the key press to the new picture on display.
WATCH = """
image => {
  const times = window.keyToPicture = {pressed: null, shown: null};
  document.addEventListener(
    'keydown', () => { times.pressed = performance.now(); }, {capture: true, once: true});
  // the picture is exchanged for a new one: its loading is seen on the way down to it
  const loaded = event => {
    if (event.target.tagName !== 'IMG') return;
    times.shown = performance.now();
    document.removeEventListener('load', loaded, true);
  };
  document.addEventListener('load', loaded, true);
}
"""
# Characters of all full lines of some paragraphs: a line is full if another one follows it. Inline
# code and formulas sit a little higher or lower than the text.
LINES = """
paragraphs => paragraphs.flatMap(paragraph => {
  const lines = [];
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let i = 0; i < node.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      const last = lines[lines.length - 1];
      if (last && box.bottom - last.bottom < 12) last.letters++;
      else lines.push({bottom: box.bottom, letters: 1});
    }
  return lines.slice(0, -1).map(line => line.letters);
})
"""
PIXELS = """
image => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL();
}
"""


@dataclass(frozen=True)
class Lab:
    """A running server: where it listens, and the token it wants."""

    address: str
    token: str

    @property
    def home(self) -> str:
        """What `make lab` opens."""
        return f"{self.address}/?token={self.token}"

    def url(self, notebook: str) -> str:
        """Opens a notebook in a workspace of its own, in which no other is restored."""
        place = f"workspaces/{notebook}/tree/notebooks/{notebook}.ipynb"
        return f"{self.address}/lab/{place}?token={self.token}"


def copy_notebooks(folder: Path) -> None:
    """Fill a folder with unexecuted notebooks and links to what they need of the repository.

    MotionFactors is linked where it exists; otherwise the notebooks make it inside the folder.
    """
    (folder / "notebooks").mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        copy = folder / "notebooks" / path.name
        copy.write_text(json.dumps(content), encoding="utf-8")
    (folder / "data").mkdir()
    for name in ("sdc_lib", "results", "data/clips", "data/weights", "data/motion_factors"):
        if (ROOT / name).is_dir():
            (folder / name).symlink_to(ROOT / name)
    # The server itself follows no link out of its folder.
    shutil.copy(ROOT / "README.md", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[Lab]:
    """Serve `folder` by a JupyterLab that ignores the user's own settings, and end it after."""
    state = folder / ".jupyter"
    for name, values in SETTINGS.items():
        path = state / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            _command(folder, port, lab.token), env=_environment(state), stdout=log, stderr=log
        )
        try:
            _wait_for(lab, server, folder / "server.log")
            yield lab
        finally:
            server.terminate()  # the server ends its kernels
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def run_all(page: Page, seconds: float) -> None:
    """Run all cells of the open notebook and wait for the last; fails at the first error."""
    page.wait_for_function(READY, timeout=60_000)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    over = f"() => {{ const now = ({PROGRESS})(); return now.failures.length || "
    over += "(now.waiting === 0 && now.idle); }"
    page.wait_for_function(over, timeout=1000 * seconds, polling=200)
    failures = page.evaluate(PROGRESS)["failures"]
    assert not failures, failures


def explorer_of(page: Page, label: str) -> tuple[Locator, Locator]:
    """The handle of the explorer's slider with a label, and the picture it moves."""
    widget = page.locator(".jp-OutputArea-output", has=page.locator(".widget-html-content img"))
    slider = widget.locator(".widget-slider").filter(has=page.get_by_text(label, exact=True))
    return slider.locator(".noUi-handle"), widget.locator(".widget-html-content img")


def seconds_to_new_picture(page: Page, handle: Locator, image: Locator) -> float:
    """Press an arrow key on a slider and time the new picture; infinite without a different one."""
    before = image.evaluate(PIXELS)
    image.evaluate(WATCH)
    handle.press("ArrowRight")
    try:
        page.wait_for_function("() => window.keyToPicture.shown", timeout=5_000, polling=20)
    except PlaywrightTimeout:
        return float("inf")
    times = page.evaluate("() => window.keyToPicture")
    if image.evaluate(PIXELS) == before:
        return float("inf")
    return float(times["shown"] - times["pressed"]) / 1000


def _command(folder: Path, port: int, token: str) -> list[str]:
    """What `make lab` runs, for a server that a test can talk to."""
    state = folder / ".jupyter"
    return [
        *arguments(Options(port=port, root=folder, state=state, browser=False)),
        "--ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        f"--ServerApp.token={token}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _environment(state: Path) -> dict[str, str]:
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "IPYTHONDIR": "ipython",
    }
    return {**os.environ, **{name: str(state / place) for name, place in places.items()}}


def _wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{lab.address}/api?token={lab.token}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
