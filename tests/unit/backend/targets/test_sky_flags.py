"""Every flag bit of the targets on the sky is raised beyond its limit, and not at it."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.catalogs import AstrometricCatalog
from awlab.backend.datamodel import Filter, RawScienceFrame, flags_of
from awlab.backend.targets import (
    AstrometricParameters,
    AtmosphericExtinction,
    CoaddedRegriddedFrame,
    CosmicMap,
    PhotometricParameters,
    PhotSrcCatalog,
    PhotTransformation,
    ReducedScienceFrame,
    RegriddedFrame,
    SourceList,
)
from awlab.backend.targets.doubts import is_doubtful

NO_REFERENCE, RMS_LARGE, QUANTISED = 1 << 17, 1 << 19, 1 << 4


def astrometry(**values):
    usual = {"reference": AstrometricCatalog(), "NREF": 10, "RMS": 1.0}
    return AstrometricParameters(**(usual | {"SIG_DRA": 0.6, "SIG_DDEC": 0.6} | values))


def photcat(**values):
    usual = {"nsources": 1, "reduced": ReducedScienceFrame(), "astrom_params": astrometry()}
    return PhotSrcCatalog(**(usual | {"raw": RawScienceFrame(EXPTIME=10.0)} | values))


def extinction(**values):
    return AtmosphericExtinction(**({"extinction": 0.0, "error": 0.05} | values))


def colour(**values):
    return PhotTransformation(**({"color_term_error": 0.1, "num_sources": 5} | values))


def photometry(**values):
    return PhotometricParameters(**({"zp_error": 0.05} | values))


def regridded(**values):
    usual = {"good_pixels": 1, "EXPTIME": 10.0, "psf_radius": 1.0, "photom_params": photometry()}
    inputs = {"reduced": ReducedScienceFrame(), "astrom_params": astrometry()}
    return RegriddedFrame(**(usual | inputs | values))


def asked_globally(name):
    frame = regridded()
    setattr(frame.process_params, name, "global")
    return frame


def coadd(**values):
    usual = {"psf_radius": 1.3, "regridded_frames": [regridded()]}
    return CoaddedRegriddedFrame(**(usual | values))


def sources(**values):
    usual = {"nsources": 1, "zeropoint": 25.0, "frame": regridded()}
    return SourceList(**(usual | values))


def cosmic(count):
    return CosmicMap(count=count, npix=10**6)


BANDS = Filter(name="#842"), Filter(name="#844")
LIMITS = [
    ("NO_SOLUTION", astrometry, lambda: astrometry(failure="no match")),
    ("NO_REFERENCE", astrometry, lambda: astrometry(reference=None, NREF=0, RMS=None)),
    ("FEW_REFERENCES", astrometry, lambda: astrometry(NREF=9)),
    ("RMS_LARGE", astrometry, lambda: astrometry(RMS=1.01)),
    ("SIGMA_LARGE", astrometry, lambda: astrometry(SIG_DDEC=0.61)),
    ("NO_STANDARDS", photcat, lambda: photcat(nsources=0)),
    ("NO_EXPTIME", photcat, lambda: photcat(raw=RawScienceFrame(EXPTIME=0.0))),
    (
        "FLAGGED_INPUT",
        lambda: photcat(astrom_params=astrometry(quality_flags=NO_REFERENCE)),
        lambda: photcat(astrom_params=astrometry(quality_flags=RMS_LARGE)),
    ),
    ("NO_FIT", extinction, lambda: extinction(reason="none", error=None)),
    ("ERROR_LARGE", extinction, lambda: extinction(error=0.051)),
    ("IMPOSSIBLE", extinction, lambda: extinction(extinction=-0.001)),
    ("NO_FIT", colour, lambda: colour(reason="none")),
    ("ERROR_LARGE", colour, lambda: colour(color_term_error=0.11)),
    ("FEW_STARS", colour, lambda: colour(num_sources=4)),
    ("NO_FIT", photometry, lambda: photometry(reason="none", zp_error=None)),
    ("ERROR_LARGE", photometry, lambda: photometry(zp_error=0.051)),
    ("NO_PIXELS", regridded, lambda: regridded(good_pixels=0)),
    ("NO_STARS", regridded, lambda: regridded(psf_radius=None)),
    ("NO_EXPTIME", regridded, lambda: regridded(EXPTIME=0.0)),
    (
        "DEFAULT_CALIBRATION",
        regridded,
        lambda: regridded(photom_params=photometry(origin="default")),
    ),
    ("NO_GLOBAL_ASTROM", regridded, lambda: asked_globally("ASTROMETRY")),
    ("NO_GLOBAL_PHOTOM", regridded, lambda: asked_globally("PHOTOMETRY")),
    (
        "FLAGGED_INPUT",
        lambda: regridded(reduced=ReducedScienceFrame(quality_flags=QUANTISED)),
        lambda: regridded(reduced=ReducedScienceFrame(quality_flags=1)),
    ),
    ("PSF_CHANGED", coadd, lambda: coadd(psf_radius=1.31)),
    ("NO_STARS", coadd, lambda: coadd(psf_radius=None)),
    ("FRAMES_LEFT_OUT", coadd, lambda: coadd(left_out={"a": "seeing"})),
    ("MIXED_FILTERS", coadd, lambda: coadd(regridded_frames=[regridded(filter=b) for b in BANDS])),
    (
        "NO_OVERLAP",
        lambda: coadd(nframes=1, most_exposures=1),
        lambda: coadd(nframes=2, most_exposures=1),
    ),
    (
        "FLAGGED_INPUT",
        lambda: coadd(regridded_frames=[regridded(quality_flags=1 << 17)]),
        lambda: coadd(regridded_frames=[regridded(), regridded(quality_flags=1)]),
    ),
    ("FEW_SOURCES", sources, lambda: sources(nsources=0)),
    (
        "FLAGGED_INPUT",
        lambda: sources(frame=coadd(quality_flags=1 << 18)),
        lambda: sources(frame=coadd(quality_flags=1 << 16)),
    ),
    ("TOO_MANY_COSMICS", lambda: cosmic(10_000), lambda: cosmic(10_001)),
]


@pytest.mark.parametrize(("flag", "at_limit", "beyond"), LIMITS)
def test_flag_beyond_its_limit_alone(flag, at_limit, beyond):
    good, bad = at_limit(), beyond()
    before = int(good.quality_flags)
    good.verify()
    assert int(good.quality_flags) == before
    bad.verify()
    assert bad.quality_flags.names == [flag]


def test_every_own_bit_is_tested_here():
    tested = {(type(beyond()), flag) for flag, _, beyond in LIMITS}
    for cls in {cls for cls, _ in tested} - {SourceList}:
        own = {(cls, name) for name, flag in flags_of(cls).items() if flag.bit >= 16}
        assert own <= tested, cls


def test_a_colour_term_that_is_lost_in_its_error_is_not_applied():
    assert colour(color_term=-0.05, color_term_error=0.01).applied_term == -0.05
    assert colour(color_term=0.02, color_term_error=0.01).applied_term == 0
    assert PhotTransformation().applied_term == 0, "by default there is none"


def test_doubts_are_handed_on_but_not_what_only_informs():
    assert not is_doubtful(None, ReducedScienceFrame(quality_flags=QUANTISED), coadd())
    assert is_doubtful(ReducedScienceFrame(quality_flags=QUANTISED | 1))


CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 30.0, "CRVAL2": 0.0,
    "CRPIX1": 20.0, "CRPIX2": 20.0, "CD1_1": -6e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 6e-5,
}  # fmt: skip


@pytest.mark.parametrize("spoil", ["all NaN", "all of weight 0"])
def test_a_frame_without_a_good_pixel_is_one_pixel_and_a_flag(spoil):
    place = astrometry(cards=CARDS)
    frame = regridded(grid="TAN 30.000000 +0.000000 0.2000", astrom_params=place)
    image = np.full((40, 40), np.nan if spoil == "all NaN" else 5.0, np.float32)
    weight = np.full((40, 40), spoil == "all NaN", np.float32)
    _, planes = frame._regridded(image, weight, 0.0)
    assert planes["WEIGHT"].shape == (1, 1) and not planes["WEIGHT"].any()
    frame.verify()
    assert frame.quality_flags.names == ["NO_PIXELS"]
    assert set(frame.quality_flags.names) <= set(RegriddedFrame.FATAL)
