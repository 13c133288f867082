"""The widgets in a real JupyterLab on a real database: one notebook, keyboard and mouse."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from awlab.backend.datamodel import Chip, Instrument, RawBiasFrame, RawScienceFrame
from awlab.backend.dataserver import write_image

REPOSITORY = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow

CODE = """from awlab import *
from awlab.widgets import LineageTree, QueryBuilder, TrendPlot
connect()
import sys
sys.path.insert(0, {folder!r})
from lab_things import LabFrame
p = TrendPlot(LabFrame, "level", "when", by="chip.name", height=300)
q = QueryBuilder(LabFrame, height=200)
t = LineageTree(LabFrame.select_all()[0], height=200)
display(p, q, t)"""
MAKING = """from awlab import *
from awlab.widgets import CalibrationTimeline, JobMonitor, TargetProcessor
connect()
import sys
sys.path.insert(0, {folder!r})
from lab_things import LabBias, LabProduct
c = CalibrationTimeline(LabBias, instrument="LAB", height=150)
m = TargetProcessor(LabProduct, instrument="LAB", date="2000-01-01", height=150)
j = JobMonitor(height=120)
display(c, m, j)"""
LOOKING = """from awlab import *
from awlab.backend.targets import Place, SourceTrace
from awlab.widgets import ArchiveStatistics, QualityPage, SourceLineage
connect()
frames = list(RawScienceFrame.instrument.name == "LAB")
frame = frames[0]
where = [Place("raw", f.filename, "RawScienceFrame", f.object_id, f.filename, 2.0, 2.0)
         for f in frames]
v = QualityPage(frame)
s = SourceLineage([SourceTrace(7, 1, 1.5, -2.5, tuple(where))])
a = ArchiveStatistics()
display(v, s, a)"""
CLASSES = '''"""Classes of the test, as a user's module has them."""
from datetime import datetime

from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Judged, RawBiasFrame, RawScienceFrame
from awlab.backend.process import Calibration, ProcessTarget


class LabRaw(Judged):
    """Raw."""

    _raw_data = True
    name = persistent("Name", str, "")


class LabFrame(Judged):
    """A frame."""

    raw = persistent("Raw", LabRaw)
    chip = persistent("Chip", Chip)
    level = persistent("Level [ADU]", float)
    when = persistent("When", datetime)


class LabBias(Calibration):
    """Counts biases."""

    REQUIREMENT = "541+9"
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    level = persistent("Level", float)

    def make(self):
        self.level = float(len(self.raw_bias))


class LabProduct(ProcessTarget):
    """Made from a raw frame and a bias."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", LabBias)
    level = persistent("Level", float)

    def make(self):
        self.level = self.bias.level
'''


@pytest.fixture(scope="module")
def folder(database, tmp_path_factory):
    """A folder with a notebook, and a few objects in the database."""
    found = tmp_path_factory.mktemp("lab")
    (found / "lab_things.py").write_text(CLASSES)
    sys.path.insert(0, str(found))
    from lab_things import LabFrame, LabRaw

    sys.path.remove(str(found))
    chip = Chip(name="lab0", instrument=Instrument(name="LAB")).commit()
    for i in range(30):
        start = datetime(2000, 1, 1) + timedelta(minutes=i)
        raw = LabRaw(name=f"raw{i}")
        LabFrame(raw=raw, chip=chip, level=float(i), when=start).commit()
    take_raw_frames(found, chip)
    for name, code in (("it", CODE), ("making", MAKING), ("looking", LOOKING)):
        cell = {
            "cell_type": "code", "source": code.format(folder=str(found)), "metadata": {},
            "outputs": [], "execution_count": None, "id": "a",
        }  # fmt: skip
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {
            "cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4,
            "nbformat_minor": 5,
        }  # fmt: skip
        (found / f"{name}.ipynb").write_text(json.dumps(notebook))
    return found


def take_raw_frames(folder, chip):
    """A bias and two science frames of one night."""
    for i, cls in enumerate((RawBiasFrame, RawScienceFrame, RawScienceFrame)):
        path = folder / f"{i}.fits"
        write_image(path, np.full((4, 4), float(i), dtype=np.float32), {})
        cls(
            path, instrument=chip.instrument, chip=chip, night="2000-01-01", NAXIS1=4, NAXIS2=4,
            DATE_OBS=datetime(2000, 1, 1, 23, i),
        ).store().commit()  # fmt: skip


@pytest.fixture(scope="module")
def lab(folder, server_home, tmp_path_factory):
    """A JupyterLab of our own on the loopback interface, in a process group that ends with us."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = tmp_path_factory.mktemp("jupyter")
    settings = own / "settings" / "@jupyterlab"
    for plugin, values in (
        ("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False}),
        ("notebook-extension/tracker", {"windowingMode": "defer"}),
    ):
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    environment = os.environ | {
        "AWLAB_HOME": str(server_home), "PYTHONPATH": str(REPOSITORY),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--port={port}",
        "--ip=127.0.0.1", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    with (own / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api", process)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(url, process):
    for _ in range(240):
        assert process.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("JupyterLab does not answer")


def run_notebook(page, lab, name):
    page.set_default_timeout(60_000)
    page.goto(f"{lab}/doc/tree/{name}.ipynb")
    page.wait_for_selector(".jp-Notebook")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


@pytest.fixture
def notebook(lab, page):
    """The notebook, run."""
    run_notebook(page, lab, "it")
    page.wait_for_selector(".awlab-lineage[data-ready=yes]")
    page.wait_for_selector(".awlab-query[data-ready=yes]")
    return page


def ask(page, expression):
    """Evaluate an expression in the notebook's kernel."""
    text = page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const request = { code: "", user_expressions: { it: code } };
            const future = kernel.requestExecute(request, true);
            const reply = await future.done;
            return reply.content.user_expressions.it.data?.["text/plain"] ?? "failed";
        }""",
        expression,
    )
    return text


def test_keyboard_mouse_and_selection(notebook):
    page = notebook
    # the tree answers keys that Lab also has a use for
    page.locator(".awlab-lineage .awlab-tree").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    page.locator(".awlab-lineage [role=treeitem]", has_text="raw0").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator(".awlab-lineage-title", has_text="LabRaw").wait_for()
    told = ""
    for _ in range(20):  # the key has to travel to the kernel first
        told = ask(page, "t.selection.name")
        if told == "'raw0'":
            break
    assert told == "'raw0'"
    # a condition
    page.locator(".awlab-query").get_by_label("Filter the attributes").fill("level")
    page.locator(".awlab-query [aria-setsize='3'][data-key=level]").click()
    page.locator(".awlab-query").get_by_role("button", name="+ condition").click()
    page.keyboard.type("7")
    page.get_by_text("rows 1 to 1 of 1").wait_for()
    assert ask(page, "[f.level for f in q.selection]") == "[7.0]"
    # a range by the mouse
    page.get_by_role("button", name="select", exact=True).click()
    page.wait_for_selector(".bqplot.figure .selector, .bqplot.figure .overlay")
    box = page.locator(".bqplot.figure").first.bounding_box()
    page.mouse.move(box["x"] + 85, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 150, steps=4)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 250, steps=4)
    page.mouse.up()
    page.get_by_text(re.compile(r"\d+ selected")).wait_for()
    assert 3 < int(ask(page, "len(p.selection)")) < 28
    assert ask(page, "all(f.level < 29 for f in p.selection)") == "True"
    # and by a line around points: a triangle on the left
    page.get_by_role("button", name="lasso", exact=True).click()
    page.locator(".bqplot.figure svg.awlab-lasso").wait_for()
    left, low = box["x"] + 82, box["y"] + box["height"] - 50
    page.mouse.move(left, low)
    page.mouse.down()
    page.mouse.move(left, box["y"] + 20, steps=5)
    page.mouse.move(left + (box["width"] - 100) / 2, low, steps=5)
    page.mouse.up()
    page.locator("code", has_text="select_within").wait_for()
    enclosed = int(ask(page, "len(p.selection)"))
    assert 3 < enclosed < 20
    assert ask(page, "max(f.level for f in p.selection) < 20") == "True"
    page.get_by_role("button", name="show as table").click()
    page.locator(".awlab-result-grid[data-ready=yes]").wait_for()


def test_a_target_is_made_and_its_bias_invalidated(lab, page):
    run_notebook(page, lab, "making")
    for name in ("timeline", "processor", "jobs"):
        page.wait_for_selector(f".awlab-{name}[data-ready=yes]")
    maker = page.locator(".awlab-processor")
    maker.get_by_role("button", name="show targets").click()
    maker.get_by_text("3 of 3 to be made").wait_for()
    maker.get_by_role("button", name="process here").click()
    # Worker processes make it; what they do comes from a thread of the kernel.
    maker.locator(".awlab-processor-products li:nth-child(2)").wait_for()
    assert ask(page, "sorted(f.level for f in m.selection)") == "[1.0, 1.0]"
    assert ask(page, "[bool(f.uptodate()) for f in m.selection]") == "[True, True]"
    # The monitor has heard of it by itself.
    page.locator(".awlab-jobs-row", has_text="LabProduct").get_by_text("finished").wait_for()
    # The bias is invalidated with foresight, and its products turn outdated.
    calts = page.locator(".awlab-timeline")
    calts.get_by_label("only good data").check()
    calts.get_by_text("Total calibration files: 1").wait_for()
    calts.locator(".awlab-bars").focus()
    page.keyboard.press("ArrowDown")
    calts.get_by_label("Verdict").select_option("0")
    calts.get_by_role("button", name="what if?").click()
    calts.get_by_text("2 products would become outdated").wait_for()
    calts.get_by_label("Reason").fill("banding")
    calts.get_by_role("button", name="change it").click()
    calts.get_by_text("Total calibration files: 0").wait_for()
    assert ask(page, "[bool(f.uptodate()) for f in m.selection]") == "[False, False]"
    assert ask(page, "c.selection.history()[0].reason") == "'banding'"


def test_pages_of_one_object_of_sources_and_of_the_archive(lab, page):
    run_notebook(page, lab, "looking")
    for name in ("quality", "sources", "archive"):
        page.wait_for_selector(f".awlab-{name}[data-ready=yes]")
    # The image has come as a buffer, and the pointer reads it out.
    quality = page.locator(".awlab-quality")
    picture = quality.locator("canvas.awlab-picture")
    picture.scroll_into_view_if_needed()
    picture.hover()
    quality.locator(".awlab-picture-told", has_text="value").wait_for()
    quality.get_by_label("comment or reason").fill("seen in the lab")
    quality.get_by_role("button", name="comment", exact=True).click()
    quality.locator(".awlab-quality-remarks", has_text="seen in the lab").wait_for()
    assert ask(page, "v.selection.comments()[0].content") == "'seen in the lab'"
    # Cut-outs of the source in both exposures; a click is the frame.
    sources = page.locator(".awlab-sources")
    assert sources.locator("tbody canvas").count() == 2
    sources.locator("tbody canvas").nth(1).click()
    sources.get_by_text("RawScienceFrame(object_id=").wait_for()
    assert ask(page, "s.selection in frames") == "True"
    # What is in the archive, by class.
    archive = page.locator(".awlab-archive")
    archive.get_by_role("tab", name="by class").click()
    archive.get_by_role("button", name="RawScienceFrame", exact=True).click()
    archive.locator(".awlab-code", has_text="RawScienceFrame.select_all()").wait_for()
