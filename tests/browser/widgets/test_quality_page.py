"""The quality page in a bare page: image, read-out, plots, judging, turning to other objects."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable, write_catalog
from awlab.backend.datamodel import Astrom, Chip, Instrument, RawScienceFrame
from awlab.backend.dataserver import write_image
from awlab.backend.targets import (
    AstrometricParameters,
    GPhotometric,
    ReducedScienceFrame,
    WeightFrame,
)
from awlab.widgets import QualityPage

EVIL = "<b>NGC</b>"


@pytest.fixture(scope="module")
def frame(database, tmp_path_factory):
    """A reduced frame of 300 by 200 pixels with raw frame, weight and astrometry."""
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="LOOK")).commit()
    own = {"chip": chip, "instrument": chip.instrument}
    wcs = Astrom(
        CRVAL1=10.0, CRVAL2=20.0, CRPIX1=1.0, CRPIX2=1.0, CD1_1=-1e-4, CD1_2=0.0, CD2_1=0.0,
        CD2_2=1e-4, CTYPE1="RA---TAN", CTYPE2="DEC--TAN",
    )  # fmt: skip
    image = np.random.default_rng(1).normal(100, 5, (300, 200)).astype(np.float32)
    image[149, 99] = 4242.0
    weight = np.ones((300, 200), np.float32)
    weight[:, :20] = 0
    for name, pixels in (("raw", image.astype(np.uint16)), ("reduced", image), ("weight", weight)):
        write_image(folder / f"{name}.fits", pixels)
    raw = RawScienceFrame(folder / "raw.fits", **own, OBJECT=EVIL, NAXIS1=200, NAXIS2=300)
    raw.store()
    reduced = ReducedScienceFrame(
        folder / "reduced.fits", **own, raw=raw, OBJECT=EVIL, astrom=wcs, NAXIS1=200, NAXIS2=300
    ).store()
    WeightFrame(folder / "weight.fits", **own, raw=raw).store().commit()
    reduced.commit()
    rng = np.random.default_rng(2)
    table = {name: rng.normal(5, 1, 120) for name in ("RA", "DEC", "DRA", "DDEC")}
    table["USED"] = (np.arange(120) % 10 > 0).astype(np.uint8)
    write_catalog(folder / "stars.parquet", SourceTable(table))
    stars = {name: rng.uniform(1, 200, 40).tolist() for name in ("x", "y")}
    stars |= {name: rng.normal(0, 0.05, 40).tolist() for name in ("e1", "e2")}
    AstrometricParameters(
        folder / "stars.parquet", raw=raw, reduced=reduced, NREF=108, RMS=0.25,
        anisotropy={"stars": stars, "map": {}, "residual": 0.0},
    ).store().commit()  # fmt: skip
    return reduced


@pytest.fixture
def quality(frame, show):
    widget = QualityPage(frame)
    page = show(QualityPage, widget.answer)
    page.wait_for_selector(".awlab-quality[data-ready=yes]")
    page.widget = widget
    return page


def test_everything_is_there(quality):
    quality.get_by_role("heading", name="Quality of REDUCEDSCIENCEFRAME").wait_for()
    for title in ("Processing Details", "Local Astrometry Details", "Observational Details"):
        quality.locator("summary", has_text=title).wait_for()
    assert quality.locator("svg[data-points='120']").count() == 5
    assert quality.locator("svg[data-stars='40']").count() == 1
    quality.get_by_label("histogram of the pixel values").wait_for()
    quality.get_by_text("no previous comments").wait_for()
    assert EVIL in quality.locator(".awlab-quality-blocks").inner_text()
    assert "database:" in quality.locator("footer").inner_text()
    quality.get_by_text("200 × 300 pixel, 1.20 × 1.80 arcmin").wait_for()


def test_residuals_of_zeropoints_are_plotted_against_magnitude_and_place(database, tmp_path, show):
    rng = np.random.default_rng(4)
    table = {name: rng.normal(5, 1, 60) for name in ("RA", "DEC", "MAG", "DMAG")}
    table["USED"] = np.ones(60, np.uint8)
    write_catalog(tmp_path / "stars.parquet", SourceTable(table))
    found = GPhotometric(tmp_path / "stars.parquet", OBJECT=EVIL, RMS_BEFORE=0.1).store().commit()
    page = show(QualityPage, QualityPage(found).answer)
    page.wait_for_selector(".awlab-quality[data-ready=yes]")
    page.get_by_role("heading", name="GPhotometric: residuals").wait_for()
    assert page.locator("svg[data-points='60']").count() == 3
    page.get_by_label("DMAG against MAG of 60 stars").wait_for()


def grey(page, x, y):
    """Levels of the pixel (x, y) of the image on the canvas."""
    return page.locator("canvas").evaluate(
        """(canvas, [x, y]) => {
            const scale = canvas.width / 200;
            const i = Math.floor((x - 0.5) * scale);
            const j = Math.floor(canvas.height - (y - 0.5) * scale);
            return [...canvas.getContext("2d").getImageData(i, j, 1, 1).data];
        }""",
        [x, y],
    )


def test_the_first_row_is_the_lowest_and_bad_pixels_are_coloured(quality):
    assert grey(quality, 100, 150)[:3] == [255, 255, 255]
    assert grey(quality, 5, 100)[:3] == [0, 0, 0]
    quality.get_by_label("bad pixels").check()
    red, green, blue, _ = grey(quality, 5, 100)
    assert red > green > blue
    quality.get_by_label("what is shown").select_option("weights")
    quality.get_by_label("bad pixels").uncheck()
    assert grey(quality, 100, 150)[0] > grey(quality, 5, 100)[0]


def test_cuts_change_the_levels(quality):
    quality.get_by_label("stretch").select_option("linear")
    quality.get_by_label("upper cut").fill("8485")
    quality.get_by_label("lower cut").fill("0")
    quality.get_by_label("lower cut").press("Tab")
    assert abs(grey(quality, 100, 150)[0] - 127) <= 1
    quality.get_by_role("button", name="min–max").click()
    assert grey(quality, 100, 150)[0] == 255
    quality.get_by_role("button", name="ZScale").click()
    assert float(quality.get_by_label("upper cut").input_value()) < 200


def test_read_out_by_mouse_and_by_keyboard(quality):
    canvas = quality.locator("canvas")
    box = canvas.bounding_box()
    scale = box["width"] / 200
    place = {"x": (100 - 0.5) * scale, "y": box["height"] - (150 - 0.5) * scale}
    canvas.hover(position=place)
    told = quality.locator(".awlab-picture-told")
    quality.wait_for_selector("[data-pixel='100,150']")
    assert told.inner_text() == "x 100  y 150  value 4242  weight 1  RA 9.98946  Dec 20.01490"
    canvas.focus()
    # one step is a pixel of the screen: none of the image is left out
    quality.keyboard.press("ArrowRight")
    told.filter(has_text="x 101  y 150").wait_for()
    quality.keyboard.press("Shift+ArrowUp")
    told.filter(has_text="x 101  y 160").wait_for()


def test_zoom_by_keys_and_buttons(quality):
    canvas = quality.locator("canvas")
    whole = float(canvas.get_attribute("data-zoom"))
    canvas.focus()
    quality.keyboard.press("+")
    assert float(canvas.get_attribute("data-zoom")) == pytest.approx(2 * whole, rel=0.01)
    quality.get_by_role("button", name="zoom out").click()
    assert float(canvas.get_attribute("data-zoom")) == pytest.approx(whole, rel=0.01)
    canvas.focus()
    quality.keyboard.press("+")
    quality.keyboard.press("0")
    assert float(canvas.get_attribute("data-zoom")) == pytest.approx(whole, rel=0.01)


def test_a_binned_image_gets_sharp_where_one_looks(frame, show, monkeypatch):
    from awlab.backend.quality import figures

    monkeypatch.setattr(figures, "_SIZE", 75)
    monkeypatch.setattr(figures, "_VERSION", -1)
    asked = []
    widget = QualityPage(frame)

    def answer(op, words):
        asked.append((op, words))
        return widget.answer(op, words)

    page = show(QualityPage, answer)
    page.wait_for_selector(".awlab-quality[data-ready=yes]")
    for _ in range(3):
        page.get_by_role("button", name="zoom in").click()
    page.wait_for_function("document.querySelector('canvas').dataset.zoom > 8")
    for _ in range(100):  # every step of the zoom asks; the last answer is the one that stays
        boxes = [words["box"] for op, words in asked if op == "section"]
        if boxes and boxes[-1][2] - boxes[-1][0] <= 30:
            break
        page.wait_for_timeout(50)
    x0, y0, x1, y1 = boxes[-1]
    assert 20 <= x1 - x0 <= 30 and 30 <= y1 - y0 <= 42


def test_comment_and_rate(quality, frame):
    quality.get_by_label("comment or reason").fill("moon <i>light</i>")
    quality.keyboard.press("Enter")
    quality.locator(".awlab-quality-remarks", has_text="moon <i>light</i>").wait_for()
    assert "item.comment('moon <i>light</i>')" in quality.locator(".awlab-code").inner_text()
    quality.get_by_label("verdict").select_option("0")
    quality.get_by_role("button", name="rate").click()
    quality.get_by_role("alert").filter(has_text="few words").wait_for()
    quality.get_by_label("comment or reason").fill("trailed")
    quality.get_by_role("button", name="rate").click()
    quality.locator(".awlab-quality-verdict", has_text="0: bad").wait_for()
    assert type(frame)(object_id=frame.object_id).is_valid == 0
    frame.set_valid(1, "was a test")


def test_tables_navigate_and_the_way_back(quality, frame):
    quality.get_by_role("button", name="quality page of RawScienceFrame 1").click()
    quality.get_by_role("heading", name="Quality of RAWSCIENCEFRAME").wait_for()
    quality.wait_for_selector(".awlab-quality[data-ready=yes]")
    assert quality.widget.selection == frame.raw
    assert quality.evaluate("document.activeElement.tagName") == "H3"
    # what was only counted is read when opened
    quality.locator("summary", has_text="1 Derived WeightFrame").click()
    quality.get_by_role("button", name="quality page of WeightFrame 1").wait_for()
    quality.get_by_role("button", name="back").click()
    quality.get_by_role("heading", name="Quality of REDUCEDSCIENCEFRAME").wait_for()
    assert quality.get_by_role("button", name="back").count() == 0


def test_header_and_copy(quality, frame):
    quality.locator("summary", has_text="FITS header").click()
    quality.locator(".awlab-quality-cards th", has_text="BITPIX").wait_for()
    quality.context.grant_permissions(["clipboard-read", "clipboard-write"])
    quality.get_by_role("button", name="copy as Python").click()
    quality.get_by_role("button", name="copied").wait_for()
    text = quality.evaluate("navigator.clipboard.readText()")
    assert text == f"ReducedScienceFrame(object_id='{frame.object_id}')"


def test_an_image_that_cannot_be_read_leaves_the_rest(frame, show):
    widget = QualityPage(frame)

    def answer(op, words):
        if op == "picture":
            raise FileNotFoundError("the file is gone")
        return widget.answer(op, words)

    page = show(QualityPage, answer)
    page.get_by_role("alert").filter(has_text="the file is gone").wait_for()
    page.locator("summary", has_text="Processing Details").wait_for()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1360, 860, 480])
def test_nothing_sticks_out(frame, show, dark, width):
    page = show(QualityPage, QualityPage(frame).answer, width=width, dark=dark)
    page.wait_for_selector(".awlab-quality[data-ready=yes]")
    assert page.evaluate("document.querySelector('.awlab-w').scrollWidth") <= width
    assert page.locator(".awlab-w").get_attribute("data-dark") == ("yes" if dark else "no")
