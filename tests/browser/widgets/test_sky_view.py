"""The sky in a bare page: drawn as a chart and by Aladin Lite, clicked, moved, selected on."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable, write_catalog
from awlab.backend.datamodel import Astrom, Chip, Filter, Instrument, RawScienceFrame
from awlab.backend.dataserver import write_image
from awlab.backend.targets import CoaddedRegriddedFrame, Source, SourceList
from awlab.widgets import SkyView
from awlab.widgets.sky_view import library

READY = ".awlab-sky[data-ready=yes]"
SHARED = {"height": 420, "marked_rows": [], "revision": 0, "survey": "https://127.0.0.1:9/none"}


@pytest.fixture(scope="module")
def house(database, tmp_path_factory):
    """Two chips beside each other, a coadd over both without an image, and four sources."""
    folder = tmp_path_factory.mktemp("sky")
    instrument = Instrument(name="SKY").commit()
    chip = Chip(name="ccd50", instrument=instrument).commit()
    band = Filter(name="#842", instrument=instrument).commit()
    frames = []
    for n in range(2):
        image = np.random.default_rng(n).normal(100, 3, (200, 100)).astype(np.float32)
        image[150:180, 20:40] = 900.0  # upper left
        write_image(folder / f"raw{n}.fits", image)
        astrom = Astrom(CRVAL1=201.5 - 0.11 * n, CRVAL2=-31.5, CRPIX1=50.5, CRPIX2=100.5,
                        CD1_1=-1e-3, CD1_2=0.0, CD2_1=0.0, CD2_2=1e-3, CTYPE1="RA---TAN",
                        CTYPE2="DEC--TAN")  # fmt: skip
        raw = RawScienceFrame(
            folder / f"raw{n}.fits", instrument=instrument, chip=chip, filter=band, OBJECT="Sha-W",
            NAXIS1=100, NAXIS2=200, astrom=astrom,
        ).store().commit()  # fmt: skip
        frames.append(raw)
    write_image(folder / "coadd.fits", np.zeros((4, 4), np.float32))
    coadd = CoaddedRegriddedFrame(
        folder / "coadd.fits", instrument=instrument, filter=band, NAXIS1=400, NAXIS2=400,
        grid="TAN 201.445000 -31.500000 3.6000", window_x0=-200, window_y0=-200,
    ).store().commit()  # fmt: skip
    table = SourceTable({
        "SLID": np.full(4, 7), "SID": np.arange(4), "MAG_AUTO": np.array([15.0, 18.0, 20.0, 21.0]),
        "RA": np.array([201.50, 201.52, 201.39, 201.37]),
        "DEC": np.array([-31.50, -31.45, -31.52, -31.56]),
    })  # fmt: skip
    write_catalog(folder / "list.parquet", table)
    sources = SourceList(
        folder / "list.parquet", instrument=instrument, name="field", nsources=4, SLID=7,
        frame=frames[0],
    ).store().commit()  # fmt: skip
    return frames, coadd, sources


@pytest.fixture
def open_sky(show):
    def open_one(*things, engine="chart", **options):
        widget = SkyView(*things)
        page = show(SkyView, widget.answer, SHARED | {"engine": engine}, **options)
        page.wait_for_selector(READY)
        page.widget = widget
        return page

    return open_one


@pytest.fixture
def sky(house, open_sky):
    frames, coadd, sources = house
    return open_sky(frames, coadd, sources)


def pixel_of(page, ra, dec):
    """Where a position is, by the projection itself."""
    box = page.locator(".awlab-sky-stage").bounding_box()
    fov = page.widget.state.opening()[0]["field"][2] * 1.06 * box["width"] / box["height"]
    ra0, dec0, _ = page.widget.state.opening()[0]["field"]
    x = -(ra - ra0) * np.cos(np.radians(dec0)) / fov * box["width"]
    return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 - (
        (dec - dec0) / fov * box["width"]
    )


def colours(page):
    """How many pixels of the chart have which colour."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector(".awlab-sky-canvas");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const found = {};
            for (let i = 0; i < data.length; i += 4) {
                const key = [data[i], data[i + 1], data[i + 2]].join();
                found[key] = (found[key] ?? 0) + 1;
            }
            return found;
        }"""
    )


def ink(page, colour):
    """How many pixels are nearly of a colour: where a line lies between pixels it is mixed."""
    wanted = np.array([int(part) for part in colour.split(",")])
    found = colours(page)
    near = [key for key in found if np.abs(np.array(key.split(","), int) - wanted).max() < 50]
    return sum(found[key] for key in near)


def test_layers_and_frames_are_told(sky):
    labels = sky.locator(".awlab-sky-layers label").all_inner_texts()
    assert [" ".join(label.split()) for label in labels] == [
        "1 RawScienceFrame: 2 frames", "2 CoaddedRegriddedFrame: 1 frames",
        "◇ 3 SourceList field: 4 sources",
    ]  # fmt: skip
    assert sky.locator(".awlab-grid [role=row]").count() == 4  # the head, and three frames
    assert sky.locator(".awlab-grid").inner_text().count("RawScienceFrame") == 2
    assert not sky.locator(".awlab-sky-note").is_visible()
    assert colours(sky)["11,16,32"] > 100_000  # the dark sky
    assert ink(sky, "230,159,0") > 300  # two frames


def test_a_click_takes_the_source_then_the_frame_then_what_lies_behind(sky, house):
    frames, coadd, _ = house
    x, y = pixel_of(sky, 201.50, -31.50)
    sky.mouse.click(x, y)
    sky.get_by_text("source 0 of SourceList field").wait_for()
    assert isinstance(sky.widget.selection, Source) and sky.widget.selection["SID"] == 0
    assert "MAG_AUTO 15.00" in sky.locator(".awlab-sky section").inner_text()
    sky.mouse.click(x, y)
    sky.get_by_text(f"RawScienceFrame {frames[0].filename}").wait_for()
    assert sky.widget.selection == frames[0]
    assert sky.locator(".awlab-code").inner_text() == (
        f"RawScienceFrame(object_id='{frames[0].object_id}')"
    )
    sky.mouse.click(x, y)
    sky.get_by_text(f"CoaddedRegriddedFrame {coadd.filename}").wait_for()
    assert sky.widget.selection == coadd
    assert ink(sky, "255,255,255") > 500  # what was chosen is white and thick


def test_a_box_selects_a_query(sky, house):
    frames, _, _ = house
    sky.get_by_role("button", name="select").click()
    x, y = pixel_of(sky, 201.42, -31.35)
    sky.mouse.move(x, y)
    sky.mouse.down()
    sky.mouse.move(x + 60, y + 80)
    sky.mouse.move(*pixel_of(sky, 201.31, -31.65))
    sky.mouse.up()
    sky.get_by_text("1 frames").last.wait_for()
    assert list(sky.widget.selection) == [frames[1]]
    assert "RawScienceFrame.object_id" in sky.locator(".awlab-code").inner_text()
    assert ink(sky, "240,228,66") > 200  # marked
    assert sky.locator(".awlab-sky-cover").is_hidden()


def test_a_layer_that_is_hidden_is_not_clicked(sky, house):
    sky.get_by_label("3 SourceList field").uncheck()
    sky.get_by_label("1 RawScienceFrame").uncheck()
    sky.mouse.click(*pixel_of(sky, 201.50, -31.50))
    sky.get_by_text(f"CoaddedRegriddedFrame {house[1].filename}").wait_for()
    assert ink(sky, "230,159,0") < 100


def test_images_lie_where_their_frames_are(sky):
    before = colours(sky)
    sky.get_by_label("1 RawScienceFrame").focus()
    sky.get_by_label("images").check()
    # The coadd of this test has an image without IMAGE: one line says so, the others are shown.
    sky.locator(".awlab-failure", has_text="error").wait_for()
    sky.wait_for_function(
        """([x, y]) => {
            const canvas = document.querySelector(".awlab-sky-canvas");
            const box = canvas.getBoundingClientRect();
            const at = canvas.getContext("2d").getImageData(x - box.x, y - box.y, 1, 1).data;
            return at[0] > 240 && at[1] > 240;
        }""",
        arg=list(pixel_of(sky, 201.5 + 0.0205 / np.cos(np.radians(31.5)), -31.4355)),
    )
    assert colours(sky)["11,16,32"] < before["11,16,32"] - 5000
    sky.get_by_label("images").uncheck()
    assert colours(sky)["11,16,32"] == before["11,16,32"]


def test_by_keyboard(sky, house):
    sky.locator(".awlab-sky-stage").focus()
    sky.mouse.move(*pixel_of(sky, 201.445, -31.5))
    before = colours(sky)
    for key in ("ArrowLeft", "ArrowUp", "+", "+"):
        sky.keyboard.press(key)
    assert colours(sky) != before
    sky.keyboard.press("0")
    assert colours(sky) == before
    sky.locator(".awlab-grid").focus()
    sky.keyboard.press("ArrowDown")
    sky.get_by_text(f"RawScienceFrame {house[0][1].filename}").wait_for()
    assert sky.widget.selection == house[0][1]


def test_the_pointer_tells_where_it_is(sky):
    sky.mouse.move(*pixel_of(sky, 201.5, -31.5))
    told = sky.locator(".awlab-sky-place").inner_text()
    assert told.startswith("13:26:0") or told.startswith("13:25:5")
    assert "−31:" in told or "−31:30" in told


def test_what_is_marked_elsewhere_is_thick(sky, house):
    assert ink(sky, "240,228,66") < 100
    assert sky.widget.mark(RawScienceFrame.object_id == house[0][1].object_id) == 1
    sky.evaluate("(rows) => window.model.set('marked_rows', rows)", sky.widget.marked_rows)
    assert ink(sky, "240,228,66") > 200


def test_another_layer_is_drawn_when_it_is_added(house, open_sky):
    page = open_sky(house[0])
    assert page.locator(".awlab-sky-layers label").count() == 1
    page.widget.add(house[2])
    page.evaluate("window.model.set('revision', 1)")
    page.get_by_text("2 SourceList field: 4 sources").wait_for()
    page.wait_for_selector(READY)
    assert ink(page, "86,180,233") > 10


def test_an_empty_sky_says_what_to_do(database, open_sky):
    page = open_sky(RawScienceFrame.OBJECT == "nothing of that name")
    page.get_by_text("nothing on the sky: ask for science frames").wait_for()
    assert page.locator(".awlab-grid").is_hidden()
    page.get_by_role("button", name="show all").click()


def test_without_the_library_a_chart_is_drawn_and_it_says_why(
    house, open_sky, monkeypatch, tmp_path
):
    monkeypatch.setattr(library, "_folders", lambda version: [tmp_path])
    page = open_sky(house[0], engine="Aladin")
    assert page.locator(".awlab-sky-stage").get_attribute("data-engine") == "chart"
    assert "awlab assets" in page.locator(".awlab-sky-note").inner_text()
    assert page.get_by_label("how the sky is drawn").input_value() == "chart"
    assert page.get_by_label("what lies behind").is_disabled()
    assert ink(page, "230,159,0") > 300


@pytest.mark.parametrize(("width", "dark"), [(1360, False), (860, True), (480, False)])
def test_nothing_sticks_out(house, open_sky, dark, width):
    frames, coadd, sources = house
    page = open_sky(frames, coadd, sources, width=width, dark=dark)
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width
    page.evaluate("window.close_widget()")


# -- Aladin Lite ---------------------------------------------------------------------------


@pytest.fixture
def aladin(aladin_library, house, open_sky, monkeypatch):
    monkeypatch.setattr(library, "_folders", lambda version: [aladin_library])
    frames, coadd, sources = house
    page = open_sky(frames, coadd, sources, engine="Aladin")
    assert page.locator(".awlab-sky-stage").get_attribute("data-engine") == "Aladin"
    return page


def test_aladin_shows_and_chooses_the_same_without_any_network(aladin, house):
    frames, _, _ = house
    x, y = pixel_of(aladin, 201.50, -31.50)
    aladin.mouse.click(x, y)
    aladin.get_by_text("source 0 of SourceList field").wait_for()
    aladin.mouse.click(x, y)
    aladin.get_by_text(f"RawScienceFrame {frames[0].filename}").wait_for()
    aladin.get_by_role("button", name="select").click()
    aladin.mouse.move(*pixel_of(aladin, 201.42, -31.35))
    aladin.mouse.down()
    aladin.mouse.move(*pixel_of(aladin, 201.31, -31.65), steps=3)
    aladin.mouse.up()
    aladin.get_by_text("1 frames").last.wait_for()
    assert list(aladin.widget.selection) == [frames[1]]
    aladin.locator(".awlab-sky-stage").focus()
    for key in ("ArrowLeft", "+", "0"):
        aladin.keyboard.press(key)
    aladin.get_by_label("2 CoaddedRegriddedFrame").uncheck()
    aladin.get_by_label("how the sky is drawn").select_option("chart")
    aladin.wait_for_selector(f"{READY} [data-engine=chart]")
    assert ink(aladin, "240,228,66") > 200


def test_aladin_shows_all_in_any_size(aladin):
    for width in (1182, 682):
        aladin.evaluate("(w) => { document.getElementById('here').style.width = `${w}px`; }", width)
        for _ in range(60):  # Aladin takes its time to follow
            aladin.mouse.move(*pixel_of(aladin, 201.5, -31.5))
            told = aladin.locator(".awlab-sky-place").inner_text()
            if told.startswith(("13:25:59", "13:26:00")):
                break
            aladin.wait_for_timeout(50)
        assert told.startswith(("13:25:59", "13:26:00")), told


def test_a_survey_that_does_not_answer_is_one_line(aladin, troubles):
    aladin.get_by_label("what lies behind").select_option("survey")
    aladin.get_by_text("the survey does not answer").wait_for()
    assert aladin.get_by_label("what lies behind").input_value() == ""
    # The browser itself notes that nobody answered where the survey should be.
    assert all("ERR_" in line for line in troubles)
    troubles.clear()
