"""Header translation on the real headers beside the checkout."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
import yaml

from awlab.backend.dataserver import read_headers
from awlab.backend.ingest.description import FrameDescription, Section
from awlab.backend.ingest.detect import check_is_fits
from awlab.backend.ingest.instruments import builtin_instruments
from awlab.backend.ingest.split import describe

INSTRUMENTS = builtin_instruments()


class _HeaderLoader(yaml.SafeLoader):
    """Reads the property lists of the sample headers."""


_HeaderLoader.add_constructor(
    "lsst.daf.base.PropertyList",
    lambda loader, node: {
        row[0]: row[2] for row in loader.construct_sequence(node, deep=True)
    },
)  # fmt: skip


def from_yaml(path: Path) -> FrameDescription:
    header = yaml.load(path.read_text(), _HeaderLoader)
    return describe([header], INSTRUMENTS, str(path))[0]


def from_fits(path: Path) -> FrameDescription:
    check_is_fits(path)
    return describe(read_headers(path), INSTRUMENTS, str(path))[0]


def test_saao_overscan_lies_before_the_data(shared_data: Path):
    frame = from_fits(shared_data / "raw_single/a8280271.fits")
    assert (frame.kind, frame.OBJECT, frame.filter) == ("science", "rf0420", "48")
    assert datetime(2013, 7, 13, 0, 57, 33) == frame.DATE_OBS
    assert frame.trim == Section(17, 528, 1, 520)
    assert frame.prescan_x == Section(4, 13, 1, 520)
    assert frame.overscan_x is None
    assert (frame.scans.PRSCX, frame.scans.OVSCX, frame.scans.OVSCXPRE) == (16, 8, 8)
    assert (frame.claimed_gain, frame.claimed_read_noise) == (1.9, 5.0)
    assert any("MJD" in p or "Julian" in p for p in frame.problems)


@pytest.mark.parametrize(
    ("name", "instrument", "night", "filter_name"),
    [
        ("maximdl_5_21_header.fit", "Feder", date(2013, 3, 10), "R"),
        ("maximdl_5_23_header.fit", "Feder", date(2013, 10, 15), "B"),
        ("maximdl_6_16_header.fit", "Feder", date(2013, 10, 15), "B"),
        ("maximdl_6_18_header.fit", "AspenCG16", date(2018, 8, 22), "r"),
        ("sip-wcs.fit", "Feder", date(2011, 8, 31), "B"),
    ],
)
def test_maxim_headers(shared_data: Path, name, instrument, night, filter_name):
    frame = from_fits(shared_data / "raw_single" / name)
    assert (frame.kind, frame.instrument, frame.night, frame.filter) == (
        "science", instrument, night, filter_name,
    )  # fmt: skip


def test_efosc_masters_are_known_for_what_they_are(shared_data: Path):
    frame = from_fits(shared_data / "eso_hierarch/flat_20120411_R642.fits.gz")
    assert (frame.instrument, frame.chip, frame.kind) == ("EFOSC", "ccd40", "twilight")
    assert (frame.filter, frame.night, frame.binning) == ("R#642", date(2012, 4, 11), (2, 2))
    assert datetime(2012, 4, 11, 22, 59, 51, 408000) == frame.DATE_OBS
    assert (frame.claimed_gain, frame.claimed_read_noise) == (1.1, 7.8)
    assert frame.wcs is None  # CTYPE is PIXEL
    assert not frame.is_raw
    assert frame.trim == Section(1, 1008, 1, 1015)
    text = " ".join(frame.problems)
    assert "overlaps the data" in text
    assert "it was cut since" in text
    assert frame.template is not None
    assert (frame.template.id, frame.template.index) == ("EFOSC_img_cal_SkyFlats", 2)
    assert frame.observing_block is not None
    assert frame.observing_block.program_id == "188.D-3003(A)"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("flat_20120410_J_56089_1.fits.gz", datetime(2012, 4, 10, 19, 0, 39, 256900)),
        ("flat_20140428_J_56778_1.fits.gz", datetime(2014, 4, 28, 20, 11, 21, 858200)),
    ],
)
def test_sofi_dome_flats(shared_data: Path, name, start):
    frame = from_fits(shared_data / "eso_hierarch" / name)
    assert (frame.instrument, frame.kind, frame.filter) == ("SOFI", "dome", "J")
    assert start == frame.DATE_OBS
    assert frame.night == start.date()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fitsheader-decam.yaml",
         ("DECam", "science", "z", "S1", datetime(2013, 9, 1, 6, 2, 55, 753848), "2013-08-31")),
        ("fitsheader-decam-0160496.yaml",
         ("DECam", "bias", None, "S1", datetime(2012, 12, 11, 22, 6, 32, 859252), "2012-12-11")),
        ("fitsheader-decam-raw_dec050441_25.yaml",
         ("DECam", "science", "g", "S1", datetime(2013, 2, 13, 9, 1, 40, 966998), "2013-02-12")),
        ("fitsheader-hsc.yaml",
         ("HSC", "science", "HSC-i", "50", datetime(2013, 11, 2, 6, 15, 55, 908000), "2013-11-01")),
        ("fitsheader-hsc-HSCA04090107.yaml",
         ("HSC", "science", "HSC-r", "37", datetime(2015, 10, 10, 8, 20, 6, 598000), "2015-10-09")),
        ("fitsheader-suprimecam-CORR40535770.yaml",
         ("SuprimeCam", "science", "W-S-R+", "0", datetime(2007, 4, 23, 8, 2, 27, 204000),
          "2007-04-22")),
        ("fitsheader-megaprime.yaml",
         ("MegaPrime", "science", "i", "ccd02", datetime(2008, 11, 1, 14, 33, 32, 400000),
          "2008-10-31")),
        ("fitsheader-sdss-fpC-006377-g4-0399.yaml",
         ("SDSS", "science", "g", "4", datetime(2006, 9, 20, 6, 0, 49, 730000), "2006-09-19")),
    ],
)  # fmt: skip
def test_large_cameras(shared_data: Path, name, expected):
    frame = from_yaml(shared_data / "headers/tests/data" / name)
    found = (frame.instrument, frame.kind, frame.filter, frame.chip, frame.DATE_OBS)
    assert (*found, str(frame.night)) == expected


def test_decam_overscan_and_west_longitude(shared_data: Path):
    frame = from_yaml(shared_data / "headers/tests/data/fitsheader-decam.yaml")
    assert frame.trim == Section(57, 2104, 51, 4146)
    assert frame.overscan_x == Section(2105, 2154, 51, 4146)
    assert frame.prescan_x == Section(7, 56, 51, 4146)
    # The header calls 70.8 degrees west east; the sidereal time tells that it was not believed.
    assert pytest.approx((20.68 + 3.94 + 2 / 60) * 3600 % 86400, abs=3600) == frame.LST


def test_megaprime_strips_of_two_amplifiers(shared_data: Path):
    frame = from_yaml(shared_data / "headers/tests/data/fitsheader-megaprime.yaml")
    assert frame.trim == Section(33, 2080, 1, 4612)
    assert frame.prescan_x == Section(1, 32, 1, 4612)
    assert frame.overscan_x == Section(2081, 2112, 1, 4612)


def test_hsc_gain_of_zero_is_not_a_gain(shared_data: Path):
    frame = from_yaml(shared_data / "headers/tests/data/fitsheader-hsc-HSCA04090107.yaml")
    assert frame.claimed_gain == 3.18
    assert "GAIN is '0.0': taken as not measured" in frame.problems


def test_a_header_with_cards_missing_is_still_described(shared_data: Path):
    frame = from_yaml(shared_data / "headers/tests/data/bad-megaprime.yaml")
    assert (frame.instrument, frame.kind) == ("MegaPrime", "science")
    assert any("taken as science" in p for p in frame.problems)
