"""The object maker and the job monitor in a bare page: clicks, keys, a run that is followed."""

from __future__ import annotations

import threading
from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import create_job, persistent, update_job, update_target
from awlab.backend.datamodel import Chip, Filter, Instrument, RawBiasFrame, RawScienceFrame, utc_now
from awlab.backend.dataserver import write_image
from awlab.backend.process import Calibration, ProcessParameters, ProcessTarget
from awlab.widgets import JobMonitor, TargetProcessor

NIGHT = "2000-04-28"
GATE = threading.Event()


class PageBiasParameters(ProcessParameters):
    """Parameters of the bias."""

    OFFSET = persistent("Added <b>here</b> [ADU]", float, 0.0)


class PageBias(Calibration):
    """Counts the biases of a night."""

    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", PageBiasParameters)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = len(self.raw_bias) + self.process_params.OFFSET


class PageFrame(ProcessTarget):
    """One science frame; it is made when the test says so."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", PageBias)
    level = persistent("Level", float)

    def make(self):
        assert GATE.wait(60)
        self.level = self.bias.level


@pytest.fixture(scope="module")
def camera(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raws")
    camera = Instrument(name="PAGE", timezone=0.0).commit()
    band = Filter(instrument=camera, name="#P").commit()
    for c in range(2):
        chip = Chip(instrument=camera, name=f"page{c}").commit()
        for i in range(3):
            cls = RawBiasFrame if i < 1 else RawScienceFrame
            path = folder / f"{c}-{i}.fits"
            write_image(path, np.full((4, 4), 10.0 * c + i, dtype=np.float32), {})
            more = {"filter": band, "OBJECT": f"<i>{i}</i>"} if cls is RawScienceFrame else {}
            cls(
                path, instrument=camera, chip=chip, night=NIGHT, NAXIS1=4, NAXIS2=4,
                DATE_OBS=datetime(2000, 4, 28, 23, i), **more,
            ).store().commit()  # fmt: skip
    return camera


def opened(show, cls, widget, height, **more):
    """Show a widget whose messages are kept until the page is told (`tell`)."""
    widget.sent = []
    widget.send = lambda content, buffers=None: widget.sent.append(content)
    page = show(cls, widget.answer, {"height": height}, **more)
    page.wait_for_selector("[data-ready=yes]")
    page.widget = widget
    return page


def tell(page, wanted):
    """Hand on what the widget's thread says until a selector is met."""
    for _ in range(600):
        while page.widget.sent:
            page.evaluate("message => window.model.tell(message)", page.widget.sent.pop(0))
        if page.locator(wanted).count():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{wanted} did not come")


@pytest.fixture
def maker(camera, show):
    GATE.clear()
    widget = TargetProcessor(PageFrame, instrument="PAGE", height=240)
    page = opened(show, TargetProcessor, widget, 240)
    yield page
    GATE.set()
    if widget._follower is not None:
        widget._follower.wait(60)
    widget.close()


def planned(page):
    page.get_by_role("button", name="show targets").click()
    page.locator("[role=treeitem]", has_text="PageFrame").first.wait_for()


def row(page, text):
    return page.locator("[role=treeitem]", has_text=text).first


def test_the_tree_by_keyboard(maker):
    maker.get_by_label("night").fill(NIGHT)
    maker.get_by_label("night").press("Enter")
    row(maker, "bias").wait_for()  # the first target is opened
    assert "to be built" in row(maker, "PageFrame").inner_text()
    maker.get_by_text("6 of 6 to be made").wait_for()
    tree = maker.get_by_role("tree")
    assert tree.locator("[tabindex='0']").count() == 0
    tree.focus()
    for key in ("Home", "ArrowDown", " "):
        maker.keyboard.press(key)
    # Without its bias no frame of the chip is made.
    maker.get_by_text("3 of 6 to be made").wait_for()
    assert row(maker, "PageFrame").get_attribute("aria-checked") == "false"
    assert row(maker, "PageBias").get_attribute("aria-checked") == "false"
    maker.get_by_role("button", name="check on all chips").click()
    maker.get_by_text("4 of 6 to be made").wait_for()
    maker.keyboard.press("Shift+Tab")
    maker.get_by_role("button", name="uncheck all", exact=True).click()
    maker.get_by_text("nothing is checked").wait_for()
    assert maker.get_by_role("button", name="process here").is_disabled()


def test_parameters_are_marked_and_refused(maker):
    maker.get_by_role("tab", name="process parameters").click()
    field = maker.get_by_label("PageBias OFFSET", exact=True)
    field.fill("much")
    field.press("Tab")
    maker.locator(".awlab-failure", has_text="'much' is no float").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("2.5")
    field.press("Tab")
    maker.get_by_text("● changed, default 0.0").wait_for()
    maker.get_by_text("1 parameter changed").wait_for()
    assert maker.locator(".awlab-parameters-doc", has_text="Added <b>here</b>").count() == 1
    planned(maker)
    code = maker.get_by_label("The same in Python")
    assert "PageBias.process_params.OFFSET': 2.5" in code.inner_text()
    maker.get_by_role("tab", name="process parameters").click()
    maker.get_by_role("button", name="reset PageBias OFFSET").click()
    maker.wait_for_function("!document.querySelector('.awlab-processor-changes').textContent")
    assert maker.widget.parameters.asked() == {}


def test_chips_and_class(maker):
    assert maker.get_by_label("page1").is_disabled()
    maker.get_by_label("all chips").uncheck()
    maker.get_by_label("page1").check()
    maker.get_by_label("object").fill("<i>2</i>")
    planned(maker)
    maker.get_by_text("2 of 2 to be made").wait_for()
    assert "page1" in row(maker, "PageFrame").inner_text()
    maker.get_by_label("target", exact=True).select_option("PageBias")
    assert maker.get_by_label("object").is_disabled()
    assert maker.get_by_label("filter").is_disabled()
    maker.get_by_label("night").fill("")
    maker.get_by_role("button", name="show targets").click()
    maker.locator(".awlab-failure", has_text="date is missing").wait_for()


def test_a_run_is_followed_to_its_products(maker):
    maker.get_by_label("object").fill("<i>1</i>")
    planned(maker)
    maker.get_by_text("4 of 4 to be made").wait_for()
    maker.get_by_label("worker processes").fill("0")
    maker.get_by_role("button", name="process here").click()
    # While it runs every target has a state of its own, and nothing else can be started.
    tell(maker, "[role=treeitem]:has-text('PageFrame'):has-text('running')")
    assert "finished" in row(maker, "PageBias").inner_text()
    assert maker.get_by_role("button", name="process here").is_disabled()
    assert maker.get_by_role("progressbar").get_attribute("max") == "4"
    maker.get_by_role("tab", name="log").click()
    assert (
        "PageBias page0 2000-04-28: finished" in maker.get_by_label("Log", exact=True).inner_text()
    )
    # The kernel answers meanwhile.
    maker.get_by_role("button", name="whole log").click()
    maker.get_by_label("Log", exact=True).get_by_text("running").wait_for()
    GATE.set()
    tell(maker, ".awlab-processor-products li:nth-child(2)")
    maker.get_by_text("4 of 4", exact=False).last.wait_for()
    products = maker.locator(".awlab-processor-products li")
    assert products.count() == 2
    assert len(maker.widget.selection) == 2
    products.first.get_by_role("button", name="lineage").click()
    code = maker.get_by_label("The same in Python")
    maker.wait_for_function(
        "document.querySelector('[aria-label=\"The same in Python\"]').textContent"
        ".startsWith('LineageTree(PageFrame(object_id=')"
    )
    assert maker.widget.selection.object_id in code.inner_text()
    maker.get_by_text("the run is over").wait_for()
    planned(maker)
    maker.get_by_text("nothing has to be made").wait_for()


def test_a_run_is_cancelled(maker):
    maker.get_by_label("object").fill("<i>2</i>")
    planned(maker)
    maker.get_by_label("worker processes").fill("0")
    maker.get_by_role("button", name="process here").click()
    tell(maker, "[role=treeitem]:has-text('running')")
    maker.get_by_role("button", name="cancel").click()
    maker.widget.run.job._cancelled.wait(20)
    GATE.set()
    tell(maker, ".awlab-state:has-text('cancelled')")
    maker.locator(".awlab-processor-error", has_text="cancelled").wait_for()
    assert maker.get_by_role("button", name="cancel").is_hidden()


@pytest.mark.parametrize(("width", "dark"), [(1360, False), (860, True), (560, True)])
def test_nothing_sticks_out(camera, show, width, dark):
    widget = TargetProcessor(PageFrame, instrument="PAGE")
    page = opened(show, TargetProcessor, widget, 240, width=width, dark=dark)
    planned(page)
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width


# -- the monitor ---------------------------------------------------------------------------


@pytest.fixture
def number(database):
    number = create_job("Reduce <b>", {"date": NIGHT}, [("A", "A ccd50"), ("B", "B ccd51")])
    update_job(number, status="running", started=utc_now())
    yield number
    update_job(number, status="finished", finished=utc_now())


@pytest.fixture
def monitor(number, show, monkeypatch):
    monkeypatch.setattr("awlab.widgets.job_monitor.widget._PAUSE", 0.1)
    widget = JobMonitor(height=200)
    yield opened(show, JobMonitor, widget, 200)
    widget.close()


def test_jobs_by_keyboard_live_and_cancelled(monitor, number):
    jobs = monitor.get_by_role("listbox", name="Jobs")
    jobs.focus()
    monitor.keyboard.press("ArrowDown")
    monitor.locator(".awlab-jobs-title", has_text=f"job {number}: Reduce <b>").wait_for()
    active = monitor.locator("#" + jobs.get_attribute("aria-activedescendant"))
    assert active.get_attribute("aria-label") == f"job {number}, Reduce <b>, running, 0 of 2"
    assert monitor.widget.selection.number == number
    update_target(number, 0, status="failed", message="no <i>flat</i>")
    tell(monitor, ".awlab-jobs-message")
    assert monitor.locator(".awlab-jobs-message").inner_text() == "no <i>flat</i>"
    tell(monitor, f"[data-job='{number}']:has-text('1 failed')")
    monitor.get_by_role("button", name="cancel the job").click()
    monitor.locator(f"[data-job='{number}'][aria-label*=cancelled]").wait_for()
    monitor.get_by_role("button", name="cancel the job").wait_for(state="hidden")


def test_without_jobs(show, database, monkeypatch):
    monkeypatch.setattr(
        "awlab.widgets.job_monitor.widget.job_cards", lambda: {"jobs": [], "told": "no jobs yet"}
    )
    page = opened(show, JobMonitor, JobMonitor(height=200), 200)
    page.locator(".awlab-jobs-empty", has_text="no jobs yet").wait_for()
    page.widget.close()
