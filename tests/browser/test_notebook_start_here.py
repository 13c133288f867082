"""The first notebook, as a newcomer sees it: JupyterLab, opened by awlab, run from the top."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytestmark = pytest.mark.slow
CLI = [sys.executable, "-m", "awlab"]
RUN_ALL = """async () => {
    const app = window.jupyterapp, panel = app.shell.currentWidget;
    await app.restored;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    await app.commands.execute('notebook:run-all-cells');
    return panel.content.widgets.map((cell) => {
        const outputs = cell.model.type === 'code' ? cell.model.outputs.toJSON() : [];
        return outputs.map((output) => output.ename || output.output_type);
    }).flat();
}"""
SHOW = """(index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""
# The darkest and the lightest that text and its ground may be apart: WCAG's contrast.
CONTRAST = """(node) => {
    const light = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number)
        .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const style = getComputedStyle(node);
    const ink = light(node instanceof SVGElement ? style.fill : style.color);
    const ground = light(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
}"""


@pytest.fixture(scope="module")
def lab(small_night, tmp_path_factory, repository):
    """Address of a JupyterLab that `awlab lab` started, in a copy of the checkout."""
    work = tmp_path_factory.mktemp("lab")
    for name in ("awlab", "jupyter-config", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(repository / name, work / name, ignore=ignored)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"AWLAB_HOME": str(small_night), "HOME": str(work), "JUPYTER_CONFIG_DIR": str(work)}
    words = [
        *(f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--IdentityProvider.token="),
        "--LabApp.expose_app_in_browser=True",
    ]
    with (work / "log").open("w") as log:
        server = subprocess.Popen(
            [*CLI, "lab", "--", *words],
            env=os.environ | own | {"PYTHONPATH": str(work)},
            cwd=work,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/api", server)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _wait_for(address, server):
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("JupyterLab does not answer")


def test_start_here_runs_and_looks_right_in_both_themes(lab, open_page):
    page = open_page(width=900)
    page.goto(f"{lab}/lab/tree/00_start_here.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=30_000)
    told = page.evaluate(RUN_ALL)
    assert told.count("display_data") + told.count("execute_result") >= 12
    assert set(told) <= {"display_data", "execute_result", "stream"}  # no error among them
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
        _look(page)
    assert page.locator(".toastify, .Toastify__toast").count() == 0  # no news, no questions


def _look(page):
    """Plots have points, states have words that can be read, nothing is cut off."""
    cells = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    seen = {"points": 0, "states": set()}
    for index in range(cells):
        page.evaluate(SHOW, index)
        cell = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")
        cell.wait_for()
        if "pylab.scatter" in (cell.locator(".jp-InputArea").inner_text() or ""):
            cell.locator(".bqplot .mark_group, .bqplot .dot").first.wait_for(state="attached")
            seen["points"] += cell.locator(".bqplot .dot").count()
            for label in cell.locator(".bqplot .tick text, .bqplot .axislabel").all()[:8]:
                assert label.evaluate(CONTRAST) > 3
        for state in cell.locator(".awlab-state").all():
            if state.is_visible():
                seen["states"].add(state.inner_text())
                assert state.evaluate(CONTRAST) > 4.5
        for box in cell.locator(".jp-OutputArea-output").all():
            assert box.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 1
    assert seen["points"] >= 14
    assert {"up to date", "outdated", "valid"} <= seen["states"]
