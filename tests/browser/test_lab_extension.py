"""awlab's extension in a real JupyterLab: launcher, palette, panel; the sky by Aladin Lite."""

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

from awlab.widgets import library_version

pytestmark = pytest.mark.slow
TABLE = """from awlab.widgets import LocalAladin
from astropy.table import Table
sky = LocalAladin(target="10 20", fov=1)
sky.add_table(Table({"RA": [10.0, 10.1], "DEC": [20.0, 20.1]}), name="two")
sky"""
RUN = """async (code) => {
    const panel = await jupyterapp.commands.execute(
        "notebook:create-new", { kernelName: "awe" });
    await panel.sessionContext.ready;
    panel.content.activeCell.model.sharedModel.setSource(code);
    await jupyterapp.commands.execute("notebook:run-cell");
}"""
# The darkest and the lightest that text and its ground may be apart: WCAG's contrast.
CONTRAST = """(node) => {
    const light = (text) => text.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const style = getComputedStyle(node);
    const [ink, ground] = [light(style.color), light(style.backgroundColor)];
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
}"""
ASK = """async (code) => {
    const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
    const words = { code: "", user_expressions: { it: code } };
    const reply = await kernel.requestExecute(words, true).done;
    return reply.content.user_expressions.it.data?.["text/plain"] ?? "failed";
}"""


@pytest.fixture(scope="module")
def lab(small_night, tmp_path_factory, repository):
    """A JupyterLab in an empty folder, with the extension as an installation has it."""
    own = tmp_path_factory.mktemp("jupyter")
    place = own / "share" / "labextensions" / "awlab"
    shutil.copytree(repository / "jupyter-config" / "labextension", place)
    kernel = own / "share" / "kernels" / "awe"
    shutil.copytree(repository / "jupyter-config" / "kernelspec" / "awe", kernel)
    (own / "notebooks").mkdir()
    shutil.copy(repository / "notebooks" / "00_start_here.ipynb", own / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "AWLAB_HOME": str(small_night), "PYTHONPATH": str(repository),
        "JUPYTER_PATH": str(own / "share"), "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_CONFIG_PATH": str(repository / "jupyter-config" / "server"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--port={port}",
        "--ip=127.0.0.1", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={own / 'notebooks'}",
    ]  # fmt: skip
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
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


@pytest.fixture
def launcher(lab, page):
    """A fresh JupyterLab with its launcher in front."""
    page.set_default_timeout(60_000)
    page.goto(f"{lab}/lab?reset")
    page.wait_for_function("window.jupyterapp?.restored !== undefined")
    page.evaluate("jupyterapp.restored.then(() => true)")
    page.wait_for_selector(".jp-Launcher")
    return page


def card(page, name):
    return page.locator(".jp-LauncherCard[data-category=awlab]", has_text=name)


def source(page):
    """Text of the cell that is active in the notebook in front."""
    return page.evaluate(
        "jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    )


def test_cards_and_commands_are_there(launcher):
    names = launcher.locator(".jp-LauncherCard[data-category=awlab]").all_inner_texts()
    assert [name.strip() for name in names] == [
        "Start here", "Find objects", "Make targets", "Calibrations in time", "Trend plot",
        "Lineage", "Quality page", "Frames on the sky", "Jobs", "Archive",
    ]  # fmt: skip
    listed = launcher.evaluate("jupyterapp.commands.listCommands()")
    assert {"awlab:query", "awlab:panel", "awlab:start"} <= set(listed)
    launcher.evaluate("jupyterapp.commands.execute('apputils:activate-command-palette')")
    launcher.keyboard.type("awlab: Arch")
    launcher.locator(".lm-CommandPalette-item", has_text="awlab: Archive").first.wait_for()
    launcher.keyboard.press("Escape")
    launcher.evaluate("jupyterapp.commands.execute('awlab:panel')")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        # Lab takes its splash away once too often where the theme changes under it.
        launcher.wait_for_selector("#jupyterlab-splash", state="detached")
        launcher.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        launcher.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
        assert launcher.locator(".awlab-lab").evaluate(CONTRAST) > 4.5
    card(launcher, "Start here").click()
    launcher.wait_for_url("**/tree/00_start_here.ipynb*")
    launcher.locator(".jp-NotebookPanel h1", has_text="Start here").wait_for()


def test_a_card_opens_its_widget_and_the_panel_follows_the_kernel(launcher):
    launcher.evaluate("jupyterapp.commands.execute('awlab:panel')")
    panel = launcher.locator(".awlab-lab")
    panel.get_by_text("No awlab in the notebook in front").wait_for()
    card(launcher, "Archive").click()
    launcher.wait_for_selector(".awlab-archive[data-ready=yes]")
    assert "ArchiveStatistics()" in source(launcher)
    kernel = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.name"
    assert launcher.evaluate(kernel) == "awe"
    panel.get_by_text("objects", exact=True).wait_for()
    panel.get_by_role("heading", name="New").wait_for()
    # By keyboard: an object that is new, shown below what is there.
    panel.get_by_role("button", name="ReducedScienceFrame").first.focus()
    launcher.keyboard.press("Enter")
    launcher.wait_for_selector(".awlab-quality[data-ready=yes]")
    assert launcher.locator(".awlab-archive").count() == 1
    panel.get_by_role("button", name="Jobs").click()
    launcher.wait_for_selector(".awlab-jobs[data-ready=yes]")
    assert launcher.locator(".jp-Notebook .jp-CodeCell").count() >= 3
    assert launcher.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0


def test_the_sky_by_aladin_lite_and_ipyaladin(launcher, small_night, aladin_library):
    place = small_night / "assets" / f"aladin-lite-{library_version()}"
    shutil.copytree(aladin_library, place)
    try:
        card(launcher, "Frames on the sky").click()
        launcher.wait_for_selector(".awlab-sky[data-ready=yes] [data-engine=Aladin] canvas")
        launcher.locator(".awlab-sky .awlab-grid").focus()
        launcher.keyboard.press("ArrowDown")
        launcher.get_by_text("ReducedScienceFrame(object_id=").wait_for()
        launcher.get_by_label("images").check()
        # No more than so many at a time: then it says what to do for the others.
        launcher.wait_for_function(
            "/^(images of .*)?$/.test(document.querySelector('.awlab-sky-told').textContent)"
        )
        assert not launcher.locator(".awlab-failure").is_visible()
        # The library is in the page now: ipyaladin takes the same.
        launcher.evaluate(RUN, TABLE)
        launcher.wait_for_selector(".aladin-widget canvas")
        launcher.wait_for_function("document.querySelector('.aladin-widget canvas').width > 100")
        told = "(sky._is_loaded, sky.overlays)"
        for _ in range(20):  # what the page has done travels to the kernel first
            if launcher.evaluate(ASK, told) == "(True, ['two'])":
                break
        assert launcher.evaluate(ASK, told) == "(True, ['two'])"
    finally:
        shutil.rmtree(place)
