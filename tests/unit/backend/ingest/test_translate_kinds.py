"""Header translation, pitfall by pitfall, on headers made up to be nasty: kinds of frame."""

from __future__ import annotations

import pytest

from awlab.backend.errors import IngestError
from awlab.backend.ingest.description import FrameDescription
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


def frame(path: str = "data/x.fits", **changes: object) -> FrameDescription:
    """Describe a generic frame with some cards changed; None removes a card."""
    header = {**HEADER, **{k.replace("_", "-"): v for k, v in changes.items()}}
    return describe([{k: v for k, v in header.items() if v is not None}], INSTRUMENTS, path)[0]


# 1. The kind is only in OBJECT, in the file name, in a folder name, or wrong.
@pytest.mark.parametrize(
    ("path", "changes", "kind", "noted"),
    [
        ("x.fits", {"IMAGETYP": "Bias Frame", "EXPTIME": 0}, "bias", False),
        ("x.fits", {"IMAGETYP": "zero", "EXPTIME": 0}, "bias", False),
        ("x.fits", {"IMAGETYP": "Dark Frame"}, "dark", False),
        ("x.fits", {"IMAGETYP": "Light Frame"}, "science", False),
        ("x.fits", {"IMAGETYP": "object"}, "science", False),
        ("x.fits", {"IMAGETYP": "DOME FLAT"}, "dome", False),
        ("x.fits", {"IMAGETYP": "sky flat"}, "twilight", False),
        ("x.fits", {"IMAGETYP": "Flat Field"}, "dome", True),
        ("x.fits", {"IMAGETYP": "Flat Field", "OBJECT": "dusk"}, "twilight", False),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "bias", "EXPTIME": 0}, "bias", True),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "Dark 60s"}, "dark", True),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "SKY,FLAT"}, "twilight", True),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "flat field B"}, "dome", True),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "M67"}, "science", True),
        ("bias_001.fits", {"IMAGETYP": None, "OBJECT": None}, "bias", True),
        ("night/dark-003.fits", {"IMAGETYP": None, "OBJECT": None}, "dark", True),
        ("skyflat_B_2.fits", {"IMAGETYP": None, "OBJECT": None}, "twilight", True),
        ("domeflat2.fits", {"IMAGETYP": None, "OBJECT": None}, "dome", True),
        ("n1/biases/0001.fits", {"IMAGETYP": None, "OBJECT": None}, "bias", True),
        ("n1/darks/0001.fits", {"IMAGETYP": None, "OBJECT": None}, "dark", True),
        ("n1/flats/0001.fits", {"IMAGETYP": None, "OBJECT": None}, "dome", True),
        ("n1\\skyflats\\0001.fits", {"IMAGETYP": None, "OBJECT": None}, "twilight", True),
        ("x.fits", {"IMAGETYP": "Light Frame", "OBJECT": "Flat"}, "dome", True),
        ("x.fits", {"IMAGETYP": "Light Frame", "OBJECT": "twilight flat"}, "twilight", True),
        ("flat-007V.fit", {"IMAGETYP": "Light Frame"}, "dome", True),
        ("AutoFlat-Dusk-R.fits", {"IMAGETYP": "Light Frame", "FILTER": "R"}, "twilight", True),
        ("flats/0001.fits", {"IMAGETYP": "Light Frame"}, "dome", True),
        ("x.fits", {"IMAGETYP": "Light Frame", "OBJECT": "bias", "EXPTIME": 0}, "bias", True),
        # Names of targets that only sound like calibrations.
        ("x.fits", {"OBJECT": "Dark Doodad Nebula"}, "science", False),
        ("x.fits", {"OBJECT": "Flatiron A"}, "science", False),
        ("zeropoint_M67.fits", {}, "science", False),
        ("x.fits", {"IMAGETYP": None, "OBJECT": "Dark cloud LDN 183"}, "science", True),
    ],
)
def test_kind(path, changes, kind, noted):
    found = frame(path, **changes)
    assert found.kind == kind
    assert bool(found.problems) == noted, found.problems


def test_a_frame_that_tells_no_kind_is_refused():
    with pytest.raises(IngestError, match=r"0001\.fits does not tell what kind"):
        frame("raw/0001.fits", IMAGETYP=None, OBJECT=None)


def test_a_focus_frame_is_refused():
    with pytest.raises(IngestError, match=r"not a frame that awlab ingests: IMAGETYP is 'focus'"):
        frame(IMAGETYP="focus")


@pytest.mark.parametrize(
    ("dpr", "tpl", "kind", "purpose"),
    [
        ("BIAS", "", "bias", "bias"),
        ("BIAS,READNOISE", "", "bias", "readnoise"),
        ("DARK", "", "dark", "dark"),
        ("FLAT,DOME", "", "dome", "dome"),
        ("FLAT,LAMP", "", "dome", "dome"),
        ("FLAT,DOME", "WFI_img_tec_GainLin", "dome", "gain"),
        ("FLAT,SKY", "", "twilight", "twilight"),
        ("SKY,FLAT", "", "twilight", "twilight"),
        ("FLAT", "SOFI_img_cal_SpecialDomeFlats", "dome", "dome"),
        ("FLAT", "EFOSC_img_cal_SkyFlats", "twilight", "twilight"),
        ("STD,ZEROPOINT", "", "science", "photom"),
        ("OBJECT", "", "science", "science"),
    ],
)
def test_eso_kinds(dpr, tpl, kind, purpose):
    header = {**HEADER, "INSTRUME": "EFOSC", "ESO DPR TYPE": dpr, "ESO DPR TECH": "IMAGE"}
    found = describe([{**header, "ESO TPL ID": tpl}], INSTRUMENTS)[0]
    assert (found.kind, found.purpose) == (kind, purpose)


def test_a_spectrum_is_refused():
    header = {**HEADER, "ESO DPR TYPE": "OBJECT", "ESO DPR TECH": "SPECTRUM"}
    with pytest.raises(IngestError, match="ESO DPR TECH is 'SPECTRUM'"):
        describe([header], INSTRUMENTS)
