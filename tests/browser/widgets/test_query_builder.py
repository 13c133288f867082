"""The query builder in a bare page: chosen by keyboard, typed, paged, saved."""

from __future__ import annotations

import pytest

from awlab.backend.database import DBObject, persistent, register_bulk
from awlab.backend.datamodel import Chip, Instrument
from awlab.widgets import QueryBuilder, ResultGrid


class FormFrame(DBObject):
    """A frame of the form."""

    title = persistent("Title <i>", str, "")
    chip = persistent("Chip", Chip)
    level = persistent("Level [ADU]", float)


@pytest.fixture(scope="module")
def frames(database):
    chips = [Chip(name=f"form{i}", instrument=Instrument(name="FORM")).commit() for i in (0, 1)]
    register_bulk(
        FormFrame,
        {
            "title": [f"<b>{i:04}</b>" for i in range(1000)],
            "chip": [chips[i % 2]._id for i in range(1000)],
            "level": [float(i) for i in range(1000)],
        },
    )


@pytest.fixture
def form(frames, show):
    widget = QueryBuilder(FormFrame, height=240)
    page = show(QueryBuilder, widget.answer, {"height": 240})
    page.wait_for_selector("[data-ready=yes]")
    page.widget = widget
    return page


def settled(page):
    page.wait_for_function("document.querySelector('.awlab-w').dataset.ready === 'yes'")


def pick(page, text):
    """Choose an attribute by filtering and Enter."""
    page.get_by_label("Filter the attributes").fill(text)
    page.wait_for_selector(f"[role=treeitem][aria-posinset='1']:has-text('{text}')")
    page.get_by_label("Filter the attributes").press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")


def test_it_opens_with_rows_and_words(form):
    form.get_by_text("rows 1 to 200 of 1,000").wait_for()
    assert form.locator("[role=columnheader]", has_text="level").inner_text() == "level\n[adu]"
    assert form.locator("[role=gridcell]", has_text="<b>0999</b>").count() == 1
    form.get_by_role("tab", name="Python").click()
    assert form.get_by_label("The query as Python").inner_text() == "FormFrame.select_all()"


def test_a_condition_by_keyboard_alone(form):
    pick(form, "level")
    form.keyboard.type("7")
    form.get_by_text("rows 1 to 1 of 1").wait_for()
    assert str(form.widget.selection) == "FormFrame.level == 7.0"
    form.get_by_label("how to compare level").select_option("between")
    form.get_by_label("upper value of level").fill("9")
    form.get_by_text("rows 1 to 3 of 3").wait_for()
    form.get_by_label("remove the condition on level").click()
    form.get_by_text("rows 1 to 200 of 1,000").wait_for()


def test_values_are_offered(form):
    form.locator("[role=treeitem]", has_text="chip").click()
    form.get_by_role("button", name="+ condition").click()
    form.wait_for_selector("datalist option[value=form1]", state="attached")
    form.keyboard.type("form1")
    form.get_by_text("of 500").wait_for()


def test_groups(form):
    form.get_by_role("button", name="+ group").click()
    for value in ("3", "5"):
        pick(form, "level")
        form.keyboard.type(value)
    form.get_by_text("rows 1 to 2 of 2").wait_for()
    assert str(form.widget.selection) == "(FormFrame.level == 3.0) | (FormFrame.level == 5.0)"


def test_what_is_half_typed_is_one_line(form):
    pick(form, "level")
    form.keyboard.type("many")
    form.get_by_role("alert").filter(has_text="'many' is not a float").wait_for()
    form.keyboard.press("Control+a")
    form.keyboard.type("4")
    form.get_by_text("rows 1 to 1 of 1").wait_for()
    assert form.get_by_role("alert").count() == 0


def test_rows_come_as_one_scrolls(form):
    grid = form.get_by_role("grid", name="Rows of the query")
    grid.focus()
    form.keyboard.press("End")
    form.get_by_text("rows 1 to 400 of 1,000").wait_for()
    assert form.locator("[role=row]").count() < 40
    form.keyboard.press("ArrowRight")
    active = form.locator("#" + grid.get_attribute("aria-activedescendant"))
    assert active.get_attribute("aria-colindex") == "2"


def test_sorting_by_head_and_key(form):
    form.locator("[role=columnheader]", has_text="level").click()
    form.locator("[role=gridcell]", has_text="<b>0000</b>").wait_for()
    head = form.locator("[role=columnheader]", has_text="level")
    assert head.get_attribute("aria-sort") == "ascending"
    head.click()
    form.locator("[role=gridcell]", has_text="<b>0999</b>").wait_for()
    assert head.get_attribute("aria-sort") == "descending"


def test_a_row_is_chosen_and_leads_on(form):
    form.locator("[role=gridcell]", has_text="<b>0998</b>").click()
    form.locator(".awlab-code", has_text="FormFrame(object_id=").wait_for()
    form.wait_for_timeout(200)  # the answer of the kernel is on its way
    assert form.widget.row.title == "<b>0998</b>"
    form.locator("[role=gridcell]", has_text="lineage").nth(1).click()
    form.locator(".awlab-code", has_text="LineageTree(FormFrame(object_id='").wait_for()


def test_columns_are_chosen(form):
    pick(form, "chip")
    form.locator("[role=treeitem]", has_text="chip").first.click()
    form.get_by_role("button", name="+ column").click()
    form.locator("[role=columnheader]", has_text="chip").nth(1).wait_for()
    form.get_by_label("remove the column title").click()
    heads = form.locator("[role=columnheader]", has_text="title")
    heads.wait_for(state="detached")


def test_another_class(form):
    form.get_by_label("Class").select_option("Chip")
    form.locator("[role=columnheader]", has_text="read_noise").wait_for()
    assert form.widget.selection.root is Chip


def test_free_sql(form):
    form.get_by_role("tab", name="free SQL").click()
    form.get_by_label("A reading SQL statement").fill("select count(*) as n from formframe")
    form.keyboard.press("Control+Enter")
    form.locator("[role=gridcell]", has_text="1000").wait_for()
    form.get_by_label("A reading SQL statement").fill("delete from formframe")
    form.get_by_role("button", name="run").click()
    form.get_by_role("alert").filter(has_text="free SQL").wait_for()


def test_nothing_fits_is_said(form):
    pick(form, "title")
    form.keyboard.type("no such title")
    form.get_by_role("tabpanel", name="rows").get_by_text("no rows: nothing fits").wait_for()


@pytest.mark.parametrize("width", [1360, 860, 420])
def test_nothing_sticks_out(frames, show, width):
    page = show(QueryBuilder, QueryBuilder(FormFrame).answer, {"height": 240}, width=width)
    page.wait_for_selector("[data-ready=yes]")
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width


def test_the_grid_alone(frames, show):
    widget = ResultGrid(FormFrame.level < 10, ["title", "level"])
    page = show(ResultGrid, widget.answer, {"height": 240}, width=600)
    page.get_by_text("rows 1 to 10 of 10").wait_for()
    page.locator("[role=gridcell]", has_text="<b>0003</b>").click()
    page.locator(".awlab-code", has_text="FormFrame(object_id=").wait_for()
