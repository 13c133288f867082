"""The calibration timeline in a bare page: bars, keys, the table, a change with foresight."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from awlab.backend.database import DBObject, persistent
from awlab.backend.datamodel import Chip, Instrument
from awlab.backend.process import Calibration, ProcessTarget
from awlab.widgets import CalibrationTimeline


class ShownFlat(Calibration):
    """A calibration."""

    REQUIREMENT = "546+8"
    level = persistent("Level", float, 1.0)


class ShownFrame(ProcessTarget):
    """Made with a flat."""

    chip = persistent("Chip", Chip)
    flat = persistent("Flat", ShownFlat)


@pytest.fixture(scope="module")
def house(database):
    instrument = Instrument(name="SHOWN")
    chips = [Chip(name=f"shown{i}", instrument=instrument).commit() for i in (0, 1)]
    start = datetime(2000, 7, 3)
    flats = []
    for i in range(60):
        day = start + timedelta(days=i)
        flats.append(
            ShownFlat(
                instrument=instrument, chip=chips[i % 2], timestamp_start=day, level=float(i),
                timestamp_end=day + timedelta(days=3), creation_date=datetime(2005, 1, 1, 0, i),
                quality_flags=int(i == 4),
            ).commit()
        )  # fmt: skip
    flats[6].set_valid(0, "banding")
    frame = ShownFrame(chip=chips[0], flat=flats[0]).commit()
    return flats, frame


@pytest.fixture
def calts(house, show):
    widget = CalibrationTimeline(ShownFlat, instrument="SHOWN", height=300)
    page = show(CalibrationTimeline, widget.answer, {"height": 300}, width=1360)
    page.wait_for_selector("[data-ready=yes]")
    page.widget = widget
    return page


def bar(page, i):
    return page.locator("[role=option]").nth(i)


def test_bars_stand_under_their_chip_with_signs_and_words(calts):
    calts.get_by_text("Total calibration files: 60").wait_for()
    first = bar(calts, 0).get_attribute("title")
    assert first.startswith("SHOWN  shown0, 2000-07-03 00:00 to 2000-07-06 00:00, partly eclipsed")
    # What a row is called is what it shows, and what its bar and its heading say.
    name = r"partly eclipsed.*2000-07-03 00:00 – 2000-07-06 00:00.*SHOWN\s+shown0.*created 20"
    assert calts.get_by_role("option", name=re.compile(name)).count() == 1
    assert calts.locator(".awlab-bars-group").first.inner_text() == "SHOWN shown0"
    # Only rows in sight are in the page.
    assert calts.locator("[role=option]").count() < 30
    # Four styles that differ in pattern or height, each with a word.
    looks = calts.evaluate(
        """() => [...document.querySelectorAll('.awlab-timeline-legend i')].map((key) => {
            const style = getComputedStyle(key);
            return [style.height, style.backgroundImage, style.borderTopStyle].join();
        })"""
    )
    assert len(set(looks)) == 4
    words = calts.locator(".awlab-timeline-legend").inner_text()
    for word in ("used data", "eclipsed data", "quality_flags ≠ 0", "is_valid = 0"):
        assert word in words


def test_a_bar_is_as_long_as_its_validity(calts):
    calts.get_by_label("year").select_option("2000")
    calts.get_by_label("quarter").select_option("3")
    calts.wait_for_selector(".awlab-timeline-total:has-text('2000-07-01 00:00 - 2000-10-01')")
    boxes = calts.evaluate(
        """() => {
            const row = document.querySelector('[role=option]');
            const track = row.querySelector('.awlab-bars-track').getBoundingClientRect();
            const pieces = [...row.querySelectorAll('[class^=awlab-bar-]')]
                .map((piece) => piece.getBoundingClientRect());
            return [pieces[0].left - track.left, pieces.at(-1).right - track.left, track.width];
        }"""
    )
    begin, end, width = boxes
    assert begin / width == pytest.approx(2 / 92, abs=0.01)
    assert end / width == pytest.approx(5 / 92, abs=0.01)


def test_by_keyboard_one_and_several(calts, house):
    flats, _ = house
    box = calts.get_by_role("listbox", name="Calibrations in time")
    assert box.locator("[tabindex]").count() == 0
    box.focus()
    calts.keyboard.press("ArrowDown")
    calts.keyboard.press("ArrowDown")
    calts.locator(".awlab-timeline-panel", has_text="level").wait_for()
    active = calts.locator("#" + box.get_attribute("aria-activedescendant"))
    assert active.get_attribute("data-id") == flats[2].object_id
    assert active.get_attribute("aria-selected") == "true"
    calts.keyboard.press("Shift+ArrowDown")
    calts.get_by_text("2 objects").wait_for()
    assert set(calts.widget.selection) == {flats[2], flats[4]}
    calts.keyboard.press("End")
    calts.locator(f"[data-id='{flats[59].object_id}'][aria-selected=true]").wait_for()


def test_the_table_shows_the_same(calts, house):
    flats, _ = house
    calts.get_by_role("button", name="table").click()
    calts.locator("[role=gridcell]", has_text="invalid").first.wait_for()
    assert calts.get_by_role("listbox", name="Calibrations in time").is_hidden()
    calts.get_by_role("grid").focus()
    calts.keyboard.press("ArrowDown")
    calts.locator(".awlab-timeline-form").wait_for()
    assert calts.widget.selection == flats[2]


def test_only_good_data_and_a_span_without_any(calts):
    calts.get_by_label("only good data").check()
    calts.get_by_text("Total calibration files: 58").wait_for()
    assert calts.locator("[role=option][title*=invalid]").count() == 0
    calts.get_by_label("year").select_option("2000")
    calts.get_by_label("quarter").select_option("1")
    calts.get_by_text("There is no ShownFlat for what is chosen").wait_for()
    assert calts.get_by_label("filter").is_disabled()


def test_a_change_is_foreseen_before_it_is_made(calts, house):
    flats, frame = house
    bar(calts, 0).click()
    verdict = calts.get_by_label("Verdict")
    verdict.wait_for()
    commit = calts.get_by_role("button", name="change it")
    verdict.select_option("0")
    calts.get_by_label("Reason").fill("scratched <i>filter</i>")
    assert commit.is_disabled()
    calts.get_by_role("button", name="what if?").click()
    calts.get_by_text("1 product would become outdated; 0 up to date again").wait_for()
    assert "ShownFrame" in calts.locator(".awlab-timeline-foreseen").inner_text()
    assert frame.uptodate()
    # Something else than what was foreseen cannot be done.
    verdict.select_option("2")
    assert commit.is_disabled()
    verdict.select_option("0")
    assert commit.is_disabled()
    calts.get_by_role("button", name="what if?").click()
    calts.wait_for_function(
        "!document.querySelector('.awlab-timeline-form .awlab-bar:last-child button').disabled"
    )
    commit.click()
    calts.locator(f"[data-id='{flats[0].object_id}'][title*=invalid]").wait_for()
    assert "scratched <i>filter</i>" in calts.locator(".awlab-timeline-remarks").inner_text()
    assert DBObject(object_id=flats[0].object_id).is_valid == 0
    assert not frame.uptodate()


def test_a_remark_and_a_refused_question(calts, house):
    bar(calts, 1).click()
    calts.get_by_label("Comment").fill("look again")
    calts.get_by_label("Comment").press("Enter")
    calts.locator(".awlab-timeline-remarks", has_text="look again").wait_for()
    calts.get_by_label("Validity from (UTC)").fill("some day")
    calts.get_by_role("button", name="what if?").click()
    calts.locator(".awlab-failure", has_text="some day").wait_for()
    assert calts.get_by_role("button", name="change it").is_disabled()


@pytest.mark.parametrize(("width", "dark"), [(1360, False), (860, True), (520, True)])
def test_nothing_sticks_out(house, show, width, dark):
    widget = CalibrationTimeline(ShownFlat, instrument="SHOWN", height=300)
    page = show(CalibrationTimeline, widget.answer, {"height": 300}, width=width, dark=dark)
    page.wait_for_selector("[data-ready=yes]")
    bar(page, 0).click()
    page.locator(".awlab-timeline-form").wait_for()
    wide = page.evaluate("document.querySelector('.awlab-w').scrollWidth")
    assert wide <= width
    assert page.locator(".awlab-w").get_attribute("data-dark") == ("yes" if dark else "no")


@pytest.mark.parametrize("width", [1360, 860, 600, 380])
def test_no_word_of_a_row_is_cut_by_another(house, show, width):
    widget = CalibrationTimeline(ShownFlat, instrument="SHOWN", height=300)
    page = show(CalibrationTimeline, widget.answer, {"height": 300}, width=width)
    page.wait_for_selector(".awlab-timeline[data-ready=yes]")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.awlab-bars-head > *, .awlab-bars-row > *')]
            .filter((cell) => getComputedStyle(cell).position !== 'absolute')
            .filter((cell) => !cell.matches('.awlab-bars-track'))
            .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
            .map((cell) => cell.textContent)"""
    )
    assert cut == []
