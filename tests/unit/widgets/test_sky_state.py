"""Layers, fields and selections of a sky view; the library that it is drawn with."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.catalogs import AstrometricCatalog, SourceTable, write_catalog
from awlab.backend.database import Query
from awlab.backend.datamodel import Astrom, Chip, Instrument, RawBiasFrame, RawScienceFrame
from awlab.backend.dataserver import write_image
from awlab.backend.errors import AwlabError, FileMissing, ObjectNotFound, QueryError
from awlab.backend.targets import CoaddedRegriddedFrame, Source, SourceList
from awlab.widgets import LocalAladin, SkyView
from awlab.widgets.sky_view import aladin, layers, library
from awlab.widgets.sky_view.layers import FrameLayer, field_of
from awlab.widgets.sky_view.state import SkyState


def some_sources(n, **more):
    rng = np.random.default_rng(n)
    columns = {"RA": rng.uniform(201.4, 201.6, n), "DEC": rng.uniform(-31.6, -31.4, n), **more}
    return SourceTable(columns)


@pytest.fixture(scope="module")
def database(new_home, connected_to):
    """A database of its own: all its raw frames are counted."""
    with connected_to(new_home()) as database:
        yield database


@pytest.fixture(scope="module")
def house(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    chip = Chip(name="ccd50", instrument=Instrument(name="SKY").commit()).commit()
    own = {"instrument": chip.instrument, "chip": chip}
    frames = []
    for n in range(3):
        write_image(folder / f"raw{n}.fits", np.full((20, 10), n, np.float32))
        astrom = Astrom(CRVAL1=201.5 + 0.01 * n, CRVAL2=-31.5, CRPIX1=5.5, CRPIX2=10.5,
                        CD1_1=-1e-3, CD1_2=0.0, CD2_1=0.0, CD2_2=1e-3, CTYPE1="RA---TAN",
                        CTYPE2="DEC--TAN")  # fmt: skip
        frames.append(RawScienceFrame(
            folder / f"raw{n}.fits", **own, OBJECT=f"field{n}", NAXIS1=10, NAXIS2=20,
            astrom=astrom if n < 2 else Astrom(), quality_flags=(1 << 7) if n == 1 else 0,
        ).store().commit())  # fmt: skip
    write_image(folder / "coadd.fits", np.zeros((4, 4), np.float32))
    coadd = CoaddedRegriddedFrame(
        folder / "coadd.fits", instrument=chip.instrument, NAXIS1=100, NAXIS2=100,
        grid="TAN 201.500000 -31.500000 3.6000",
    ).store().commit()  # fmt: skip
    mags = np.array([20.0, 15.0, np.nan, 18.0])
    table = some_sources(4, SLID=np.full(4, 7), SID=np.arange(4), MAG_AUTO=mags)
    write_catalog(folder / "list.parquet", table)
    sources = SourceList(
        folder / "list.parquet", instrument=chip.instrument, name="field", nsources=4, SLID=7,
        frame=frames[0],
    ).store().commit()  # fmt: skip
    far = some_sources(50, GaiaG=np.arange(50.0))
    far = SourceTable(far.columns | {"RA": np.linspace(150.0, 250.0, 50)})
    write_catalog(folder / "gaia.parquet", far)
    catalogue = AstrometricCatalog(folder / "gaia.parquet", name="Gaia", nsources=50)
    return SimpleNamespace(frames=frames, coadd=coadd, sources=sources,
                           catalogue=catalogue.store().commit())  # fmt: skip


def test_a_layer_for_each_thing_and_positions_as_buffers(house):
    state = SkyState([RawScienceFrame.select_all(), house.coadd, house.sources])
    told, buffers = state.opening()
    assert [(one["name"], one["kind"], one["count"]) for one in told["layers"]] == [
        ("RawScienceFrame", "frames", 2), ("CoaddedRegriddedFrame", "frames", 1),
        ("SourceList field", "sources", 4),
    ]  # fmt: skip
    assert told["layers"][0]["told"] == "1 without coordinates left out"
    assert told["layers"][0]["python"] == "RawScienceFrame.select_all()"
    shapes = [np.frombuffer(b, np.float64).size for b in buffers[:6]]
    assert shapes == [8, 8, 4, 4, 4, 4]
    mags = np.frombuffer(buffers[6], np.float32)
    assert mags[:3].tolist() == [15.0, 18.0, 20.0] and np.isnan(mags[3])  # the brightest first
    assert told["places"] == [[0, 0], [0, 1], [1, 0]]
    assert [row[1] for row in told["rows"]] == ["RawScienceFrame"] * 2 + ["CoaddedRegriddedFrame"]
    assert [row[8] for row in told["rows"]] == ["good", "flagged", "good"]
    assert told["rows"][0][6:8] == ["201.50000", "-31.50000"]
    json.dumps(told, allow_nan=False)


def test_few_statements_whatever_the_number_of_frames(house, statements):
    state = SkyState()
    assert statements(lambda: state.add(RawScienceFrame.select_all())) <= 4
    assert statements(state.opening) == 0


def test_of_a_catalogue_of_the_sky_only_what_lies_around_the_frames(house):
    whole = SkyState([house.catalogue]).layers[0]
    near = SkyState([house.frames[:2], house.catalogue]).layers[1]
    assert (whole.count, near.count) == (50, 0)
    wide = SkyState([house.coadd, house.catalogue])
    assert wide.layers[1].count < 50


def test_of_many_the_brightest_are_shown(house, monkeypatch):
    monkeypatch.setattr(layers, "_MOST_SOURCES", 10)
    monkeypatch.setattr(layers, "_MOST_FRAMES", 1)
    state = SkyState([house.catalogue, house.frames])
    assert state.layers[0].told == "the brightest 10 of 50" and state.layers[0].count == 10
    assert state.layers[0].table["GaiaG"].tolist() == list(np.arange(10.0))
    assert state.layers[1].told == "the first 1 only"


def test_a_click_gives_the_object_and_its_python(house):
    widget = SkyView(house.frames, house.sources, house.catalogue)
    told = widget.answer("choose", {"layer": 0, "index": 1})
    assert widget.selection == house.frames[1]
    assert told["python"] == f"RawScienceFrame(object_id='{house.frames[1].object_id}')"
    assert "NOT_RAW" in told["verdict"]
    told = widget.answer("choose", {"layer": 1, "index": 0})
    assert isinstance(widget.selection, Source) and widget.selection["SID"] == 1
    assert told["title"] == "source 1 of SourceList field" and told["python"].endswith("[1]")
    assert told["verdict"].endswith("MAG_AUTO 15.00")
    state = SkyState([house.catalogue])
    rows, told = state.choose(0, 3)
    assert rows.count == 1 and "GaiaG 3.00" in told["verdict"]
    assert ".cone(" in told["python"]


def test_a_box_gives_a_query_or_sources(house):
    widget = SkyView(house.frames, house.coadd, house.sources)
    told = widget.answer("area", {"found": {"0": [1], "1": [], "2": [0, 1]}})
    assert isinstance(widget.selection, Query) and list(widget.selection) == [house.frames[1]]
    assert told["title"] == "1 frames" and told["python"].startswith("RawScienceFrame.object_id")
    widget.answer("area", {"found": {"0": [0], "1": [0]}})
    assert set(widget.selection) == {house.frames[0], house.coadd}
    told = widget.answer("area", {"found": {"2": [0, 1]}})
    assert sorted(widget.selection["SID"].tolist()) == [1, 3]
    assert told["python"].endswith(".sources(sids=[1, 3])")
    told = widget.answer("area", {"found": {"0": [], "2": []}})
    assert widget.selection is None and told["title"] == "nothing lies there"


def test_what_is_selected_elsewhere_is_marked_here(house):
    widget = SkyView(house.frames, house.coadd)
    assert widget.mark(RawScienceFrame.OBJECT == "field1") == 1
    assert widget.marked_rows == [[0, 1]]
    assert widget.mark(house.coadd) == 1 and widget.marked_rows == [[1, 0]]
    assert widget.mark([house.frames[0], house.coadd]) == 2
    assert widget.mark(None) == 0 and widget.marked_rows == []


def test_the_picture_of_a_frame(house):
    told, (pixels,) = SkyState([house.frames]).picture(0, 1)
    assert (told["nx"], told["ny"]) == (10, 20)
    assert (np.frombuffer(pixels, np.float32) == 1).all()
    assert told["cards"]["CTYPE1"] == "RA---TAN"
    json.dumps(told, allow_nan=False)
    with pytest.raises(QueryError, match="no image of its own"):
        SkyState([house.sources]).picture(0, 0)


def test_bad_input_is_a_sentence(house):
    for thing in (5, "M31", None):
        with pytest.raises(QueryError, match="nowhere on the sky"):
            SkyView(thing)
    with pytest.raises(QueryError, match="RawBiasFrame is nowhere on the sky"):
        bias = RawBiasFrame(house.frames[0].retrieve(), instrument=house.frames[0].instrument)
        SkyView(bias.store().commit())
    state = SkyState([house.frames])
    for place in ((0, 2), (1, 0), (-1, 0), (0, -1)):
        with pytest.raises(ObjectNotFound):
            state.choose(*place)
    with pytest.raises(ObjectNotFound):
        state.area({"0": [0, 99]})
    assert SkyState().opening()[0]["field"] is None


class Points(FrameLayer):
    """Some positions."""

    def __init__(self, ra, dec):
        self._ra, self._dec = np.asarray(ra, float), np.asarray(dec, float)

    count = 1

    def positions(self):
        return self._ra, self._dec


def test_the_field_is_right_across_zero_and_at_the_pole():
    ra, dec, size = field_of([Points([359.9, 0.1], [1.0, 1.0])])
    assert min(ra, 360 - ra) < 0.01 and dec == pytest.approx(1.0, abs=1e-3)
    assert size == pytest.approx(0.2, rel=0.05)
    _, dec, size = field_of([Points([0, 90, 180, 270], [89.0] * 4)])
    assert dec == pytest.approx(90.0, abs=0.1) and size == pytest.approx(2.0, rel=0.1)
    assert field_of([Points([0, 180], [0.0, 0.0])]) == (0.0, 0.0, 360.0)
    # Many frames in one place and one elsewhere: the middle lies between, not among the many.
    ra, dec, size = field_of([Points([10.0] * 99 + [50.0], [0.0] * 100)])
    assert ra == pytest.approx(30.0, abs=1.0) and abs(dec) < 0.1
    assert size == pytest.approx(40.0, rel=0.05)
    assert field_of([Points([10.0], [20.0])])[2] == 1e-3


# -- the library ---------------------------------------------------------------------------


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    return tmp_path


def test_the_library_is_the_one_that_ipyaladin_names(home):
    assert re.fullmatch(r"3\.\d+\.\d+\S*", library.library_version())
    assert "awlab assets" in library.library_missing()
    with pytest.raises(FileMissing):
        library.library_bytes()
    told, buffers = SkyView().answer("library", {})
    assert "awlab assets" in told["missing"] and buffers == []


def test_it_is_fetched_once_with_its_licence(home, monkeypatch):
    calls = []

    def pack(package, folder):
        calls.append(package)
        path = folder / "it.tgz"
        with tarfile.open(path, "w:gz") as tar:
            for name in ("dist/aladin.js", "LICENSE", "COPYING", "package.json", "../../evil"):
                info = tarfile.TarInfo(f"package/{name}")
                info.size = 4
                tar.addfile(info, io.BytesIO(b"text"))
        return path

    monkeypatch.setattr(library, "_packed", pack)
    path = library.fetch_library()
    assert path == library.fetch_library() and len(calls) == 1
    assert calls == [f"aladin-lite@{library.library_version()}"]
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "COPYING", "LICENSE", "aladin.js", "package.json",
    ]  # fmt: skip
    assert [p.name for p in (home / "assets").iterdir()] == [path.parent.name]
    assert library.library_missing() == "" and library.library_bytes() == b"text"
    told, buffers = SkyView().answer("library", {})
    assert (told, buffers) == ({"missing": ""}, [b"text"])


def test_what_cannot_be_fetched_is_said_in_a_line(home, monkeypatch):
    monkeypatch.setattr(library, "_npm", lambda folder: [sys.executable, "-c", "exit('no net')"])
    with pytest.raises(AwlabError, match=r"npm does not give out aladin-lite@.*no net"):
        library.fetch_library()
    monkeypatch.setattr(library, "_npm", lambda folder: [str(home / "none")])
    with pytest.raises(AwlabError, match="try again with a network"):
        library.fetch_library()
    assert list((home / "assets").iterdir()) == []


def test_ipyaladin_takes_the_library_from_the_kernel(home):
    script = aladin._script()
    assert "https://esm" not in script and "import C" not in script
    assert script.count("export default") == 1
    one, other = LocalAladin(), LocalAladin(fov=2)
    sent = []
    one.send = lambda content, buffers=None: sent.append((content, buffers))
    one._give_library(None, {"event_type": "library"}, [])
    assert sent[0][0]["op"] == "library" and "awlab assets" in sent[0][0]["missing"]
    one._handle_custom_message(None, {"event_type": "library"}, [])  # not ipyaladin's business
    one.add_markers([])
    assert one._call_store is not other._call_store
    assert len(one._call_store.calls) == 1 and not other._call_store.calls
