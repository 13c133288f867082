"""Header translation, pitfall by pitfall, on headers made up to be nasty: dates and nights."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from awlab.backend.errors import IngestError, MissingKeyword
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.instruments import builtin_instruments
from awlab.backend.ingest.moments import julian_moment, modified_julian_date, sidereal_time
from awlab.backend.ingest.split import describe

INSTRUMENTS = builtin_instruments()
HEADER = {
    "NAXIS": 2,
    "NAXIS1": 1000,
    "NAXIS2": 800,
    "BITPIX": 16,
    "DATE-OBS": "2013-07-04T05:49:54",
    "EXPTIME": 60.0,
    "IMAGETYP": "LIGHT",
    "OBJECT": "NGC 1",
    "FILTER": "B",
    "SITELONG": -96.45,
}


CCD50 = {"INSTRUME": "WFI", "ESO DET CHIP ID": "ccd50"}


def frame(path: str = "data/x.fits", **changes: object) -> FrameDescription:
    """Describe a generic frame with some cards changed; None removes a card."""
    header = {**HEADER, **{k.replace("_", "-"): v for k, v in changes.items()}}
    return describe([{k: v for k, v in header.items() if v is not None}], INSTRUMENTS, path)[0]


def said(found: FrameDescription, words: str) -> bool:
    return any(words in problem for problem in found.problems)


# 2. Dates in all their forms.
@pytest.mark.parametrize(
    ("card", "more", "expected", "note"),
    [
        ("2013-07-04T05:49:54.1234567", {}, "2013-07-04T05:49:54.123457", ""),
        ("2013-07-04 05:49:54", {}, "2013-07-04T05:49:54", ""),
        ("2013-07-04T05:49:54Z", {}, "2013-07-04T05:49:54", ""),
        ("2013-07-04T05:49", {}, "2013-07-04T05:49:00", ""),
        ("2013/07/04", {"UT": "05:49:54.5"}, "2013-07-04T05:49:54.500000", ""),
        ("2013-07-04", {"UTC": 20994.0}, "2013-07-04T05:49:54", ""),
        ("2013-07-03T22:49:54-0700", {}, "2013-07-04T05:49:54", "converted to UTC"),
        ("2013-07-04T07:49:54+02:00", {}, "2013-07-04T05:49:54", "converted to UTC"),
        ("19/09/98", {"UT": "23:10:00"}, "1998-09-19T23:10:00", ""),
        ("09/19/98", {"UT": "23:10:00"}, "1998-09-19T23:10:00", ""),
        ("08/05/10", {"UT": "01:00:00"}, "2010-05-08T01:00:00", "day/month/year"),
        ("08/05/10", {"UT": "01:00:00", "MJD-OBS": 55413.04166667}, "2010-08-05T01:00:00", ""),
        ("08/05/10", {"UT": "01:00:00", "JD": 2455324.54166667}, "2010-05-08T01:00:00", ""),
        (None, {"JD": 2456477.742986111}, "2013-07-04T05:49:54", "Julian date was used"),
        ("2013-07-04", {"MJD-OBS": 56477.24298611}, "2013-07-04T05:49:54", "from the Julian"),
        ("2013-07-04", {}, "2013-07-04T00:00:00", "midnight UTC was taken"),
        ("2016-12-31T23:59:60.0", {}, "2017-01-01T00:00:00", ""),
        ("2013-07-04T24:00:00", {}, "2013-07-05T00:00:00", ""),
    ],
)
def test_dates(card, more, expected, note):
    header = {**HEADER, **more, "DATE-OBS": card}
    found = describe([{k: v for k, v in header.items() if v is not None}], INSTRUMENTS)[0]
    wanted = datetime.fromisoformat(expected)
    assert abs((found.DATE_OBS - wanted).total_seconds()) < 1e-3
    if not more.get("JD") and not more.get("MJD-OBS"):
        assert wanted == found.DATE_OBS
    assert said(found, note) if note else found.problems == ()


def test_a_date_that_cannot_be_read_is_one_sentence():
    with pytest.raises(IngestError, match=r"date of x\.fits cannot be read: DATE-OBS is 'soon'"):
        frame(DATE_OBS="soon", MJD_OBS=None)


def test_no_date_at_all_is_one_sentence():
    with pytest.raises(MissingKeyword, match=r"x\.fits has no DATE-OBS and no Julian date"):
        frame(DATE_OBS=None)


def test_date_and_julian_date_that_differ_are_told():
    assert said(frame(MJD_OBS=56477.0), "differ by 20994 s")


def test_international_atomic_time_becomes_utc():
    found = frame(TIMESYS="TAI")
    assert datetime(2013, 7, 4, 5, 49, 19) == found.DATE_OBS
    assert said(found, "TAI")


@pytest.mark.parametrize(
    ("stamp", "night"),
    [
        ("2013-07-04T17:59:59", date(2013, 7, 3)),
        ("2013-07-04T18:30:00", date(2013, 7, 4)),
        ("2013-07-05T05:00:00", date(2013, 7, 4)),
    ],
)
def test_the_night_runs_from_noon_to_noon_at_the_telescope(stamp, night):
    assert frame(DATE_OBS=stamp).night == night


def test_the_night_of_the_reference_wfi_la_silla():
    header = {**HEADER, **CCD50, "ESO DPR TYPE": "BIAS", "DATE-OBS": "2000-04-29T00:04:00"}
    assert describe([header], INSTRUMENTS)[0].night == date(2000, 4, 28)


def test_no_longitude_is_told():
    assert said(frame(SITELONG=None), "counted in UTC")


def test_moments_agree_with_astropy():
    from astropy.time import Time

    moment = datetime(2013, 7, 4, 5, 49, 54, 250000)
    assert modified_julian_date(moment) == pytest.approx(Time(moment).mjd, abs=1e-9)
    back = julian_moment(Time(moment).jd)
    assert back is not None
    assert abs((back - moment).total_seconds()) < 1e-4
    time = Time(moment, location=("-96.45d", "46.9d"))
    time.delta_ut1_utc = 0.0
    assert sidereal_time(moment, -96.45) == pytest.approx(
        time.sidereal_time("mean").hour * 3600, abs=0.2
    )
