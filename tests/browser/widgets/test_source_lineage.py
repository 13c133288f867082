"""Extreme data lineage in a bare page: cut-outs, keys, contrast, choosing a frame."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.datamodel import Chip, Instrument, RawScienceFrame
from awlab.backend.dataserver import write_image
from awlab.backend.targets import BiasFrame, Place, SourceTrace
from awlab.widgets import SourceLineage


@pytest.fixture(scope="module")
def traces(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="CUTS")).commit()
    own = {"instrument": chip.instrument, "chip": chip}
    image = np.random.default_rng(1).normal(100, 2, (80, 60)).astype(np.float32)
    image[40, 30] = 3000
    image[45, 30] = 3000  # above it
    write_image(folder / "raw.fits", image)
    write_image(folder / "bias.fits", image)
    items = (RawScienceFrame(folder / "raw.fits", **own), BiasFrame(folder / "bias.fits", **own))
    stages = ("raw", "calibration")
    places = []
    for stage, item in zip(stages, items, strict=True):
        item.store().commit()
        places.append(
            Place(stage, "raw.fits", type(item).__name__, item.object_id, item.filename, 31.0, 41.0)
        )
    return [SourceTrace(7, sid, 1.5 + sid, -2.5, tuple(places)) for sid in range(6)]


@pytest.fixture
def grid(traces, show):
    widget = SourceLineage(traces)
    page = show(SourceLineage, widget.answer)
    page.wait_for_selector(".awlab-sources[data-ready=yes]")
    page.widget = widget
    return page


def levels(page, column):
    """Grey levels of the first row's cut-out: source, and its neighbours above and below."""
    return (
        page.locator("tbody tr")
        .first.locator("td")
        .nth(column)
        .locator("canvas")
        .evaluate(
            """(canvas) => {
            const at = (j) => canvas.getContext("2d").getImageData(16, 31 - j, 1, 1).data[0];
            return [at(16), at(21), at(11)];
        }"""
        )
    )


def test_cut_outs_and_none(grid):
    assert "SLID=7 SID=0 RA=1.5000 DEC=-2.5000" in grid.locator("tbody th").first.inner_text()
    cells = grid.locator("tbody tr").first.locator("td")
    assert cells.count() == 10
    assert cells.nth(7).inner_text() == "None"
    source, above, below = levels(grid, 0)
    assert source == 255 and above == 255 and below < 200
    assert grid.get_by_role("columnheader", name="IlluminationCorrection").count() == 1


def test_more_sources(grid):
    assert grid.locator("tbody tr").count() == 5
    grid.get_by_role("button", name="more sources").click()
    grid.get_by_text("6 sources in 6 exposures").wait_for()
    grid.wait_for_selector(".awlab-sources[data-ready=yes]")
    assert grid.locator("tbody canvas").count() == 12
    assert not grid.get_by_role("button", name="more sources").is_visible()


def test_contrast_is_for_all(grid):
    before = [levels(grid, column)[2] for column in (0, 4)]
    grid.get_by_label("contrast of all cut-outs").fill("2")
    grid.wait_for_function(
        """(level) => {
            const canvas = document.querySelector("tbody canvas");
            return canvas.getContext("2d").getImageData(16, 20, 1, 1).data[0] > level;
        }""",
        arg=before[0],
    )
    assert all(
        levels(grid, column)[2] > level for column, level in zip((0, 4), before, strict=True)
    )
    grid.get_by_label("the same for all frames of a column").uncheck()
    grid.get_by_label("size of the cut-outs").select_option("16")
    grid.wait_for_function("document.querySelector('tbody canvas').width === 16")


def test_calibrations_keep_ranges_of_their_own(show):
    """A bright frame among faint ones is shown like them; a calibration is shown as it is."""
    flat = np.full((16, 16), 100, np.float32)
    flat[4, 8] = 200
    cells = {name: {"x": 1.0, "y": 1.0, "object_id": name, "filename": name}
             for name in ("RawScienceFrame", "BiasFrame")}  # fmt: skip
    row = {"SLID": 1, "SID": 1, "RA": 1.0, "DEC": 1.0, "x": 1.0, "y": 1.0, "cells": cells}
    rows = [{**row, "exposure": str(i)} for i in range(3)]
    columns = [[name, name] for name in cells]

    def answer(op, words):
        if op == "opening":
            return {"rows": rows, "more": False, "columns": columns, "calibrations": ["BiasFrame"]}
        factor = 10.0 if words["row"] == 0 else 1.0
        told = [{"class_name": name, "limits": [0.0, 200 * factor]} for name in cells]
        return {"cells": told, "size": 16}, [(flat * factor).tobytes()] * 2

    page = show(SourceLineage, answer)
    page.wait_for_selector(".awlab-sources[data-ready=yes]")
    grey = """() => [...document.querySelectorAll("tbody canvas")].map(
        (canvas) => canvas.getContext("2d").getImageData(2, 2, 1, 1).data[0])"""
    raw, bias, other_raw, other_bias = page.evaluate(grey)[:4]
    assert bias == other_bias == other_raw < raw
    page.get_by_label("the same for all frames of a column").uncheck()
    assert len(set(page.evaluate(grey))) == 1


def test_by_keyboard_to_a_frame(grid, traces):
    assert grid.locator("td[tabindex='0']").count() == 1
    grid.locator("td[tabindex='0']").focus()
    for key in ("ArrowDown", "End", "Home", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        grid.keyboard.press(key)
    grid.keyboard.press("Enter")
    grid.get_by_text("BiasFrame Cal-").wait_for()
    assert isinstance(grid.widget.selection, BiasFrame)
    assert f"BiasFrame(object_id='{traces[0].places[1].object_id}')" in (
        grid.locator(".awlab-code").inner_text()
    )
    assert grid.locator("td[aria-selected]").count() == 1


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1360, 860, 480])
def test_nothing_sticks_out(traces, show, dark, width):
    page = show(SourceLineage, SourceLineage(traces).answer, width=width, dark=dark)
    page.wait_for_selector(".awlab-sources[data-ready=yes]")
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width
    assert page.locator(".awlab-w").get_attribute("data-dark") == ("yes" if dark else "no")
