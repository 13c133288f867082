"""The same frame through reproject and scipy: same answers."""

from __future__ import annotations

import numpy as np
import pytest
import sep
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter, map_coordinates

from awlab.backend.algorithms import RegridOptions, common_grid, regrid_frame
from awlab.backend.dataserver import read_image

reproject = pytest.importorskip("reproject")

SHAPE = (220, 260)
STEP = 0.24 / 3600
CARDS = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 150.1, "CRVAL2": 2.2,
    "CRPIX1": 130.0, "CRPIX2": 110.0,
    "CD1_1": -STEP * np.cos(0.4), "CD1_2": STEP * np.sin(0.4),
    "CD2_1": STEP * np.sin(0.4), "CD2_2": STEP * np.cos(0.4),
    "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-6, "B_0_2": -3e-6,
}  # fmt: skip


@pytest.fixture(scope="module")
def smooth():
    """Structure as broad as a star (FWHM 4.7 pixels), everywhere."""
    noise = np.random.default_rng(1).normal(0, 1, SHAPE)
    return (100 + 50 * gaussian_filter(noise, 2.0, mode="wrap") * 7).astype(np.float32)


@pytest.fixture(scope="module")
def ours(smooth):
    grid = common_grid([(CARDS, SHAPE)])
    return regrid_frame(smooth, None, CARDS, grid, RegridOptions(conserve="brightness"))


def test_same_as_splines_of_scipy_at_exact_positions(smooth, ours):
    rows, columns = np.indices(ours.window.shape)
    sky = ours.grid.wcs(ours.window).wcs_pix2world(columns.ravel(), rows.ravel(), 0)
    x, y = WCS(CARDS).all_world2pix(*sky, 0, tolerance=1e-8)
    spline = map_coordinates(smooth.astype(float), [y, x], order=5).reshape(ours.window.shape)
    good = ours.weight > 0
    assert good.sum() > 0.95 * np.prod(SHAPE) * (0.24 / 0.2) ** 2
    gap = (ours.image - spline)[good]
    # A kernel of six pixels is no exact interpolation of structure of this width: 1 per cent.
    assert gap.std() < 0.012 * smooth.std()
    assert np.abs(gap).max() < 0.05 * smooth.std()
    assert abs(gap.mean()) < 1e-4 * smooth.std()


def test_same_as_reproject(smooth, ours):
    out = ours.grid.wcs(ours.window)
    there, _ = reproject.reproject_adaptive(
        (smooth, WCS(CARDS)), out, ours.window.shape, kernel="gaussian", conserve_flux=True,
        center_jacobian=True,
    )  # fmt: skip
    flux = regrid_frame(smooth, None, CARDS, ours.grid)
    good = (flux.weight > 0) & np.isfinite(there)
    # Its Gaussian kernel smooths; the counts in large boxes are the same.
    ratio = flux.image[good].sum() / there[good].sum()
    assert ratio == pytest.approx(1, abs=3e-4)
    cubic, _ = reproject.reproject_interp(
        (smooth, WCS(CARDS)), out, ours.window.shape, order="bicubic"
    )
    gap = (ours.image - cubic)[(ours.weight > 0) & np.isfinite(cubic)]
    assert gap.std() < 0.012 * smooth.std()
    assert np.abs(gap).max() < 0.04 * smooth.std()
    assert abs(gap.mean()) < 2e-4 * smooth.std()


def test_fluxes_of_a_real_frame_are_those_before(shared_data):
    """EMMI's stars and galaxies through sep, on the frame and on the grid."""
    pixels, _ = read_image(shared_data / "emmi_na36" / "sep_data" / "image.fits")
    pixels = pixels.astype(np.float32)
    pixels -= sep.Background(pixels).back()
    cards = CARDS | {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 128, "CRPIX2": 128}
    found = sep.extract(pixels, 5.0, err=sep.Background(pixels).globalrms)
    made = regrid_frame(pixels, None, cards, common_grid([(cards, pixels.shape)]))
    sky = WCS(cards).wcs_pix2world(found["x"], found["y"], 0)
    x, y = made.grid.wcs(made.window).wcs_world2pix(*sky, 0)
    inside = (abs(found["x"] - 127) < 105) & (abs(found["y"] - 127) < 105)
    radius = 8.0
    before, error, _ = sep.sum_circle(pixels, found["x"], found["y"], radius, err=1.0)
    after, _, _ = sep.sum_circle(made.image, x, y, radius * 0.24 / 0.2)
    bright = inside & (before > 300 * error)
    assert bright.sum() > 15
    ratio = after[bright] / before[bright]
    assert np.median(ratio) == pytest.approx(1, abs=5e-4)
    assert np.std(ratio) < 5e-3
