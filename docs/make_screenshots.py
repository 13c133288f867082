"""Pictures of every dashboard, light and dark, wide and narrow, into ``screenshots/``.

    python docs/make_screenshots.py [folder]

Shows the data in AWLAB_HOME (after `make demo`, those of the demo), in the system's Chromium.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from awlab.dashboards.server import dashboards_in

ROOT = Path(__file__).resolve().parents[1]
PORT = 9366
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
    server = subprocess.Popen(
        [sys.executable, "-m", "awlab", "dashboards", "--no-open", f"--port={PORT}", "--",
         "--preheat_kernel=False"],
        start_new_session=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = server.stdout.readline().split()[-1]
        wait_for(url, server)
        take_all(url, browser, folder)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    return 0


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


def take_all(url: str, browser: str, folder: Path) -> None:
    """Take four pictures of every dashboard; a page is opened once, and turned over."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=arguments)
        for name, _ in dashboards_in(ROOT / "notebooks" / "dashboards"):
            page = chromium.new_page(viewport={"width": 1400, "height": 900})
            page.goto(f"{url}voila/render/{name}.ipynb?theme=light", timeout=120_000)
            page.wait_for_function(READY, timeout=120_000)
            for look in ("light", "dark"):
                for width in (1400, 900):
                    page.set_viewport_size({"width": width, "height": 900})
                    page.wait_for_timeout(1500)
                    page.screenshot(path=folder / f"{name}-{look}-{width}.png", full_page=True)
                page.locator("#awlab-look").click()
            page.close()
            print(f"  {name}", flush=True)
        chromium.close()


if __name__ == "__main__":
    raise SystemExit(main())
