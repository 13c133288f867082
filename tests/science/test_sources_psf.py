"""The point spread function of simulated frames: FWHM and ellipticity map against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    ExtractionFrame,
    ExtractionOptions,
    background_map,
    extract_sources,
    growth_curve,
    measure_psf,
)

SHAPE = (1024, 768)
SIGMA = 5.0
GRID = np.meshgrid(np.linspace(40, SHAPE[1] - 40, 9), np.linspace(40, SHAPE[0] - 40, 9))


def ellipticity(x, y):
    """True e1, e2: a gradient and a bowl, up to 0.08."""
    u, v = 2 * x / SHAPE[1] - 1, 2 * y / SHAPE[0] - 1
    return 0.02 + 0.03 * u - 0.02 * v * v, -0.01 + 0.025 * v + 0.02 * u * v


def add(image, place, flux, fwhm, profile):
    """An elliptical star or galaxy, sampled at the pixel centres."""
    beta, e1, e2 = profile
    x, y = place
    reach = int(8 * fwhm)
    rows = np.arange(max(0, round(y) - reach), min(SHAPE[0], round(y) + reach + 1))
    columns = np.arange(max(0, round(x) - reach), min(SHAPE[1], round(x) + reach + 1))
    dy, dx = (rows - y)[:, None], (columns - x)[None, :]
    root = np.sqrt(1 - e1**2 - e2**2)
    rho2 = ((1 - e1) * dx**2 - 2 * e2 * dx * dy + (1 + e1) * dy**2) / root
    if np.isinf(beta):
        light = np.exp(-4 * np.log(2) * rho2 / fwhm**2)
        total = np.pi * fwhm**2 / (4 * np.log(2))
    else:
        core2 = fwhm**2 / (4 * (2 ** (1 / beta) - 1))
        light = (1 + rho2 / core2) ** -beta
        total = np.pi * core2 / (beta - 1)
    image[np.ix_(rows, columns)] += flux * light / total


def simulate(fwhm, beta, seed=1, stars=400, galaxies=200):
    rng = np.random.default_rng(seed)
    image = np.zeros(SHAPE)
    for x, y in rng.uniform(20, (SHAPE[1] - 20, SHAPE[0] - 20), (stars, 2)):
        add(image, (x, y), 10 ** rng.uniform(3, 5.3), fwhm, (beta, *ellipticity(x, y)))
    for x, y in rng.uniform(20, (SHAPE[1] - 20, SHAPE[0] - 20), (galaxies, 2)):
        size, e = fwhm * rng.uniform(1.3, 3), rng.uniform(-0.3, 0.3, 2)
        add(image, (x, y), 10 ** rng.uniform(3.5, 5), size, (3.0, *e))
    electrons = rng.poisson(image + SIGMA**2)
    return (electrons + 200.0).astype(np.float32)


def measure(image, **options):
    made = extract_sources(ExtractionFrame(image), ExtractionOptions(GAIN=1.0, SATUR_LEVEL=60000.0))
    pixels = image - background_map(image).map
    return made, pixels, measure_psf(pixels, made.sources, **options)


@pytest.mark.parametrize(
    ("fwhm", "beta"), [(2.5, np.inf), (3.2, 3.0), (4.5, 3.0), (4.0, np.inf), (5.0, 3.0)]
)
def test_fwhm_and_ellipticity_map(fwhm, beta):
    made, _pixels, psf = measure(simulate(fwhm, beta), pixel_scale=0.238)
    truth = ellipticity(*GRID)
    errors = [
        found.at(GRID[0].ravel(), GRID[1].ravel()).reshape(GRID[0].shape) - true
        for found, true in zip((psf.e1_map, psf.e2_map), truth, strict=True)
    ]
    rms = float(np.sqrt(np.mean(np.square(errors))))
    print(f"\nFWHM {fwhm} beta {beta}: {psf.fwhm / fwhm - 1:+.4f}, e rms {rms:.4f}, largest "
          f"{np.abs(errors).max():.4f}, {len(psf.stars)} stars of {len(made.sources)}")  # fmt: skip
    assert psf.fwhm == pytest.approx(fwhm, rel=0.02)
    assert psf.fwhm_arcsec == pytest.approx(psf.fwhm * 0.238)
    assert rms < 0.003
    assert len(psf.stars) > 60
    sizes = psf.fwhm_map.at(GRID[0].ravel(), GRID[1].ravel())
    assert np.abs(sizes / fwhm - 1).max() < 0.04
    assert psf.residual < 0.03


def test_stars_are_told_from_galaxies():
    made, _, psf = measure(simulate(3.2, 3.0))
    rng = np.random.default_rng(1)
    places = rng.uniform(20, (SHAPE[1] - 20, SHAPE[0] - 20), (400, 2))
    sources = made.sources
    bright = np.flatnonzero((sources["FLUX_AUTO"] > 15000) & (sources["FLAGS"] == 0))
    distance = np.hypot(
        sources["X_IMAGE"][bright, None] - 1 - places[:, 0],
        sources["Y_IMAGE"][bright, None] - 1 - places[:, 1],
    ).min(axis=1)
    star, classed = distance < 1, sources["CLASS_STAR"][bright] > 0.5
    assert star.sum() > 50
    assert (~star).sum() > 20
    assert classed[star].mean() > 0.95
    assert classed[~star].mean() < 0.1
    assert star[np.isin(bright, psf.stars)].mean() > 0.95


def test_the_growth_curve_is_that_of_the_profile():
    image = simulate(3.2, np.inf, stars=120, galaxies=0)
    _, pixels, psf = measure(image)
    curve = growth_curve(pixels, psf.moments.x, psf.moments.y)
    sigma2 = (3.2 / 2.3548) ** 2 + 1 / 12
    expected = 1 - np.exp(-0.5 * (curve.diameters / 2) ** 2 / sigma2)
    assert np.allclose(curve.fractions, expected, atol=0.01)


@pytest.mark.parametrize(
    "image",
    [np.full(SHAPE, np.nan, np.float32), np.full((40, 40), 65535, np.float32),
     np.random.default_rng(1).normal(0, 3, (200, 200)).astype(np.float32)],
    ids=["nan", "saturated", "no stars"],
)  # fmt: skip
def test_without_stars_there_is_no_psf(image):
    made = extract_sources(ExtractionFrame(image))
    psf = measure_psf(np.nan_to_num(image), made.sources)
    assert np.isnan(psf.fwhm)
    assert np.isnan(psf.fwhm_arcsec)
    assert psf.e1_map is psf.e2_map is psf.fwhm_map is None
    assert len(psf.stars) == 0
