"""Plate solutions agree with astropy.wcs, go round, and refuse what they cannot read."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    BadArray,
    PlateSolution,
    deproject,
    plate_from_cards,
    project,
    sip_cards,
    tpv_cards,
)
from awlab.backend.algorithms.tangent_plane import TPV_TERMS, identity_pv, plate_from_samples

SHAPE = (4096, 2048)
SCALE = 0.238 / 3600


def distorted(crpix=(3000.0, -200.0), dec=60.0, order=3, radial=0.0):
    rng = np.random.default_rng(5)
    pv = identity_pv()
    for k, term in enumerate(TPV_TERMS):
        if 2 <= sum(term[:2]) <= order:
            pv[:, k] = rng.normal(0, 3e-3, 2)
    pv[:, 0] = 1e-4, -2e-4
    pv[:, 11] = radial
    cd = np.array([[-np.cos(0.05), np.sin(0.05)], [np.sin(0.05), np.cos(0.05)]]) * SCALE
    return PlateSolution((150.0, dec), crpix, cd, pv)


def pixels(n=500):
    rng = np.random.default_rng(6)
    return rng.uniform(0, SHAPE[1], n), rng.uniform(0, SHAPE[0], n)


def separation(first, second):
    """Milliarcseconds between positions."""
    east = (first[0] - second[0] + 180) % 360 - 180
    return np.hypot(east * np.cos(np.radians(second[1])), first[1] - second[1]) * 3.6e6


def wcs_of(cards):
    header = Header()
    for key, value in cards.items():
        header[key] = value
    return WCS(header)


@pytest.mark.parametrize("plate", [distorted(), distorted(order=5), distorted(radial=0.01)])
def test_tpv_cards_mean_the_same_to_astropy(plate):
    x, y = pixels()
    wcs = wcs_of(tpv_cards(plate))
    sky = plate.pixel_to_sky(x, y)
    assert separation(wcs.all_pix2world(x, y, 0), sky).max() < 1e-3
    back = wcs.all_world2pix(*sky, 0)
    ours = plate.sky_to_pixel(*sky)
    assert np.abs(np.subtract(ours, back)).max() < 1e-6
    assert np.abs(np.subtract(ours, (x, y))).max() < 1e-7
    again = plate_from_cards(tpv_cards(plate))
    assert separation(again.pixel_to_sky(x, y), sky).max() < 1e-6


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_sip_cards_mean_the_same_to_astropy(order):
    plate = distorted(order=order)
    x, y = pixels()
    cards = sip_cards(plate, SHAPE)
    wcs = wcs_of(cards)
    sky = plate.pixel_to_sky(x, y)
    assert separation(wcs.all_pix2world(x, y, 0), sky).max() < 0.01
    focal = wcs.wcs_world2pix(np.column_stack(sky), 1) - wcs.wcs.crpix
    near = wcs.sip_foc2pix(focal, 1) - 1.0
    assert np.abs(near - np.column_stack([x, y])).max() < 1e-3, "inverse polynomials"
    assert separation(plate_from_cards(cards).pixel_to_sky(x, y), sky).max() < 0.01


def test_plain_tan_has_no_polynomials():
    plate = PlateSolution((10.0, -30.0), (100.0, 200.0), np.diag([-SCALE, SCALE]), identity_pv())
    cards = tpv_cards(plate)
    assert cards["CTYPE1"] == "RA---TAN"
    assert not any(key.startswith("PV") for key in cards)
    assert plate.order == 1
    assert plate.pixel_scale == pytest.approx(0.238)
    assert [float(v) for v in plate.pixel_to_sky(99.0, 199.0)] == pytest.approx([10.0, -30.0])


def test_old_headers():
    turn = np.radians(30)
    base = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0,
        "CRPIX1": 5.0, "CRPIX2": 6.0, "CDELT1": -SCALE, "CDELT2": SCALE,
    }  # fmt: skip
    pc = {
        "PC1_1": np.cos(turn), "PC1_2": np.sin(turn),
        "PC2_1": -np.sin(turn), "PC2_2": np.cos(turn),
    }  # fmt: skip
    x, y = pixels(50)
    for extra in ({}, {"CROTA2": 30.0}, pc):
        cards = base | extra
        theirs = wcs_of(cards).all_pix2world(x, y, 0)
        assert separation(plate_from_cards(cards).pixel_to_sky(x, y), theirs).max() < 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN"}, "ZPN"),
        ({"CRVAL2": None}, "CRVAL2"),
        ({"CD1_1": 0.0, "CD1_2": 0.0}, "singular"),
        ({f"CD{i}_{j}": None for i in (1, 2) for j in (1, 2)}, "neither CD nor CDELT"),
    ],
)
def test_unreadable_headers(change, words):
    cards = tpv_cards(distorted()) | change
    with pytest.raises(BadArray, match=words):
        plate_from_cards({key: value for key, value in cards.items() if value is not None})


def test_points_on_a_line_are_refused():
    line = np.linspace(0, 1, 9)
    with pytest.raises(BadArray, match="on a line"):
        plate_from_samples((line, line), (line, line), (0.0, 0.0), (1.0, 1.0), 1)


@given(
    st.floats(0, 359.999), st.floats(-90, 90), st.floats(-1, 1), st.floats(-1, 1)
)  # fmt: skip
def test_projection_goes_round(ra0, dec0, xi, eta):
    back = project(*deproject(xi, eta, ra0, dec0), ra0, dec0)
    assert np.allclose(back, (xi, eta), rtol=0, atol=1e-11)


def test_other_half_of_the_sky_is_nan():
    assert np.isnan(project(180.0, 0.0, 0.0, 0.0)).all()
