"""Header translation, pitfall by pitfall, on headers made up to be nasty: values."""

from __future__ import annotations

import pytest
from astropy.io import fits

from awlab.backend.dataserver import Header
from awlab.backend.errors import MissingKeyword
from awlab.backend.ingest.description import FrameDescription, LinearWcs, Section
from awlab.backend.ingest.instruments import builtin_instruments
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


# 3. Cards that astropy refuses at first.
def test_an_unquoted_sexagesimal_card_is_mended():
    cards = "".join(f"{card.image:80}" for card in fits.Header(HEADER).cards)
    broken = f"{'RA      = 20:42:25.5 / unquoted':80}{'DEC     = -00:08:11':80}"
    header = fits.Header.fromstring(cards + broken)
    found = describe([header], INSTRUMENTS, "x.fits")[0]
    assert pytest.approx(310.60625) == found.RA
    assert pytest.approx(-0.1363889) == found.DEC
    assert said(found, "card RA breaks the FITS rules")


def test_the_data_servers_headers_bring_their_own_mending():
    cards = "".join(f"{card.image:80}" for card in fits.Header(HEADER).cards)
    broken = f"{'RA      = 20:42:25.5 / unquoted':80}{'DEC     = -00:08:11':80}"
    header = Header.parse(cards + broken)
    found = describe([header], INSTRUMENTS, "x.fits")[0]
    assert pytest.approx(310.60625) == found.RA
    assert header.problems
    assert set(header.problems) <= set(found.problems)


def test_a_card_beyond_reading_is_told_and_the_frame_kept():
    class Broken(dict):
        def __getitem__(self, key):
            if key == "RA":
                raise RuntimeError("unparsable card")
            return super().__getitem__(key)

    found = describe([Broken(HEADER, RA=1)], INSTRUMENTS)[0]
    assert found.RA is None
    assert said(found, "card RA breaks the FITS rules")


# 4. Numbers as strings, placeholders.
def test_numbers_written_as_strings_are_numbers():
    found = frame(EXPTIME=" 60.0 ", AIRMASS="1.25", GAIN="1.9D0", RA="22:04:08", DEC="-00:55:31")
    assert (found.EXPTIME, found.AIRMSTRT, found.claimed_gain) == (60.0, 1.25, 1.9)
    assert pytest.approx(331.033333) == found.RA
    assert pytest.approx(-0.925278) == found.DEC
    assert found.problems == ()


@pytest.mark.parametrize("airmass", ["99.99", 0.0, -1, "N/A", float("nan")])
def test_a_placeholder_for_airmass_is_not_an_airmass(airmass):
    assert frame(AIRMASS=airmass).AIRMSTRT is None


def test_placeholders_are_told():
    found = frame(AIRMASS="99.99", RA="hh:mm:ss.ss", DEC="+dd:mm:ss", GAIN=0.0)
    assert (found.AIRMSTRT, found.RA, found.DEC, found.claimed_gain) == (None, None, None, None)
    for words in ("AIRMASS is '99.99'", "RA is 'hh:mm:ss.ss'", "GAIN is '0.0'"):
        assert said(found, words)


def test_angles_out_of_range_are_not_known():
    found = frame(RA=720.0, DEC=-95.0)
    assert (found.RA, found.DEC) == (None, None)


def test_a_missing_exposure_time_is_one_sentence_but_for_a_bias():
    with pytest.raises(MissingKeyword, match=r"x\.fits has no exposure time"):
        frame(EXPTIME=None)
    assert frame(EXPTIME=None, IMAGETYP="bias").EXPTIME == 0.0


def test_a_bias_that_was_exposed_is_told():
    assert said(frame(IMAGETYP="bias"), "a bias frame with an exposure time of 60 s")


# 5. The header's gain is not the gain.
def test_a_claimed_gain_far_from_the_nominal_one_is_told():
    header = {**HEADER, **CCD50, "ESO DPR TYPE": "BIAS", "ESO DET OUT1 CONAD": 5.0}
    found = describe([header], INSTRUMENTS)[0]
    assert found.claimed_gain == 5.0
    assert said(found, "claims a gain of 5 e-/ADU, chip ccd50 has 2")


def test_esos_gain_is_the_inverse_of_the_gain():
    header = {**HEADER, "ESO DPR TYPE": "BIAS", "ESO DET OUT1 GAIN": 0.5}
    assert describe([header], INSTRUMENTS)[0].claimed_gain == 2.0


# 6. The filter under many names.
@pytest.mark.parametrize(
    ("changes", "path", "name", "noted"),
    [
        ({"FILTER": "V"}, "x.fits", "V", False),
        ({"FILTER": None, "FILTER1": "free", "FILTER2": "R"}, "x.fits", "R", False),
        ({"FILTER": None, "FILTER1": "B", "FILTER2": "ND3"}, "x.fits", "B", True),
        ({"FILTER": None, "FILTNAM": "Bessel V"}, "x.fits", "Bessel_V", False),
        ({"FILTER": None, "FILTERS": 48}, "x.fits", "48", False),
        ({"FILTER": None, "OBJECT": "SA98 V"}, "x.fits", "V", True),
        ({"FILTER": None, "OBJECT": "M67 filter=I"}, "x.fits", "I", True),
        ({"FILTER": None}, "M67-R-003.fits", "R", True),
        ({"FILTER": None}, "B/0001.fits", "B", True),
        ({"FILTER": "open"}, "x.fits", "open", True),
        ({"FILTER": None, "OBJECT": "M67"}, "x.fits", None, True),
        ({"FILTER": "R", "IMAGETYP": "dark"}, "x.fits", None, False),
    ],
)
def test_filter(changes, path, name, noted):
    found = frame(path, **changes)
    assert found.filter == name
    assert bool(found.problems) == noted, found.problems


def test_eso_filter_wheels():
    header = {k: v for k, v in HEADER.items() if k != "FILTER"} | {"ESO DPR TYPE": "OBJECT"}
    wheels = {"ESO INS FILT1 NAME": "open", "ESO INS FILT2 NAME": "J"}
    assert describe([{**header, **wheels}], INSTRUMENTS)[0].filter == "J"


def test_a_filter_the_instrument_does_not_have_is_kept_and_told():
    header = {**HEADER, **CCD50, "ESO DPR TYPE": "OBJECT", "ESO INS FILT1 NAME": "X 1"}
    found = describe([header], INSTRUMENTS)[0]
    assert found.filter == "X_1"
    assert said(found, "WFI has no filter 'X 1'")


# 7. Overscan is needed where it exists.
@pytest.mark.parametrize(
    ("cards", "trim", "strips"),
    [
        ({}, "[1:1000,1:800]", (None, None, None, None)),
        (
            {"BIASSEC": "[963:998,1:800]", "TRIMSEC": "[1:960,1:800]"},
            "[1:960,1:800]",
            ("[963:998,1:800]", None, None, None),
        ),
        (
            {"BIASSEC": "[ 4:13,1:800]", "TRIMSEC": "[ 17: 960, 1: 800]"},
            "[17:960,1:800]",
            (None, "[4:13,1:800]", None, None),
        ),
        (
            {"BIASSEC": "[1:1000,790:800]", "TRIMSEC": "[1:1000,1:789]"},
            "[1:1000,1:789]",
            (None, None, "[1:1000,790:800]", None),
        ),
        ({"BIASSEC": "[951:1000,1:800]"}, "[1:950,1:800]", ("[951:1000,1:800]", None, None, None)),
        ({"BIASSEC": "[1:1000,1:8]"}, "[1:1000,9:800]", (None, None, None, "[1:1000,1:8]")),
    ],
)
def test_sections(cards, trim, strips):
    found = frame(**cards)
    assert str(found.trim) == trim
    all_found = (found.overscan_x, found.prescan_x, found.overscan_y, found.prescan_y)
    assert tuple(s and str(s) for s in all_found) == strips
    assert found.problems == ()


def test_the_twelve_numbers():
    scans = frame(BIASSEC="[963:998,1:800]", TRIMSEC="[5:960,1:790]").scans
    assert (scans.OVSCX, scans.OVSCXPRE, scans.OVSCXPST) == (40, 2, 2)
    assert (scans.PRSCX, scans.PRSCXPRE, scans.PRSCXPST) == (4, 4, 0)
    assert (scans.OVSCY, scans.OVSCYPRE, scans.OVSCYPST) == (10, 10, 0)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"BIASSEC": "[1:1000,1:800]"}, "overlaps the data"),
        ({"BIASSEC": "[2105:2154,1:800]"}, "lies outside the frame"),
        ({"TRIMSEC": "[1:2048,1:800]"}, "does not fit a frame of 1000 x 800"),
    ],
)
def test_sections_that_cannot_be_are_not_used_and_told(cards, words):
    found = frame(**cards)
    assert found.trim == Section(1, 1000, 1, 800)
    assert said(found, words)


@pytest.mark.parametrize("section", ["[0:0,0:0]", "none", ""])
def test_a_section_of_nothing_is_no_section(section):
    assert frame(BIASSEC=section).overscan_x is None


@pytest.mark.parametrize(
    ("cards", "expected"),
    [({"XBINNING": 2, "YBINNING": "3"}, (2, 3)), ({"CCDSUM": "2 4"}, (2, 4)), ({}, (1, 1))],
)
def test_binning(cards, expected):
    assert frame(**cards).binning == expected


# 8. Frames squeezed to 8 bits.
def test_eight_bits_are_told():
    assert said(frame(BITPIX=8), "8 bits")
    assert not said(frame(BITPIX=16), "8 bits")


def test_a_processed_frame_is_told():
    found = frame(NCOMBINE=5)
    assert not found.is_raw
    assert said(found, "NCOMBINE is '5'")
    assert frame().is_raw


# Coordinates.
WCS = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -5.0,
       "CRPIX1": 500.0, "CRPIX2": 400.0}  # fmt: skip
CD = {"CD1_1": -1e-4, "CD1_2": 2e-5, "CD2_1": 3e-5, "CD2_2": 1e-4}


def wcs_of(**cards: object) -> LinearWcs | None:
    return describe([{**HEADER, **cards}], INSTRUMENTS)[0].wcs


@pytest.mark.parametrize(
    "matrix",
    [
        CD,
        {"CDELT1": -1e-4, "CDELT2": 1e-4, "CROTA2": 30.0},
        {"CDELT1": -1e-4, "CDELT2": 1e-4, "PC1_1": 0.9, "PC1_2": 0.1, "PC2_1": -0.1, "PC2_2": 0.9},
        {"CDELT1": -1e-4, "CDELT2": 1e-4},
        {"CD1_1": "-1.0E-04", "CD2_2": "1.0E-04"},
    ],
)
def test_linear_coordinates_agree_with_astropy(matrix):
    from astropy.wcs import WCS as AstropyWCS

    found = wcs_of(**WCS, **matrix)
    assert found is not None
    numbers = {k: float(v) for k, v in matrix.items()}
    reference = AstropyWCS(fits.Header({**WCS, **numbers})).pixel_scale_matrix
    ours = [[found.CD1_1, found.CD1_2], [found.CD2_1, found.CD2_2]]
    for mine, theirs in zip(ours, reference, strict=True):
        assert mine == pytest.approx(list(theirs), abs=1e-12)


def test_swapped_axes_are_put_in_order():
    swapped = {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": -5.0, "CRVAL2": 10.0,
               "CD1_1": 3e-5, "CD1_2": 1e-4, "CD2_1": -1e-4, "CD2_2": 2e-5}  # fmt: skip
    assert wcs_of(**{**WCS, **swapped}) == wcs_of(**WCS, **CD)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({**WCS, **CD, "CTYPE1": "PIXEL", "CTYPE2": "PIXEL"}, ""),
        ({**WCS, **CD, "CRVAL1": "?"}, "lacks CRVAL1"),
        ({**WCS}, "singular"),
    ],
)
def test_coordinates_that_cannot_be_used_are_left_out(cards, words):
    found = describe([{**HEADER, **cards}], INSTRUMENTS)[0]
    assert found.wcs is None
    assert said(found, words) if words else found.problems == ()


def test_a_rule_in_python_finds_an_attribute():
    from dataclasses import replace

    generic = INSTRUMENTS["generic"]
    rules = {**generic.keywords, "EXPTIME": (lambda header: float(header["EXPMS"]) / 1000,)}
    mine = replace(generic, name="mine", keywords=rules, priority=1)
    header = {**HEADER, "EXPMS": 2500}
    assert describe([header], INSTRUMENTS.with_definition(mine))[0].EXPTIME == 2.5


def test_a_frame_is_described_the_same_twice():
    assert frame() == frame()
