"""How a plot of very many points feels: painted, zoomed, brushed and lassoed, in a real browser.

    python benchmarks/trend_plot.py [points ...]

A JupyterLab of its own on a scratch database, in the system's Chromium with software rendering;
100,000 and 1,000,000 points by default. The floor is a bare bqplot figure of a hundred points,
painted in the same Lab; a frame's floor is that of the screen, 16.7 ms.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright
from registry import connect_scratch

from awlab.backend.database import DBObject, close_database, persistent, register_bulk

HERE = Path(__file__).resolve().parent
ROUNDS = 5
SETUP = f"""import sys
sys.path.insert(0, {str(HERE)!r})
import bqplot, numpy
from awlab.backend.datamodel import connect
from awlab.widgets import TrendPlot
from trend_plot import PlottedFrame
connect()"""
FLOOR = """from bqplot import pyplot
x = numpy.random.default_rng(1).normal(size=100)
pyplot.figure(animation_duration=0); pyplot.scatter(x, x); pyplot.show()"""
PLOT = "plot = TrendPlot(PlottedFrame.place < {level}, 'level', 'place', height=400)\nplot"
# Runs a cell; tells how long it took until something of the plot is on the screen [ms].
PAINT = """async ([index, what]) => {
    const app = window.jupyterapp, panel = app.shell.currentWidget;
    const cell = panel.content.widgets[index];
    panel.content.activeCellIndex = index;
    await panel.content.scrollToItem(index, 'start');
    const begin = performance.now();
    app.commands.execute('notebook:run-cell');
    const old = new Set(cell.node.querySelectorAll(what));
    for (;;) {
        await new Promise(requestAnimationFrame);
        const found = [...cell.node.querySelectorAll(what)].some((node) => !old.has(node)
            && (node.tagName !== 'image' || node.href.baseVal));
        if (found) break;
        if (performance.now() - begin > 60000) throw new Error('nothing was painted');
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - begin;
}"""
FRAMES = """() => {
    window.frames_ = [];
    let last = performance.now();
    const next = (now) => {
        window.frames_.push(now - last);
        last = now;
        window.timer_ = requestAnimationFrame(next);
    };
    window.timer_ = requestAnimationFrame(next);
}"""


class PlottedFrame(DBObject):
    """A frame with two numbers."""

    place = persistent("Place, in order", float)
    level = persistent("Level [ADU]", float)


def fill(points: int) -> None:
    """Register frames; a smaller plot is a part of a larger one."""
    random = np.random.default_rng(5)
    place = random.uniform(0, 1, points) + np.arange(points)
    register_bulk(PlottedFrame, {"place": place, "level": random.normal(1000, 30, points)})


def notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells."""
    made = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [],
         "execution_count": None, "id": f"c{i}"}
        for i, source in enumerate(cells)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    path.write_text(json.dumps(content | {"nbformat_minor": 5}))


def start_lab(folder: Path, home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start JupyterLab on a folder; return process and address when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "RUNTIME", "DATA")}
    environment = os.environ | own | {"AWLAB_HOME": str(home), "PYTHONPATH": str(HERE.parent)}
    words = [f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root"]
    words += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *words, f"--ServerApp.root_dir={folder}"],
        env=environment, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/api", timeout=5).close()
            return lab, url
        except OSError:
            time.sleep(0.25)
    raise SystemExit("JupyterLab does not answer")


def opened(browser: Any, url: str) -> Any:
    """Open the notebook; return the page when its kernel is idle and has run the first cell."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(90_000)
    page.goto(f"{url}/doc/tree/it.ipynb")
    page.wait_for_selector(".jp-Notebook")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    return page


def look(page: Any, cell: int) -> dict[str, float]:
    """Paint, zoom, brush and lasso the plot of a cell; return seconds."""
    painted = [page.evaluate(PAINT, [cell, ".bqplot image"]) for _ in range(ROUNDS)]
    told = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{cell}']")
    area = told.locator(".bqplot.figure").first.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    told.get_by_role("button", name="pan, zoom").click()
    page.evaluate(FRAMES)
    for i in range(40):
        page.mouse.move(x + i, y)
        page.mouse.wheel(0, -30 if i < 20 else 30)
    frames = page.evaluate("() => { cancelAnimationFrame(window.timer_); return window.frames_; }")
    told.get_by_role("button", name="show all").click()
    found = {"painted": statistics.median(painted) / 1e3, "frame": np.median(frames) / 1e3,
             "slow frame": float(np.quantile(frames, 0.95)) / 1e3}  # fmt: skip
    for mode in ("select", "lasso"):
        told.get_by_role("button", name=mode, exact=True).click()
        page.wait_for_timeout(1500)  # until what was asked for before is drawn
        figure = told.locator(".bqplot.figure").first
        figure.scroll_into_view_if_needed()
        area = figure.bounding_box()
        corners = [(100, 40), (400, 60), (450, 250), (150, 300), (100, 40)]
        page.mouse.move(area["x"] + corners[0][0], area["y"] + corners[0][1])
        page.mouse.down()
        for dx, dy in corners[1:4] if mode == "select" else corners[1:]:
            page.mouse.move(area["x"] + dx, area["y"] + dy, steps=8)
        started = time.perf_counter()
        page.mouse.up()
        wanted = "between" if mode == "select" else "select_within"
        told.locator("code", has_text=wanted).wait_for(timeout=20_000)
        found[mode] = time.perf_counter() - started
    return found


def main() -> None:
    """Fill, open, measure, print."""
    sizes = [int(word) for word in sys.argv[1:]] or [100_000, 1_000_000]
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if browser_path is None:
        raise SystemExit("NO CHROMIUM: nothing is measured (as root: apt-get install chromium)")
    home = connect_scratch()
    fill(max(sizes))
    folder = Path(tempfile.mkdtemp(prefix="awlab-bench-lab-"))
    notebook(folder / "it.ipynb", [SETUP, FLOOR, *(PLOT.format(level=n) for n in sizes)])
    lab, url = start_lab(folder, home)
    try:
        with sync_playwright() as playwright:
            words = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=browser_path, args=words)
            page = opened(browser, url)
            floors = [page.evaluate(PAINT, [1, ".bqplot .dot"]) / 1e3 for _ in range(ROUNDS)]
            floor = statistics.median(floors)
            print(f"floor: a bare figure of 100 points painted in {floor:.2f} s")
            for i, size in enumerate(sizes):
                found = look(page, i + 2)
                print(f"{size:>10,} points: painted in {found['painted']:.2f} s "
                      f"({found['painted'] / floor:.1f} x the floor)")  # fmt: skip
                print(f"{'':>18} zooming {found['frame'] * 1e3:.0f} ms a frame, "
                      f"one in twenty above {found['slow frame'] * 1e3:.0f} ms")  # fmt: skip
                print(f"{'':>18} brush to selection {found['select']:.2f} s, "
                      f"lasso {found['lasso']:.2f} s")  # fmt: skip
            browser.close()
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait(30)
        close_database()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
