"""The state of extreme data lineage: rows from plain places, cut-outs from files."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.datamodel import Chip, Instrument, RawScienceFrame
from awlab.backend.dataserver import write_image, write_mosaic
from awlab.backend.errors import ObjectNotFound, QueryError
from awlab.backend.targets import BiasFrame, Place, RegriddedFrame, SourceTrace
from awlab.widgets import SourceLineage
from awlab.widgets.source_lineage.state import LEADING, PAGE, SourceState, _range, grid_rows


def place(stage, exposure, cls, number, x=5.0, y=6.0):
    """A place of a frame that need not exist."""
    return Place(stage, exposure, cls, f"id{number}", f"file{number}.fits", x, y)


PLACES = (
    place("raw", "a.fits", "RawScienceFrame", 1, 21.0, 6.0),
    place("calibration", "a.fits", "BiasFrame", 2),
    place("reduced", "a.fits", "ReducedScienceFrame", 3),
    place("regridded", "a.fits", "RegriddedFrame", 4, 30.0, 40.0),
    place("raw", "b.fits", "RawScienceFrame", 5, 9.0, 9.0),
    place("map", "b.fits", "CosmicMap", 6, 9.0, 9.0),
    place("raw", "c.fits", "RawScienceFrame", 7, None, None),
    place("coadded", "", "CoaddedRegriddedFrame", 8, 130.0, 140.0),
)
TRACE = SourceTrace(4147, 40, 11.465, -29.3785, PLACES)


def test_a_row_per_exposure_that_shows_the_source():
    rows = grid_rows(TRACE)
    assert [row["exposure"] for row in rows] == ["a.fits", "b.fits"]
    first = rows[0]
    assert (first["SLID"], first["SID"], first["RA"], first["DEC"]) == (4147, 40, 11.465, -29.3785)
    assert (first["x"], first["y"]) == (130.0, 140.0)  # in the coadd, where it was found
    assert {name: cell["object_id"] for name, cell in first["cells"].items()} == {
        "RawScienceFrame": "id1", "BiasFrame": "id2", "ReducedScienceFrame": "id3",
        "RegriddedFrame": "id4", "CoaddedRegriddedFrame": "id8",
    }  # fmt: skip
    assert "BiasFrame" not in rows[1]["cells"]
    json.dumps(rows, allow_nan=False)


def test_a_source_of_one_frame_or_of_none():
    plain = SimpleNamespace(SLID=1, SID=2, RA=3.0, DEC=4.0, places=PLACES[:1])
    (row,) = grid_rows(plain)
    assert (row["x"], row["y"]) == (21.0, 6.0)
    (row,) = grid_rows(SimpleNamespace(SLID=1, SID=2, RA=3.0, DEC=4.0, places=PLACES[6:]))
    assert row["exposure"] == "" and list(row["cells"]) == ["CoaddedRegriddedFrame"]
    (row,) = grid_rows(SimpleNamespace(SLID=1, SID=2, RA=3.0, DEC=4.0, places=()))
    assert row["cells"] == {} and row["x"] is None


def test_columns_of_the_slide_come_first_even_where_empty():
    state = SourceState([TRACE])
    state.more()
    titles = [title for _, title in state.columns()]
    assert titles == [
        *("RawFrame", "ReducedFrame", "RegriddedFrame", "CoaddedRegriddedFrame", "BiasFrame"),
        *("ColdPixelMap", "MasterFlatFrame", "FringeFrame", "HotPixelMap"),
        *("IlluminationCorrection", "CosmicMap"),
    ]
    assert len(LEADING) == 10
    assert state.opening()["calibrations"] == [
        *("BiasFrame", "ColdPixelMap", "MasterFlatFrame", "FringeFrame", "HotPixelMap"),
        "IlluminationCorrectionFrame",
    ]


def test_sources_come_in_pages():
    state = SourceState([TRACE] * (PAGE + 1))
    first = state.opening()
    assert (len(first["rows"]), first["more"]) == (2 * PAGE, True)
    assert len(state.more()["rows"]) == 2
    again = state.opening()  # a second view
    assert (len(again["rows"]), again["more"]) == (2 * PAGE + 2, False)


@pytest.fixture(scope="module")
def house(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="SRC")).commit()
    own = {"instrument": chip.instrument, "chip": chip}
    image = np.arange(80 * 60, dtype=np.float32).reshape(80, 60)
    write_image(folder / "raw.fits", image.astype(np.uint16))
    write_image(folder / "bias.fits", np.full((1, 1), 7.0, np.float32))
    write_mosaic(folder / "regr.fits", {}, [({"EXTNAME": "IMAGE"}, image),
                                            ({"EXTNAME": "WEIGHT"}, image * 0)])  # fmt: skip
    raw = RawScienceFrame(folder / "raw.fits", **own).store().commit()
    bias = BiasFrame(folder / "bias.fits", **own).store().commit()
    regridded = RegriddedFrame(folder / "regr.fits", **own, raw=raw).store().commit()
    items = (("raw", raw, 31.0, 41.0), ("calibration", bias, 31.0, 41.0),
             ("regridded", regridded, 2.0, 3.0))  # fmt: skip
    places = [
        Place(s, raw.filename, type(o).__name__, o.object_id, o.filename, x, y)
        for s, o, x, y in items
    ]
    gone = Place("reduced", raw.filename, "ReducedScienceFrame", "0" * 32, "gone.fits", 1.0, 1.0)
    return SourceTrace(1, 2, 3.0, 4.0, (*places, gone)), raw, image


def test_cut_outs_show_what_is_there(house):
    trace, _, image = house
    state = SourceState(trace)
    state.more()
    told, buffers = state.cutouts(0, 16)
    cells = {cell["class_name"]: cell for cell in told["cells"]}
    pixels = [np.frombuffer(buffer, np.float32).reshape(16, 16) for buffer in buffers]
    assert np.array_equal(pixels[0], image[32:48, 22:38])  # the source in the middle
    assert (pixels[1] == 7.0).all()  # one pixel stands for all
    assert np.array_equal(pixels[2][6:, 7:], image[:10, :9])
    assert np.isnan(pixels[2][:6]).all()  # beyond the edge
    assert "missing" in cells["ReducedScienceFrame"] and len(buffers) == 3
    json.dumps(told, allow_nan=False)


def test_few_statements_per_row_and_none_for_another_size(house, statements):
    state = SourceState(house[0])
    state.more()
    assert statements(lambda: state.cutouts(0, 16)) <= 6
    assert statements(lambda: state.cutouts(0, 32)) <= 2


def test_the_frame_that_was_chosen(house):
    widget = SourceLineage([house[0]])
    widget.answer("opening", {})
    found = widget.answer("choose", {"object_id": house[1].object_id})
    assert found["python"] == f"RawScienceFrame(object_id='{house[1].object_id}')"
    assert widget.selection == house[1]
    with pytest.raises(ObjectNotFound, match="no frame of these sources"):
        widget.answer("choose", {"object_id": "x"})


def test_bad_input_is_a_sentence(house):
    with pytest.raises(QueryError, match="int has no sources"):
        SourceState(5)
    state = SourceState([TRACE])
    for row, size in ((0, 32), (0, 17), (-1, 32)):
        with pytest.raises(QueryError, match="no cut-out"):
            state.cutouts(row, size)


def test_the_range_shows_sky_and_source():
    sky = np.random.default_rng(1).normal(100, 3, (32, 32)).astype(np.float32)
    low, high = _range(sky)
    assert low == pytest.approx(94, abs=1) and high == pytest.approx(124, abs=2)
    sky[10:16, 10:16] = 5000
    assert _range(sky)[1] > 4000
    assert _range(np.full((4, 4), np.nan, np.float32)) == (0.0, 1.0)
    assert _range(np.ones((4, 4), np.float32)) == (0.5, 1.5)
