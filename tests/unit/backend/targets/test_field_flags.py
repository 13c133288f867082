"""Solutions of a field: every flag beyond its limit, and how far frames believe them."""

from __future__ import annotations

import pytest

from awlab.backend.datamodel import RawScienceFrame, flags_of
from awlab.backend.targets import (
    AstrometricParameters,
    Catalog,
    GAstrometric,
    GPhotometric,
    PhotometricParameters,
    ReducedScienceFrame,
    RegriddedFrame,
)

RMS_LARGE = 1 << 19


def place(**values):
    usual = {"NREF": 10, "RMS": 1.0, "SIG_DRA": 0.6, "SIG_DDEC": 0.6, "NOVERLAP": 10, "groups": 1}
    inner = {"RMS_OVERLAP": 0.3, "SIG_DRA_OVERLAP": 0.25, "SIG_DDEC_OVERLAP": 0.25}
    return GAstrometric(**(usual | inner | values))


def without_reference():
    found = place(NREF=0, RMS=None, SIG_DRA=None, SIG_DDEC=None)
    found._has_reference = False
    return found


def light(**values):
    usual = {"NOVERLAP": 10, "RMS_OVERLAP": 0.1, "zp_error": 0.03, "max_correction": 0.5}
    return GPhotometric(**(usual | {"groups": 1} | values))


def stars(**values):
    usual = {"nsources": 1, "raw": RawScienceFrame(EXPTIME=10.0), "reduced": ReducedScienceFrame()}
    inputs = {"astrom_params": AstrometricParameters(), "photom_params": PhotometricParameters()}
    return Catalog(**(usual | inputs | values))


LIMITS = [
    ("NO_SOLUTION", place, lambda: place(reason="no star is seen on two of 2 exposures")),
    ("NO_REFERENCE", place, without_reference),
    ("FEW_REFERENCES", place, lambda: place(NREF=9)),
    ("RMS_LARGE", place, lambda: place(RMS=1.01)),
    ("SIGMA_LARGE", place, lambda: place(SIG_DRA=0.61)),
    ("FEW_OVERLAPS", place, lambda: place(NOVERLAP=9)),
    ("RMS_OVERLAP_LARGE", place, lambda: place(RMS_OVERLAP=0.31)),
    ("SIGMA_OVERLAP_LARGE", place, lambda: place(SIG_DDEC_OVERLAP=0.26)),
    ("DISCONNECTED", place, lambda: place(groups=2)),
    ("NO_SOLUTION", light, lambda: light(reason="there is one frame only")),
    ("FEW_OVERLAPS", light, lambda: light(NOVERLAP=9)),
    ("RMS_OVERLAP_LARGE", light, lambda: light(RMS_OVERLAP=0.11)),
    ("ERROR_LARGE", light, lambda: light(zp_error=0.031)),
    ("CORRECTION_LARGE", light, lambda: light(max_correction=0.51)),
    ("DISCONNECTED", light, lambda: light(groups=2)),
    ("NO_SOURCES", stars, lambda: stars(nsources=0)),
    ("NO_EXPTIME", stars, lambda: stars(raw=RawScienceFrame(EXPTIME=0.0))),
    (
        "DEFAULT_CALIBRATION",
        stars,
        lambda: stars(photom_params=PhotometricParameters(origin="default")),
    ),
    (
        "FLAGGED_INPUT",
        stars,
        lambda: stars(astrom_params=AstrometricParameters(quality_flags=RMS_LARGE)),
    ),
]


@pytest.mark.parametrize(("flag", "at_limit", "beyond"), LIMITS)
def test_flag_beyond_its_limit_alone(flag, at_limit, beyond):
    good, bad = at_limit(), beyond()
    good.verify()
    assert good.quality_flags.names == []
    bad.verify()
    assert bad.quality_flags.names == [flag]


def test_every_own_bit_is_tested_here():
    tested = {(type(beyond()), flag) for flag, _, beyond in LIMITS}
    for cls in {cls for cls, _ in tested}:
        own = {(cls, name) for name, flag in flags_of(cls).items() if flag.bit >= 16}
        assert own <= tested, cls


def test_a_solution_is_asked_by_raw_frame():
    raw, other = RawScienceFrame(filename="a.fits"), RawScienceFrame(filename="b.fits")
    of_place = place(solutions={"a.fits": {"cards": {"CRVAL1": 30.0}}})
    assert of_place.cards_of(raw) == {"CRVAL1": 30.0} and of_place.cards_of(other) is None
    of_light = light(solutions={"a.fits": {"zp_correction": -0.02}})
    assert of_light.correction_of(raw) == -0.02 and of_light.correction_of(other) is None
    failed = place(solutions={"a.fits": {"cards": {}}}, reason="no overlaps")
    assert failed.solution_of(raw) is None


def regridded(**values):
    usual = {
        "good_pixels": 1, "EXPTIME": 1.0, "psf_radius": 1.0, "reduced": ReducedScienceFrame(),
        "raw": RawScienceFrame(filename="a.fits"), "airmass": 1.0, "zeropoint": 25.0,
        "photom_params": PhotometricParameters(zeropoint=25.0),
        "astrom_params": AstrometricParameters(quality_flags=RMS_LARGE, cards={"CRVAL1": 1.0}),
    }  # fmt: skip
    frame = RegriddedFrame(**(usual | values))
    frame.process_params.ASTROMETRY = frame.process_params.PHOTOMETRY = "global"
    return frame


def test_a_frame_believes_the_solution_of_the_field():
    frame = regridded(
        global_astrom=place(solutions={"a.fits": {"cards": {"CRVAL1": 2.0}}}),
        global_photom=light(solutions={"a.fits": {"zp_correction": 2.5}}),
    )
    assert frame._cards() == {"CRVAL1": 2.0}
    assert frame._flux_scale() == pytest.approx(0.1)
    assert (frame.zp_origin, frame.zp_correction) == ("global", 2.5)
    frame.verify()
    assert frame.quality_flags.names == [], "its own solution does not matter"


def test_a_frame_that_the_field_has_not_says_so_and_keeps_to_its_own():
    frame = regridded(global_astrom=place(), global_photom=light())
    assert frame._cards() == {"CRVAL1": 1.0}
    assert frame._flux_scale() == pytest.approx(1.0)
    assert (frame.zp_origin, frame.zp_correction) == ("derived", 0.0)
    frame.verify()
    names = ["FLAGGED_INPUT", "NO_GLOBAL_ASTROM", "NO_GLOBAL_PHOTOM"]
    assert sorted(frame.quality_flags.names) == names
