"""Where frames are: corners against Astropy, the best coordinates known, few statements."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from awlab.backend.algorithms import plate_from_cards
from awlab.backend.database import DBObject
from awlab.backend.datamodel import RawScienceFrame
from awlab.backend.errors import QueryError
from awlab.backend.quality import footprints, sky_picture
from awlab.backend.quality.figures import Picture
from awlab.backend.quality.footprints import _linear
from awlab.backend.targets import (
    AstrometricParameters,
    CoaddedRegriddedFrame,
    ReducedScienceFrame,
    RegriddedFrame,
    WeightFrame,
)

LINEAR = {
    "CRVAL1": 201.625, "CRVAL2": -31.645722, "CRPIX1": 50.0, "CRPIX2": 100.0, "CD1_1": -5e-5,
    "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 5e-5, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
}  # fmt: skip
CORNERS = [(0.5, 0.5), (100.5, 0.5), (100.5, 200.5), (0.5, 200.5)]  # FITS counts from 1


def distance(one, ra, dec):
    """Separation of a footprint's corners from positions [arcsec]."""
    mine = SkyCoord(list(one.ra), list(one.dec), unit="deg")
    return mine.separation(SkyCoord(ra, dec, unit="deg")).arcsec


def test_a_frame_of_the_grid_against_astropy(sky):
    (one,) = footprints(sky.frame).frames
    wcs = sky.frame.tan_grid.wcs(sky.frame.window)
    ra, dec = wcs.all_pix2world(CORNERS, 1).T
    assert distance(one, ra, dec).max() < 1e-4
    assert (one.origin, one.object_id) == ("grid", sky.frame.object_id)
    assert one.quality_flags == 1 << 5 and one.facts["chip"] == "ccd50"
    assert one.facts["filter"] == "#842" and one.facts["OBJECT"] == "Sha-W"
    assert one.facts["DATE_OBS"].startswith("2002-03-18 04:15")


@pytest.mark.parametrize("cls", [RawScienceFrame, ReducedScienceFrame, WeightFrame])
def test_what_the_telescope_said_of_raw_frames_and_what_is_made_of_them(sky, cls):
    found = footprints(cls.select_all())
    assert len(found.frames) == 8 and not found.nowhere and not found.more
    ra, dec = WCS(LINEAR).all_pix2world(CORNERS, 1).T
    assert all(distance(one, ra, dec).max() < 1e-4 for one in found.frames)
    assert {one.origin for one in found.frames} == {"header"}


def test_prescan_and_overscan_are_not_on_the_sky(sky):
    raw = RawScienceFrame(
        sky.frame.raw.retrieve(), instrument=sky.instrument, chip=sky.chip, NAXIS1=100, NAXIS2=200,
        PRSCX=10, OVSCX=5, PRSCY=2, OVSCY=3, astrom=sky.frame.raw.astrom,
    ).store().commit()  # fmt: skip
    (one,) = footprints(raw).frames
    ra, dec = WCS(LINEAR).all_pix2world([(10.5, 2.5), (95.5, 2.5), (95.5, 197.5), (10.5, 197.5)],
                                        1).T  # fmt: skip
    assert distance(one, ra, dec).max() < 1e-4


def test_the_newest_valid_solution_is_better_than_the_header(sky):
    frame = sky.frames[2].reduced
    moved = LINEAR | {"CRVAL1": 201.7}
    params = AstrometricParameters(
        sky.frames[2].astrom_params.retrieve(), raw=sky.frames[2].raw, reduced=frame, cards=moved,
        instrument=sky.instrument, chip=sky.chip,
    ).store().commit()  # fmt: skip
    failed = AstrometricParameters(
        params.retrieve(), raw=sky.frames[2].raw, reduced=frame, cards=LINEAR, failure="no stars",
        instrument=sky.instrument, chip=sky.chip,
    ).store().commit()  # fmt: skip
    ra, dec = WCS(moved).all_pix2world(CORNERS, 1).T
    for item in (frame, sky.frames[2].raw, sky.frames[2].weight, params):
        (one,) = footprints(item).frames
        assert one.origin == "solution", item
        assert distance(one, ra, dec).max() < 1e-4
    assert sky_picture(frame).cards["CRVAL1"] == pytest.approx(201.7, abs=0.01)
    params.set_valid(0, "no")
    assert footprints(frame).frames[0].origin == "header"
    failed.set_valid(0, "no")


def test_several_classes_at_once_and_few_statements(sky, statements):
    frames = [*sky.frames, sky.coadd, sky.frames[0].reduced]
    assert [one.object_id for one in footprints(frames).frames] == [f.object_id for f in frames]
    assert {one.class_name for one in footprints(frames).frames} == {
        *("RegriddedFrame", "CoaddedRegriddedFrame", "ReducedScienceFrame"),
    }
    query = ReducedScienceFrame.select_all()
    assert statements(lambda: footprints(query)) <= 4
    assert footprints(query, most=3).more and len(footprints(query, most=3).frames) == 3
    assert len(footprints(RegriddedFrame.grid == "none").frames) == 0


def test_a_frame_without_coordinates_is_counted(sky):
    lost = CoaddedRegriddedFrame(
        sky.coadd.retrieve(), instrument=sky.instrument, filter=sky.filter
    ).store().commit()  # fmt: skip
    found = footprints([lost, sky.coadd])
    assert (len(found.frames), found.nowhere) == (1, 1)
    with pytest.raises(QueryError, match="nowhere on the sky"):
        sky_picture(lost)


def test_what_cannot_be_on_the_sky_is_said(sky):
    with pytest.raises(QueryError, match="PhotometricParameters is nowhere on the sky"):
        footprints(sky.zeropoint)
    with pytest.raises(QueryError, match="only committed objects"):
        footprints([1, 2])
    with pytest.raises(QueryError, match="only committed objects"):
        footprints(RegriddedFrame())
    with pytest.raises(QueryError):
        sky_picture(DBObject(object_id=sky.zeropoint.object_id))


def test_the_picture_has_the_coordinates_of_the_frame(sky):
    found = sky_picture(sky.frame)
    assert found.picture.binning == 1 and found.largest_error < 1e-3
    wcs, true = WCS(found.cards), sky.frame.tan_grid.wcs(sky.frame.window)
    points = np.array([(1.0, 1.0), (50.0, 120.0), (100.0, 200.0)])
    one, other = (SkyCoord(*w.all_pix2world(points, 1).T, unit="deg") for w in (wcs, true))
    assert one.separation(other).arcsec.max() < 1e-3


def test_a_binned_picture_of_a_distorted_frame_is_near_enough():
    cards = LINEAR | {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_4": 2e-3, "PV2_5": 1e-3}
    plate = plate_from_cards(cards)
    empty = np.zeros((500, 250), np.float32)
    picture = Picture(0, 0, (2000, 1000), 4, empty, None, (0.0, 1.0), (np.zeros(0), np.zeros(0)))
    linear, error = _linear(plate, picture)
    assert 0 < error < 0.2  # far below a pixel of the picture, 0.72 arcsec
    x, y = np.array([0.0, 100.0, 249.0]), np.array([0.0, 400.0, 499.0])
    near = SkyCoord(*WCS(linear).all_pix2world(np.stack([x, y], 1), 0).T, unit="deg")
    ra, dec = plate.pixel_to_sky((x + 0.5) * 4 - 0.5, (y + 0.5) * 4 - 0.5)
    assert near.separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < 0.3
