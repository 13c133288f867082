"""Source lists: of coadds with known stars, read by people, in double-image mode, of bad frames."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import current_database
from awlab.backend.datamodel import Filter, Instrument
from awlab.backend.dataserver import write_mosaic
from awlab.backend.errors import MakeFailed, ObjectNotFound, UnknownAttribute
from awlab.backend.targets import CoaddedRegriddedFrame, SourceList
from awlab.backend.targets.pixels import keep_planes

GRID = "TAN 150.000000 +2.000000 0.2000"
SIZE, ZEROPOINT, SKY = 200, 25.0, 1.0
rng = np.random.default_rng(8)
# A 5 x 5 lattice, moved a little: no star blends with another. Grid pixels, from 0.
STARS = np.stack(np.meshgrid(np.arange(25, 200, 37), np.arange(25, 200, 37)), -1).reshape(-1, 2)
STARS = STARS + rng.uniform(-3, 3, STARS.shape)
FLUX = rng.uniform(3e3, 3e4, len(STARS))


def stars_image(x0=0, y0=0, flux=FLUX, shape=(SIZE, SIZE), sigma=2.0, seed=1):
    """Gaussian stars on noise, in the window of the grid that begins at (x0, y0)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.random.default_rng(seed).normal(0, SKY, shape)
    for (sx, sy), f in zip(STARS, flux, strict=True):
        radius = (x + x0 - sx) ** 2 + (y + y0 - sy) ** 2
        image += f / (2 * np.pi * sigma**2) * np.exp(-radius / (2 * sigma**2))
    return image.astype(np.float32)


@pytest.fixture(scope="module")
def home(new_home, connected_to):
    """A home of its own: what others left in theirs would be selected here."""
    folder = new_home()
    with connected_to(folder):
        yield folder


@pytest.fixture(scope="module")
def camera(home):
    return Instrument(name="ListCam").commit()


@pytest.fixture(scope="module")
def band(camera):
    return Filter(instrument=camera, name="V", mag_id="JohnsonV").commit()


def make_coadd(camera, band, image, weight=None, **facts):
    x0, y0, grid = facts.pop("x0", 0), facts.pop("y0", 0), facts.pop("grid", GRID)
    frame = CoaddedRegriddedFrame(
        instrument=camera, filter=band, grid=grid, window_x0=x0, window_y0=y0, zeropoint=ZEROPOINT,
        OBJECT="STARS", DATE_OBS=datetime(2020, 1, 1), EXPTIME=100.0, **facts,
    )  # fmt: skip
    weight = np.full(image.shape, SKY**-2, np.float32) if weight is None else weight
    keep_planes(frame, {"IMAGE": np.nan_to_num(image), "WEIGHT": weight}, {})
    if not np.isfinite(image).all():  # as a file from outside may be
        planes = [({"EXTNAME": "IMAGE"}, image), ({"EXTNAME": "WEIGHT"}, weight)]
        write_mosaic(frame.pathname, {}, planes, overwrite=True)
    return frame.store().commit()


@pytest.fixture(scope="module")
def coadd(camera, band):
    return make_coadd(camera, band, stars_image())


@pytest.fixture(scope="module")
def sources(coadd):
    return SourceList.get(frame=coadd, pars={"SourceList.process_params.DETECT_THRESH": 5.0})


def test_known_stars_come_back(sources, coadd):
    assert sources.frame == coadd and sources.quality_flags == 0
    assert len(sources) == sources.nsources == len(STARS)
    table = sources.sources()
    x, y = table["XWIN_IMAGE"] - 1, table["YWIN_IMAGE"] - 1
    nearest = np.argmin(np.hypot(x[:, None] - STARS[:, 0], y[:, None] - STARS[:, 1]), axis=1)
    assert sorted(nearest) == list(range(len(STARS)))
    assert np.hypot(x - STARS[nearest, 0], y - STARS[nearest, 1]).max() < 0.05
    magnitude = ZEROPOINT - 2.5 * np.log10(FLUX[nearest])
    widest = table["MAG_APER"][:, -1]
    assert np.abs(widest - magnitude).max() < 0.03
    ra, dec = coadd.tan_grid.wcs(coadd.window).wcs_pix2world(x, y, 0)
    assert np.allclose(table["RA"], ra, atol=1e-9) and np.allclose(table["DEC"], dec, atol=1e-9)
    assert (table["SLID"] == sources.SLID).all()
    assert sorted(table["SID"]) == list(range(len(STARS)))


def test_asked_again_it_is_the_same(sources, coadd):
    assert SourceList.get(frame=coadd) == sources and sources.uptodate()
    assert sources.upstream().objects(CoaddedRegriddedFrame)[0] == coadd


def test_people_read_it(sources):
    before = current_database().statements
    source = sources[3]
    assert (source.SID, source.SLID) == (3, sources.SLID) and len(source["FLUX_APER"]) == 3
    assert source.FLUX_AUTO == source["FLUX_AUTO"] > 0
    assert current_database().statements - before <= 3
    cone = sources.cone(source.RA, source.DEC, 1 / 3600, ["SID"])
    assert list(cone["SID"]) == [3]
    table = sources.table(["RA", "MAG_AUTO"])
    assert str(table["MAG_AUTO"].unit) == "mag" and table.colnames == ["RA", "MAG_AUTO"]
    assert table["RA"][3].value == source.RA
    assert [one.SID for one in sources] == list(range(len(sources)))
    assert "25 sources" in sources._repr_html_() and "FLUX_AUTO" in source._repr_html_()
    with pytest.raises(ObjectNotFound, match="no source 25"):
        sources[25]
    with pytest.raises(UnknownAttribute, match="FLUX_AUTO"):
        _ = source.FLUX_AUT


def test_detected_on_one_frame_and_measured_on_another(camera, band, coadd, sources):
    """Faint stars are found where a deeper frame of another window shows them."""
    faint = make_coadd(camera, band, stars_image(10, 5, FLUX * 1e-3, (180, 190), seed=2), x0=10,
                       y0=5)  # fmt: skip
    pars = {"SourceList.process_params.DETECT_THRESH": 5.0}
    alone = SourceList.get(frame=faint, pars=pars)
    both = SourceList.get(frame=faint, detection_frame=coadd, pars=pars)
    assert alone.nsources < 5 and both.detection_frame == coadd
    inside = (np.abs(STARS[:, 0] - 104.5) < 90) & (np.abs(STARS[:, 1] - 94.5) < 88)
    assert abs(both.nsources - inside.sum()) <= 1
    expected = np.median(FLUX) * 1e-3
    assert abs(np.median(both.sources()["FLUX_APER"][:, 1]) / expected - 1) < 0.5
    assert SourceList.get(frame=faint) == alone != both and both.uptodate()
    assert SourceList.get(frame=faint, detection_frame=coadd) == both
    other = make_coadd(camera, band, stars_image(seed=3), grid="TAN 150.0 +3.0 0.2")
    with pytest.raises(MakeFailed, match="is on the grid"):
        SourceList.get(frame=faint, detection_frame=other)


@pytest.mark.parametrize("what", ["noise", "nan", "weightless", "flat"])
def test_a_frame_without_sources_gives_an_empty_flagged_list(camera, band, what):
    image = np.random.default_rng(5).normal(0, SKY, (64, 64)).astype(np.float32)
    weight = np.ones_like(image)
    if what == "nan":
        image[:] = np.nan
    elif what == "weightless":
        weight[:] = 0
    elif what == "flat":
        image[:] = 7.0
    frame = make_coadd(camera, band, image, weight)
    found = SourceList.get(frame=frame, pars={"SourceList.process_params.DETECT_THRESH": 8.0})
    assert len(found) == 0 and found and "FEW_SOURCES" in found.quality_flags.names
    assert ("NO_PIXELS" in found.quality_flags.names) == (what in ("nan", "weightless"))
    assert found.sources().count == 0 and list(found) == []
    with pytest.raises(ObjectNotFound, match="it is empty"):
        found[0]
    assert "0 sources" in found._repr_html_()


def test_any_number_of_apertures(coadd):
    pars = {"SourceList.process_params.PHOT_APERTURES": [2.0, 4.0, 8.0, 16.0, 30.0]}
    found = SourceList.get(frame=coadd, pars=pars)
    flux = found.sources(["FLUX_APER"])["FLUX_APER"]
    assert flux.shape[1] == 5 and (np.median(np.diff(flux, axis=1), axis=0) > 0).all()
    assert found.sources().facts["PHOT_APERTURES"] == [2.0, 4.0, 8.0, 16.0, 30.0]
