"""The statistics of the archive in a bare page."""

from __future__ import annotations

import pytest

from awlab.backend.datamodel import Chip, Instrument
from awlab.widgets import ArchiveStatistics


@pytest.fixture(scope="module")
def database(new_home, connected_to):
    """A database of its own: what other tests flag there would be news here."""
    with connected_to(new_home()) as database:
        yield database


@pytest.fixture
def archive(database, show):
    Chip(name="ccd50", instrument=Instrument(name="STAT")).commit()
    widget = ArchiveStatistics()
    page = show(ArchiveStatistics, widget.answer)
    page.wait_for_selector(".awlab-archive[data-ready=yes]")
    page.widget = widget
    return page


def test_news_by_keyboard(archive):
    archive.get_by_role("tab", name="what is new").focus()
    archive.keyboard.press("Tab")
    archive.keyboard.press("Tab")
    archive.keyboard.press("Enter")
    archive.locator(".awlab-code", has_text="object_id=").wait_for()
    assert archive.widget.selection is not None
    archive.get_by_label("only flagged or invalid").check()
    archive.get_by_text("nothing: all is well").wait_for()


def test_by_class_and_growth(archive):
    archive.get_by_role("tab", name="by class").click()
    archive.get_by_role("button", name="Instrument", exact=True).click()
    archive.locator(".awlab-code", has_text="Instrument.select_all()").wait_for()
    archive.get_by_role("tab", name="growth").click()
    archive.locator("svg path.awlab-archive-line").first.wait_for()


def test_services_with_signs(archive):
    archive.get_by_role("tab", name="services").click()
    database = archive.get_by_role("region", name="database")
    database.get_by_text("PostgreSQL").first.wait_for()
    assert "good" in database.inner_text()
    assert archive.get_by_role("region", name="data server").is_visible()
    archive.get_by_text("updated 20").wait_for()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1360, 480])
def test_nothing_sticks_out(database, show, dark, width):
    page = show(ArchiveStatistics, ArchiveStatistics().answer, width=width, dark=dark)
    page.wait_for_selector(".awlab-archive[data-ready=yes]")
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width
