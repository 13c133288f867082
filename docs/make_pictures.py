"""The pictures of the first notebook in the guide: ``docs/notebook.png`` and ``docs/account.png``.

    python docs/make_pictures.py

Runs the first notebook in JupyterLab on the data in AWLAB_HOME (after `make demo`, those of the
demo), as far as it only looks, in the system's Chromium.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
NOTEBOOK = DOCS.parent / "notebooks" / "00_start_here.ipynb"
# Which cell, how it begins, and how high its picture is [pixel].
PICTURES = {"notebook.png": ("from bqplot import", 880), "account.png": ("tell_me_every", 690)}
FIND = """(start) => window.jupyterapp.shell.currentWidget.content.widgets
    .findIndex((cell) => cell.model.type === 'code'
        && cell.model.sharedModel.getSource().startsWith(start))"""
RUN = """async (last) => {
    const app = window.jupyterapp, panel = app.shell.currentWidget;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    for (let i = 0; i <= last; i += 1) {
        panel.content.activeCellIndex = i;
        await app.commands.execute('notebook:run-cell');
    }
}"""
SHOW = """async (index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    await notebook.scrollToItem(index - 1, 'start');
}"""


def main() -> int:
    """Start JupyterLab, take the pictures, stop."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if browser is None:
        print("NO CHROMIUM: no pictures (as root: apt-get install chromium)")
        return 1
    with socket.socket() as free, TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        shutil.copy(NOTEBOOK, folder)
        settings = Path(folder) / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        own = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR"), folder)
        words = [f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root"]
        words += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
        lab = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *words, f"--ServerApp.root_dir={folder}"],
            start_new_session=True, env=os.environ | own,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            take(f"http://127.0.0.1:{port}", browser)
        finally:
            os.killpg(lab.pid, signal.SIGTERM)
            lab.wait(30)
    return 0


def take(url: str, browser: str) -> None:
    """Open the notebook, run it as far as the last picture, take them."""
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/api", timeout=5).close()
            break
        except OSError:
            time.sleep(0.25)
    with sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser, args=words)
        page = chromium.new_page(viewport={"width": 1000, "height": 1500})
        page.set_default_timeout(120_000)
        page.goto(f"{url}/doc/tree/{NOTEBOOK.name}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session")
        cells = {name: page.evaluate(FIND, start) for name, (start, _) in PICTURES.items()}
        page.evaluate(RUN, max(cells.values()))
        for name, index in cells.items():
            picture(page, name, index)
        chromium.close()


def picture(page: Any, name: str, index: int) -> None:
    """Take the picture of a cell, with the text above it."""
    page.evaluate(SHOW, index)
    page.wait_for_timeout(2500)
    top = page.locator(f".jp-Cell[data-windowed-list-index='{index - 1}']").bounding_box()
    height = min(PICTURES[name][1], 1460 - max(0, top["y"]))
    clip = {"x": top["x"], "y": max(0, top["y"]), "width": top["width"], "height": height}
    page.screenshot(path=DOCS / name, clip=clip)
    print(f"  {name}")


if __name__ == "__main__":
    raise SystemExit(main())
