"""Stars at known places, regridded: their counts and positions come back, in every kind of WCS."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from astropy.wcs import WCS

from awlab.backend.algorithms import RegridOptions, common_grid, regrid_frame

NY, NX = 900, 700
SCALE = 0.24
FLUX = 20000.0
SIGMA = 1.45  # FWHM 0.82 arcsec [frame pixel]
MARGIN = 40


class Case(NamedTuple):
    """A frame's geometry."""

    kind: str = "TAN"
    ra: float = 150.1
    dec: float = 2.2
    angle: float = 0.0
    flipped: bool = False


CASES = {
    "tan": Case(),
    "rotated": Case(angle=37.0),
    "flipped": Case(angle=-100.0, flipped=True),
    "sip": Case("SIP", angle=3.0),
    "tpv": Case("TPV", angle=3.0, dec=-30.3),
    "scamp": Case("TAN with PV", angle=3.0, dec=-30.3),
    "wrap": Case("TPV", ra=0.01, angle=15.0),
    "pole": Case("SIP", ra=77.0, dec=89.985, angle=60.0),
    "south": Case("TPV", ra=200.0, dec=-89.99),
}


def header(case):
    step, c, s = (
        SCALE / 3600,
        math.cos(math.radians(case.angle)),
        math.sin(math.radians(case.angle)),
    )
    mirror = 1 if case.flipped else -1
    cards = {
        "CRVAL1": case.ra, "CRVAL2": case.dec, "CRPIX1": NX / 2, "CRPIX2": NY / 2,
        "CD1_1": mirror * step * c, "CD1_2": step * s,
        "CD2_1": -mirror * step * s, "CD2_2": step * c,
    }  # fmt: skip
    names = {"TPV": "TPV", "SIP": "TAN-SIP"}
    end = names.get(case.kind, "TAN")
    cards |= {"CTYPE1": f"RA---{end}", "CTYPE2": f"DEC--{end}"}
    if case.kind == "SIP":
        # The scale changes by a per cent over the frame, and there is skew.
        cards |= {
            "A_ORDER": 3,
            "B_ORDER": 3,
            "A_2_0": 3e-6,
            "A_1_1": -4e-6,
            "A_0_2": 2e-6,
            "A_3_0": 3e-9,
            "B_2_0": -2e-6,
            "B_1_1": 3e-6,
            "B_0_2": 5e-6,
            "B_0_3": -2e-9,
        }
    if case.kind in {"TPV", "TAN with PV"}:
        cards |= {"PV1_0": 0.0, "PV1_1": 1.004, "PV1_2": 0.001, "PV1_4": 0.05, "PV1_5": -0.04,
                  "PV1_7": 0.9, "PV1_9": 0.7, "PV2_0": 0.0, "PV2_1": 0.998, "PV2_4": -0.05,
                  "PV2_6": 0.03, "PV2_7": 0.8, "PV2_9": 1.1}  # fmt: skip
    return cards


def draw(places, shape=(NY, NX), flux=FLUX):
    """Gaussian stars centred at places (x, y); their sampled counts add up to the flux."""
    image = np.zeros(shape, np.float32)
    for x, y in places:
        x0, y0 = round(x), round(y)
        rows, columns = np.mgrid[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13]
        star = np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / SIGMA**2)
        image[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13] += flux * star / (2 * np.pi * SIGMA**2)
    return image


def measure(image, places, radius=14.0):
    """Counts and centroid in a wide aperture about each place."""
    found = []
    for x, y in places:
        x0, y0 = round(x), round(y)
        rows, columns = np.mgrid[y0 - 20 : y0 + 21, x0 - 20 : x0 + 21]
        part = image[y0 - 20 : y0 + 21, x0 - 20 : x0 + 21].astype(float)
        part = np.where((columns - x) ** 2 + (rows - y) ** 2 <= radius**2, part, 0)
        total = part.sum()
        found.append((total, (part * columns).sum() / total, (part * rows).sum() / total))
    return np.array(found).T


def lattice(rng):
    """Places 50 pixels apart, each at a different fraction of a pixel."""
    x, y = np.meshgrid(np.arange(MARGIN, NX - MARGIN, 50), np.arange(MARGIN, NY - MARGIN, 50))
    return np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.5, 0.5, (x.size, 2))


@pytest.mark.parametrize("name", CASES)
def test_counts_and_positions_come_back(name):
    cards = header(CASES[name])
    wcs, places = WCS(cards), lattice(np.random.default_rng(5))
    grid = common_grid([(cards, (NY, NX))])
    made = regrid_frame(draw(places), None, cards, grid)
    truth = made.grid.wcs(made.window).wcs_world2pix(wcs.all_pix2world(places, 0), 0)
    flux, x, y = measure(made.image, truth)
    assert flux.mean() / FLUX == pytest.approx(1, abs=5e-4)
    assert flux.std() / FLUX < 1e-3
    off = np.hypot(x - truth[:, 0], y - truth[:, 1]) * grid.pixel_scale * 1000
    assert np.sqrt((off**2).mean()) < 1.0, "mas"
    assert off.max() < 2.0, "mas"


def test_scamp_headers_mean_tpv():
    """A TAN header with PV keywords is the same distortion as a TPV header."""
    tpv, scamp = (header(CASES[name]) for name in ("tpv", "scamp"))
    places = lattice(np.random.default_rng(6))
    grid = common_grid([(tpv, (NY, NX))])
    made = [regrid_frame(draw(places), None, cards, grid) for cards in (tpv, scamp)]
    assert made[0].window == made[1].window
    assert np.allclose(made[0].image, made[1].image, atol=1e-2)


@pytest.mark.parametrize("scale", [0.1, 0.2, 0.4, 0.55])
def test_counts_are_kept_on_finer_and_coarser_grids(scale):
    cards = header(CASES["rotated"])
    places = lattice(np.random.default_rng(7))
    grid = common_grid([(cards, (NY, NX))], pixel_scale=scale)
    made = regrid_frame(draw(places), None, cards, grid)
    truth = grid.wcs(made.window).wcs_world2pix(WCS(cards).all_pix2world(places, 0), 0)
    radius = 3.0 / scale
    inside = [(x, y) for x, y in truth if min(x, y) > 21 and x < made.window.shape[1] - 22
              and y < made.window.shape[0] - 22]  # fmt: skip
    flux, _, _ = measure(made.image, inside, min(radius, 20))
    assert flux.mean() / FLUX == pytest.approx(1, abs=1e-3)
    assert flux.std() / FLUX < 1.5e-3


def test_area_enters_once():
    """Counts of a flat surface follow the pixel area; brightness does not."""
    cards = header(CASES["sip"])
    grid = common_grid([(cards, (NY, NX))])
    flat = np.full((NY, NX), 100.0, np.float32)
    flux = regrid_frame(flat, None, cards, grid)
    bright = regrid_frame(flat, None, cards, grid, RegridOptions(conserve="brightness"))
    good = flux.weight > 0
    assert np.allclose(bright.image[good], 100, rtol=1e-6)
    area = flux.image[good] / 100
    assert area.max() / area.min() > 1.005, "the frame is distorted enough to tell"
    # All counts of the part that is covered come through: edges cost three pixels each.
    assert area.sum() == pytest.approx((NY - 5) * (NX - 5), rel=1e-3)
    assert np.allclose(flux.weight[good] * area**2, 1, rtol=1e-5)
    assert np.allclose(bright.weight[good], 1, rtol=1e-6)


def test_a_bad_column_through_a_star_is_filled_and_marked():
    cards = header(CASES["tan"])
    places = lattice(np.random.default_rng(8))
    weight = np.ones((NY, NX), np.float32)
    weight[:, 190] = 0
    image = draw(places)
    image[:, 190] = 60000
    grid = common_grid([(cards, (NY, NX))])
    made = regrid_frame(image, weight, cards, grid)
    clean = regrid_frame(draw(places), None, cards, grid)
    good = made.weight > 0
    assert made.filled == NY
    # The column costs about three columns of the grid, and nothing else is far from the truth.
    assert 1.5 < (~good & (clean.weight > 0)).sum() / made.window.shape[0] < 3.5
    assert np.abs(made.image - clean.image)[good].max() < 0.06 * clean.image.max()
