"""The lineage tree in a bare page: opened, walked by keyboard, searched, exported."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import commit_objects, persistent
from awlab.backend.datamodel import Chip, Instrument
from awlab.backend.dataserver import write_image
from awlab.backend.process import ProcessTarget
from awlab.backend.targets import BiasFrame
from awlab.widgets import LineageTree

FIRST = "raw <b>0</b>"


class ViewRaw(ProcessTarget):
    """Raw data."""

    _raw_data = True
    name = persistent("Name", str, "")
    DATE_OBS = persistent("When", datetime)


class ViewBias(ProcessTarget):
    """Made from raw frames."""

    raws = persistent("Raw frames", ViewRaw, [])
    level = persistent("Level [ADU]", float)


class ViewFrame(ProcessTarget):
    """Made from a bias."""

    bias = persistent("Bias", ViewBias)


@pytest.fixture(scope="module")
def house(database):
    raws = [ViewRaw(name=f"raw <b>{i}</b>") for i in range(250)]
    for raw in raws:  # one by one: their order is that of their numbers
        raw.commit()
    bias = ViewBias(raws=raws, level=2.5)
    frames = [ViewFrame(bias=bias) for _ in range(3)]
    commit_objects(frames)
    return bias, frames, raws


@pytest.fixture
def tree(house, show):
    """The tree of a bias, opened."""
    widget = LineageTree(house[0], height=300)
    page = show(LineageTree, widget.answer, {"height": 300})
    page.wait_for_selector("[data-ready=yes]")
    page.widget = widget
    return page


def row(page, text):
    return page.locator("[role=treeitem]", has_text=text).first


def test_it_opens_by_class_with_states(tree):
    assert row(tree, "ViewBias").get_attribute("aria-level") == "1"
    row(tree, "up to date").wait_for()
    assert "250 ViewRaw" in row(tree, "raws").inner_text()
    tree.get_by_text("made from 250 objects: 250 ViewRaw").wait_for()
    assert "2.5 adu" in tree.locator(".awlab-lineage-panel").inner_text()


def test_by_keyboard_with_one_tab_stop(tree, house):
    box = tree.locator("[role=tree]")
    assert tree.locator("[role=tree] [tabindex='0']").count() == 0
    box.focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight"):
        tree.keyboard.press(key)
    row(tree, FIRST).wait_for()
    tree.keyboard.press("ArrowDown")
    active = tree.locator("#" + box.get_attribute("aria-activedescendant"))
    assert active.get_attribute("aria-level") == "4"
    assert active.get_attribute("aria-selected") == "true"
    tree.locator(".awlab-lineage-title", has_text=FIRST).wait_for()
    assert tree.widget.selection == house[2][0]
    tree.keyboard.press("ArrowLeft")
    tree.keyboard.press("ArrowLeft")
    assert row(tree, "raws").get_attribute("aria-expanded") == "false"


def test_few_rows_are_in_the_page_however_many_there_are(tree):
    row(tree, "raws").dblclick()
    row(tree, FIRST).wait_for()
    tree.locator("[role=tree]").focus()
    tree.keyboard.press("End")
    for _ in range(2):
        tree.keyboard.press("Home")
        for _ in range(4):
            tree.keyboard.press("PageDown")
    assert tree.locator("[role=treeitem]").count() < 40
    assert row(tree, "<b>").get_attribute("aria-setsize") == "101"  # a page, and "more"


def test_more_is_read_when_asked_for(tree):
    row(tree, "raws").dblclick()
    row(tree, FIRST).wait_for()
    tree.locator("[role=tree]").evaluate("box => { box.scrollTop = 100 * 26 }")
    row(tree, "show more").dblclick()
    tree.wait_for_function(
        "document.querySelector('[aria-level=\"4\"]').getAttribute('aria-setsize') === '201'"
    )


def test_downstream_and_group_as_query(tree, house):
    row(tree, "used for").dblclick()
    row(tree, "3 ViewFrame").click()
    tree.locator(".awlab-code", has_text="ViewFrame.bias == ViewBias").wait_for()
    assert set(tree.widget.selection) == set(house[1])


def test_search_and_way(house, show):
    frame = house[1][0]
    widget = LineageTree(frame)
    page = show(LineageTree, widget.answer, {"height": 420})
    page.wait_for_selector("[data-ready=yes]")
    page.get_by_role("searchbox").fill(house[2][180].object_id)
    page.keyboard.press("Enter")
    page.locator(".awlab-lineage-hits button").click()
    page.get_by_text("path: ViewFrame → ViewBias → ViewRaw").wait_for()
    marked = page.locator(".awlab-marked")
    assert [text.split("\n")[-1] for text in marked.all_inner_texts()][-1] == "raw <b>180</b>"
    page.get_by_role("button", name="clear path").click()
    assert marked.count() == 0


def test_the_drawing_as_png(tree, tmp_path):
    with tree.expect_download() as found:
        tree.get_by_role("button", name="save PNG").click()
    assert found.value.suggested_filename == "lineage.png"
    found.value.save_as(tmp_path / "it.png")
    content = (tmp_path / "it.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    drawn = ET.fromstring(tree.widget.state.drawing())
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (2 * int(drawn.get("width")), 2 * int(drawn.get("height")))


def test_two_objects_are_compared(tree, house):
    row(tree, "used for").dblclick()
    row(tree, "3 ViewFrame").dblclick()
    first = tree.locator("[role=treeitem][aria-level='4']").nth(0)
    first.click()
    tree.locator(".awlab-lineage-title", has_text=house[1][0].object_id).wait_for()
    assert not tree.get_by_role("button", name="difference from").is_visible()
    tree.get_by_role("button", name="mark to compare").click()
    tree.locator("[role=treeitem][aria-level='4']").nth(1).click()
    tree.get_by_role("button", name="difference from").click()
    told = tree.get_by_role("region", name="Difference of two objects")
    told.get_by_text("they are equal").wait_for()
    assert "explain(ViewFrame(" in told.inner_text()
    row(tree, "ViewBias").click()
    tree.locator("button:disabled", has_text="difference from").wait_for()
    told.get_by_role("button", name="close").click()
    assert not told.is_visible()


def test_a_difference_is_told_down_to_its_reason(house, show):
    raws = house[2]
    other = ViewFrame(bias=ViewBias(raws=raws[:3], level=9.0)).commit()
    widget = LineageTree(raws[0])
    page = show(LineageTree, widget.answer, {"height": 400})
    page.wait_for_selector("[data-ready=yes]")
    row(page, "used for").dblclick()
    row(page, "2 ViewBias").dblclick()
    biases = page.locator("[role=treeitem][aria-level='4']")
    for i in range(2):
        biases.nth(i).click()
        page.locator(".awlab-lineage-title", has_text="ViewBias").wait_for()
        if not i:
            page.get_by_role("button", name="mark to compare").click()
    page.get_by_role("button", name="difference from").click()
    told = page.get_by_role("region", name="Difference of two objects")
    told.get_by_role("row", name="result level 2.5 9.0").wait_for()
    assert "247 only here" in told.inner_text()
    assert other.bias.level == 9.0


@pytest.fixture
def pictured(database, tmp_path, show):
    """The tree of a bias with pixels."""
    chip = Chip(name="ccd50", instrument=Instrument(name="VIEWPIX")).commit()
    write_image(tmp_path / "a.fits", np.arange(90 * 60, dtype=np.float32).reshape(90, 60))
    bias = BiasFrame(tmp_path / "a.fits", instrument=chip.instrument, chip=chip).store().commit()
    page = show(LineageTree, LineageTree(bias).answer, {"height": 400})
    page.wait_for_selector("[data-ready=yes]")
    return page


def test_a_thumbnail_stands_in_the_side_panel(pictured):
    picture = pictured.get_by_role("img", name="image of Cal-")
    picture.wait_for()
    levels = picture.evaluate(
        """(canvas) => [1, canvas.height - 2].map(
            (y) => canvas.getContext("2d").getImageData(5, y, 1, 1).data[0])"""
    )
    assert levels[0] > levels[1]  # the last row on top
    pictured.get_by_text("60 × 90 pixel").wait_for()


@pytest.mark.parametrize(("label", "ending"), [("save PROV", ".json"), ("save SVG", ".svg")])
def test_exports(tree, label, ending, tmp_path):
    with tree.expect_download() as found:
        tree.get_by_role("button", name=label).click()
    assert found.value.suggested_filename.endswith(ending)
    found.value.save_as(tmp_path / "it")
    assert "ViewRaw" in (tmp_path / "it").read_text()


def test_copy_as_python(tree, house):
    tree.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tree.get_by_role("button", name="copy as Python").click()
    tree.get_by_role("button", name="copied").wait_for()
    text = tree.evaluate("navigator.clipboard.readText()")
    assert text == f"ViewBias(object_id='{house[0].object_id}')"


def test_a_failure_is_one_line_and_the_rest_goes_on(house, show):
    widget = LineageTree(house[0])

    def answer(op, words):
        if op == "members":
            raise ConnectionError("the database is gone")
        return widget.answer(op, words)

    page = show(LineageTree, answer, {"height": 300})
    page.wait_for_selector("[data-ready=yes]")
    row(page, "raws").dblclick()
    page.get_by_role("alert").filter(has_text="the database is gone").wait_for()
    row(page, "ViewBias").click()
    page.locator(".awlab-lineage-title", has_text="ViewBias").wait_for()


def test_keys_do_not_reach_lab(tree):
    tree.evaluate("window.heard = []; addEventListener('keydown', (e) => window.heard.push(e.key))")
    tree.locator("[role=tree]").focus()
    for key in ("a", "b", "d", "ArrowDown", "Enter"):
        tree.keyboard.press(key)
    assert tree.evaluate("window.heard") == []
    assert tree.locator(".awlab-w").get_attribute("data-lm-suppress-shortcuts") == "true"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1360, 860, 480])
def test_nothing_sticks_out(house, show, dark, width):
    page = show(LineageTree, LineageTree(house[0]).answer, {"height": 300}, width=width, dark=dark)
    page.wait_for_selector("[data-ready=yes]")
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width
    assert page.locator(".awlab-w").get_attribute("data-dark") == ("yes" if dark else "no")
