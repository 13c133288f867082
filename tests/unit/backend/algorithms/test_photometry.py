"""Photometric fits on bad input: a default and a reason; and arithmetic that can be checked."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    FieldMagnitudes,
    PhotometricOptions,
    StandardStars,
    ZeropointOptions,
    extinction_from_curve,
    extinction_from_frames,
    extinction_from_zeropoint,
    extinction_from_zeropoints,
    fit_transformation,
    fit_zeropoint,
    instrumental_magnitudes,
    solve_photometry,
)
from awlab.backend.algorithms.linear_fit import fit_linear


def stars(size, zeropoint=25.0, **changes):
    magnitude = np.linspace(14, 18, size)
    columns = {
        "instrumental": magnitude - zeropoint,
        "instrumental_error": np.full(size, 0.01),
        "magnitude": magnitude,
        "magnitude_error": np.full(size, 0.01),
    }
    return StandardStars(**(columns | changes))


def test_instrumental_magnitudes():
    mag, error = instrumental_magnitudes(np.array([1e4, 0.0, -5.0]), np.array([100.0, 1, 1]), 10.0)
    assert mag[0] == pytest.approx(-7.5)
    assert error[0] == pytest.approx(0.010857, abs=1e-5)
    assert np.isnan(mag[1:]).all()
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(BadArray, match="exposure time"):
            instrumental_magnitudes(np.ones(1), np.ones(1), bad)


@pytest.mark.parametrize(
    "bad",
    [
        stars(0),
        stars(1),
        stars(9, instrumental=np.full(9, np.nan)),
        stars(9, magnitude_error=np.full(9, np.inf)),
        stars(9, flags=np.full(9, 4)),
    ],
)
def test_too_few_standards_give_the_default(bad):
    found = fit_zeropoint(bad, ZeropointOptions(default=24.5))
    assert (found.zeropoint, found.zp_origin, found.source_count) == (24.5, "default", 0)
    assert "usable standard stars, 3 needed" in found.reason
    assert np.isnan(found.zp_error)
    assert found.residuals.size == bad.magnitude.size


def test_perfect_stars_give_the_zeropoint_and_its_error():
    found = fit_zeropoint(stars(50))
    assert found.zeropoint == pytest.approx(25.0)
    assert found.zp_error == pytest.approx(np.hypot(0.01, 0.01) / np.sqrt(50))
    assert found.scatter == 0.0
    air = ZeropointOptions(airmass=2, extinction=0.1, extinction_error=0.02)
    higher = fit_zeropoint(stars(50), air)
    assert higher.zeropoint == pytest.approx(25.2)
    assert higher.zp_error == pytest.approx(np.hypot(found.zp_error, 0.04))


def test_one_colour_for_all_cannot_give_a_colour_term():
    red = stars(20, colour=np.full(20, 1.5))
    found = fit_zeropoint(red, ZeropointOptions(fit_colour=True, pivot=1.0, default=20.0))
    assert (found.zp_origin, found.zeropoint) == ("default", 20.0)
    assert fit_transformation(red, np.zeros(20, int)).reason
    assert fit_transformation(stars(20), np.zeros(20, int)).reason
    lone = stars(4, colour=np.arange(4.0))
    assert "different colours" in fit_transformation(lone, np.arange(4)).reason
    known = fit_zeropoint(red, ZeropointOptions(color_term=0.1, color_term_error=0.05, pivot=1.0))
    assert known.zeropoint == pytest.approx(24.95)
    assert known.zp_error > 0.025 * 0.99


def test_shapes():
    with pytest.raises(BadArray, match="shapes"):
        stars(5, colour=np.zeros(4))
    with pytest.raises(BadArray, match="2 frames for 5 measurements"):
        fit_transformation(stars(5), np.zeros(2))
    with pytest.raises(BadArray, match="shapes"):
        extinction_from_zeropoints(np.zeros(3), np.zeros(3), np.zeros(2))
    with pytest.raises(BadArray, match="1 stars for 3"):
        extinction_from_frames((np.zeros(3), np.zeros(3)), np.zeros(1), np.ones(3))


def test_extinction_from_one_zeropoint():
    found = extinction_from_zeropoint(24.85, 0.03, 25.0, 0.04, 1.5)
    assert found.value == pytest.approx(0.1)
    assert found.error == pytest.approx(0.05 / 1.5)
    assert extinction_from_zeropoint(24.85, 0.03, 25.0, 0.04, 0.0).reason
    assert extinction_from_zeropoint(np.nan, 0.03, 25.0, 0.04, 1.2).reason


def test_airmasses_that_say_nothing():
    same = extinction_from_zeropoints(np.full(5, 24.0), np.full(5, 0.01), np.full(5, 1.2))
    assert "no range of airmass" in same.reason
    placeholders = np.array([99.99, 0.0, np.nan, 1.1])
    assert extinction_from_zeropoints(np.full(4, 24.0), np.full(4, 0.01), placeholders).reason
    once = extinction_from_frames((np.zeros(4), np.full(4, 0.01)), np.arange(4), np.arange(1.0, 5))
    assert "different airmass" in once.reason
    empty = np.empty(0)
    assert extinction_from_zeropoints(empty, empty, empty).reason
    assert extinction_from_frames((empty, empty), empty, empty).reason


def test_extinction_curve():
    curve = np.array([3000.0, 5000, 7000, 9000]), np.array([0.9, 0.2, 0.1, 0.05])
    assert extinction_from_curve(curve, 6000.0).value == pytest.approx(0.15)
    wavelength = np.linspace(5500, 6500, 101)
    flat = extinction_from_curve(curve, wavelength, np.ones(101))
    assert flat.value == pytest.approx(0.15, abs=1e-3)
    blue = extinction_from_curve(curve, np.linspace(3000, 5000, 101), np.ones(101))
    assert blue.value < 0.55, "more light passes where the air is clear"
    assert "3000 to 9000 angstrom" in extinction_from_curve(curve, 12000.0).reason
    tail = np.r_[wavelength, 12000.0]
    assert extinction_from_curve(curve, tail, np.r_[np.ones(101), 0.0]).reason == ""
    with pytest.raises(BadArray, match="ascend"):
        extinction_from_curve((curve[0][::-1], curve[1]), 6000.0)
    with pytest.raises(BadArray, match="responses"):
        extinction_from_curve(curve, wavelength)


def field(n=40, **changes):
    rng = np.random.default_rng(1)
    columns = {
        "star": np.repeat(np.arange(n), 2),
        "exposure": np.tile([5, 7], n),
        "chip": np.zeros(2 * n, int),
        "x": rng.uniform(0, 1, 2 * n),
        "y": rng.uniform(0, 1, 2 * n),
        "instrumental": np.repeat(np.linspace(-10, -5, n), 2),
        "error": np.full(2 * n, 0.01),
    }
    return FieldMagnitudes(**(columns | changes))


def test_overlaps_alone_are_refused():
    unknown = np.full(40, np.nan), np.full(40, 0.01)
    found = solve_photometry(field(), unknown)
    assert "0 reference stars measured" in found.reason
    assert not found.used.any()
    dark = field(instrumental=np.full(80, np.nan))
    nothing = solve_photometry(dark, (np.zeros(40), np.zeros(40)))
    assert nothing.reason
    none = np.empty(0)
    empty = FieldMagnitudes(none.astype(int), *6 * [none])
    assert solve_photometry(empty, (none, none)).reason


def test_small_field_and_bad_rows():
    options = PhotometricOptions(illumination_order=0)
    mag = field().instrumental.copy()
    mag[3] = np.nan
    reference = np.linspace(-10, -5, 40) + 25, np.full(40, 0.02)
    found = solve_photometry(field(instrumental=mag), reference, options)
    assert found.exposure.tolist() == [5, 7]
    assert np.allclose(found.zeropoint, 25.0)
    assert not found.used[3]
    assert found.RMS_OVERLAP < 1e-9
    # All places the same: a map cannot be told, and does no harm.
    one_place = field(x=np.zeros(80), y=np.zeros(80))
    assert np.allclose(solve_photometry(one_place, reference).zeropoint, 25.0, atol=1e-6)


def test_stars_without_reference_row_are_refused():
    with pytest.raises(BadArray, match="stars go up to 39"):
        solve_photometry(field(), (np.zeros(10), np.zeros(10)))
    with pytest.raises(BadArray, match="shapes"):
        field(x=np.zeros(3))


def test_linear_fit_needs_a_determined_system():
    ones = np.ones((5, 1))
    assert fit_linear(np.hstack([ones, ones]), np.arange(5.0), np.ones(5)) is None
    assert fit_linear(np.zeros((5, 1)), np.arange(5.0), np.ones(5)) is None
    assert fit_linear(np.ones((1, 2)), np.ones(1), np.ones(1)) is None
    line = np.stack([np.ones(6), np.arange(6.0)], 1)
    exact = fit_linear(line, line @ [3.0, 2.0], np.zeros(6))
    assert np.allclose(exact.solution, [3, 2])
