"""Pictures of every dashboard and widget, light and dark, wide and narrow, into ``screenshots/``.

    python docs/make_screenshots.py [folder]

Shows the data in AWLAB_HOME (after `make demo`, those of the demo), in the system's Chromium. The
widgets are those of ``notebooks/20_look.ipynb``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from awlab.dashboards import server_words
from awlab.dashboards.server import dashboards_in

ROOT = Path(__file__).resolve().parents[1]
PORT = 9366
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
WIDGETS = {
    "query-builder": ".awlab-query", "result-grid": ".awlab-result-grid",
    "trend-plot": ".jp-OutputArea-output:has(.bqplot.figure)", "lineage-tree": ".awlab-lineage",
    "calibration-timeline": ".awlab-timeline", "target-processor": ".awlab-processor",
    "job-monitor": ".awlab-jobs", "quality-page": ".awlab-quality",
    "source-lineage": ".awlab-sources", "archive-statistics": ".awlab-archive",
}  # fmt: skip
# A page is there when its cells are shown and its widgets have what they asked for.
READY = """() => {
    const cells = document.getElementById('rendered_cells');
    const views = [...document.querySelectorAll('.awlab-w')];
    return cells && cells.style.display === '' && !document.getElementById('loading')
        && document.querySelector('.awlab-w, .awlab-facts, .bqplot, .awlab-trouble, .awlab-note')
        && views.every((view) => view.dataset.ready === 'yes')
        && [...document.querySelectorAll('.awlab-grid-head')]
            .every((head) => head.children.length || head.offsetParent === null);
}"""


def main() -> int:
    """Start the dashboards, take the pictures, stop."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if browser is None:
        print("NO CHROMIUM: no screenshots (as root: apt-get install chromium)")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pages = [name for name, _ in dashboards_in(ROOT / "notebooks" / "dashboards")]
    with served(ROOT / "notebooks" / "dashboards") as url:
        take_all(url, pages, browser, folder)
    with TemporaryDirectory() as made:
        shutil.copy(ROOT / "notebooks" / "20_look.ipynb", made)
        with served(Path(made)) as url:
            take_widgets(f"{url}voila/render/20_look.ipynb", browser, folder)
    return 0


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Start the server of the dashboards on a folder; give its address, stop it at the end."""
    start = server_words(PORT)
    words = [str(folder) if word.endswith("dashboards") else word for word in start.words]
    server = subprocess.Popen(
        [*words, "--preheat_kernel=False", "--no-browser"],
        env=os.environ | start.environment, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(start.address, server)
        yield start.address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def wait_for(url: str, server: subprocess.Popen[str]) -> None:
    """Wait until the server answers."""
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}voila/static/voila.js", timeout=5).close()
            return
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the dashboards did not start") from None
            time.sleep(0.25)
    raise SystemExit("the dashboards do not answer")


def take_all(url: str, names: list[str], browser: str, folder: Path) -> None:
    """Take four pictures of every dashboard; a page is opened once, and turned over."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        for name in names:
            page = opened(chromium, f"{url}voila/render/{name}.ipynb")
            for look, width in turned(page):
                page.screenshot(path=folder / f"{name}-{look}-{width}.png", full_page=True)
            page.close()
            print(f"  {name}", flush=True)
        chromium.close()


def take_widgets(url: str, browser: str, folder: Path) -> None:
    """Take four pictures of every widget of a page that has them all."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        page = opened(chromium, url)
        for look, width in turned(page):
            for name, kind in WIDGETS.items():
                found = page.locator(kind).first
                found.scroll_into_view_if_needed()
                page.wait_for_timeout(300)
                found.screenshot(path=folder / f"widget-{name}-{look}-{width}.png")
        chromium.close()
        print(f"  {len(WIDGETS)} widgets", flush=True)


def opened(chromium: Any, url: str) -> Any:
    """Open a page, light and wide, and wait until all is there."""
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"{url}?theme=light", timeout=180_000)
    page.wait_for_function(READY, timeout=180_000)
    return page


def turned(page: Any) -> Iterator[tuple[str, int]]:
    """Turn a page through both looks and widths; figures are drawn when they come into sight."""
    for look in ("light", "dark"):
        for width in (1400, 900):
            page.set_viewport_size({"width": width, "height": 900})
            for figure in page.locator(".bqplot.figure").all():
                figure.scroll_into_view_if_needed()
                page.wait_for_timeout(700)
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(800)
            yield look, width
        page.locator("#awlab-look").click()


if __name__ == "__main__":
    raise SystemExit(main())
