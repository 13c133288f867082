"""The common grid: plates, windows, and frames that do not belong on it."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    BadArray,
    GridWindow,
    TanGrid,
    common_grid,
    frame_window,
    plate_grid,
)

SHAPE = (120, 200)


def tan(ra=150.0, dec=2.0, scale=0.24, shape=SHAPE, **more):
    step = scale / 3600
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
        "CRPIX1": shape[1] / 2 + 0.5, "CRPIX2": shape[0] / 2 + 0.5,
        "CD1_1": -step, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": step, **more,
    }  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.floats(-400, 800), st.floats(-90, 90), st.sampled_from([0.5, 1.0, 2.0, 7.5]))
def test_every_position_has_a_plate_near_and_finds_it_again(ra, dec, spacing):
    grid = plate_grid(ra, dec, spacing=spacing)
    away = SkyCoord(ra % 360, dec, unit="deg").separation(SkyCoord(grid.ra, grid.dec, unit="deg"))
    # Half a step in each direction; on the band's polar side a step in RA is shorter.
    assert away.deg <= 0.75 * spacing
    assert 0 <= grid.ra < 360
    assert plate_grid(grid.ra, grid.dec, spacing=spacing) == grid


def test_chips_of_one_exposure_share_a_grid_in_any_order():
    frames = [(tan(150 + dx, 2.5 + dy), SHAPE) for dx in (-0.3, 0, 0.3) for dy in (-0.3, 0, 0.3)]
    assert common_grid(frames) == common_grid(frames[::-1])
    assert common_grid(frames).pixel_scale == 0.2


def test_grid_does_not_break_at_ra_zero_nor_at_the_pole():
    assert common_grid([(tan(359.9, 0), SHAPE), (tan(0.2, 0), SHAPE)]).ra == 0
    around = [(tan(ra, 89.9), SHAPE) for ra in (10, 130, 250)]
    assert common_grid(around) == TanGrid(0.0, 90.0)


@pytest.mark.parametrize("dec", [-89.99, -30.0, 0.0, 60.0, 90.0])
@pytest.mark.parametrize("angle", [0, 30, 200])
def test_window_holds_all_corners_and_no_more(dec, angle):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    step = 0.24 / 3600
    turned = dict(CD1_1=-step * c, CD1_2=step * s, CD2_1=step * s, CD2_2=step * c)
    cards = tan(0.001, dec, **turned)
    grid = common_grid([(cards, SHAPE)])
    window = frame_window(grid, cards, SHAPE)
    ny, nx = SHAPE
    corners = np.array([(0, 0), (nx - 1, 0), (0, ny - 1), (nx - 1, ny - 1)], float)
    sky = WCS(cards).wcs_pix2world(corners, 0)
    found = grid.wcs(window).wcs_world2pix(sky, 0)
    low, high = found.min(axis=0), found.max(axis=0)
    assert np.all((low > -1) & (low <= 1e-5))
    assert np.all((high < np.array(window.shape[::-1])) & (high > np.array(window.shape[::-1]) - 2))


def test_cards_are_the_wcs_of_the_window():
    grid, window = TanGrid(150.0, 2.0, 0.3), GridWindow(-7, 20, 11, 40)
    sky = WCS(grid.cards(window)).wcs_pix2world([[7.0, -11.0]], 0)[0]
    assert sky == pytest.approx([150.0, 2.0], abs=1e-12)
    assert window.shape == (29, 27)


def test_windows_meet_and_join():
    a, b = GridWindow(-5, 10, 0, 8), GridWindow(2, 30, -3, 4)
    assert a & b == GridWindow(2, 10, 0, 4)
    assert a | b == GridWindow(-5, 30, -3, 8)
    assert (a & GridWindow(10, 11, 0, 1)) is None
    index = np.arange(8 * 15).reshape(8, 15)[(a & b).slices_in(a)]
    assert index[0, 0] == 7
    assert index.shape == (a & b).shape


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (tan(150, -60), "deg from the grid's centre"),
        (tan(scale=3600.0), "look at the scale|deg from the grid's centre"),
        (tan(CD1_1=1e-4, CD1_2=1e-4, CD2_1=1e-4, CD2_2=1e-4), "has no inverse"),
        (tan(CD1_1=float("nan")), "has no inverse|cannot be read"),
        (tan(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"), "not RA and Dec"),
        ({"NAXIS1": 10}, "not RA and Dec"),
        (tan(CTYPE1="RA---XXX", CTYPE2="DEC--XXX"), "WCS"),
        (tan(150.00002, scale=0.0001), "look at the scale"),
        (tan(scale=120.0), "look at the scale"),
    ],
)
def test_a_wrong_wcs_is_one_sentence(cards, words):
    with pytest.raises(BadArray, match=words) as caught:
        frame_window(TanGrid(150.0, 2.0), cards, SHAPE)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TanGrid(0.0, 91.0), "Dec 91"),
        (lambda: TanGrid(float("nan"), 0.0), "RA nan"),
        (lambda: TanGrid(0.0, 0.0, -1.0), "-1.0 arcsec"),
        (lambda: GridWindow(3, 3, 0, 1), "empty"),
        (lambda: plate_grid(0, 0, spacing=0.7), "0.7 deg"),
        (lambda: common_grid([]), "0 frames"),
        (lambda: common_grid([(tan(0, 0), SHAPE), (tan(180, 0), SHAPE)]), "no middle"),
    ],
)
def test_impossible_grids_are_refused(make, words):
    with pytest.raises(BadArray, match=words):
        make()
