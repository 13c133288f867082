"""Cosmic rays on simulated frames: complete and pure as astroscrappy, and no star is eaten."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import erf

from awlab.backend.algorithms import CosmicRayOptions, DetectorNoise, cosmic_ray_map

astroscrappy = pytest.importorskip("astroscrappy")

GAIN, READ_NOISE, SKY = 2.0, 2.5, 300.0  # electron/ADU, ADU, ADU
NOISE = DetectorNoise(READ_NOISE, GAIN)
SHAPE = (640, 640)
SQUARE = np.ones((3, 3), bool)


def add_star(light, y, x, flux, fwhm):
    """A Gaussian, integrated over each pixel."""
    reach = int(4 * fwhm) + 3
    edges = [np.arange(round(at) - reach, round(at) + reach + 2) - 0.5 for at in (y, x)]
    parts = [
        np.diff(0.5 * erf((edge - at) / fwhm * 2.3548 / 2**0.5))
        for edge, at in zip(edges, (y, x), strict=True)
    ]
    stamp = flux * np.outer(*parts)
    rows, columns = (np.arange(round(at) - reach, round(at) + reach + 1) for at in (y, x))
    r, c = ((v >= 0) & (v < n) for v, n in ((rows, SHAPE[0]), (columns, SHAPE[1])))
    light[np.ix_(rows[r], columns[c])] += stamp[np.ix_(r, c)]


def simulate(seed, fwhm, events=160, stars=400):
    """Frame [ADU], electrons of the cosmic rays, places of the stars with S/N above 20."""
    rng = np.random.default_rng(seed)
    light, hits = np.full(SHAPE, SKY * GAIN), np.zeros(SHAPE)
    places = rng.uniform(0, SHAPE[0] - 1, (stars, 2))
    fluxes = 10 ** rng.uniform(2.8, 5.6, stars)
    for (y, x), flux in zip(places, fluxes, strict=True):
        add_star(light, y, x, flux, fwhm)
    for _ in range(events):
        x, y, angle = rng.uniform((0, 0, 0), (*SHAPE, np.pi))
        charge, length = rng.lognormal(7, 0.7), 1 + rng.exponential(4)
        for step in np.arange(0, length, 0.5):
            column, row = int(x + step * np.cos(angle)), int(y + step * np.sin(angle))
            if 0 <= column < SHAPE[1] and 0 <= row < SHAPE[0]:
                hits[row, column] += charge / 2
    electrons = rng.poisson(light) + hits + rng.normal(0, READ_NOISE * GAIN, SHAPE)
    return (electrons / GAIN).astype(np.float32), hits, places[fluxes > 3000].round().astype(int)


def scores(found, hits, places):
    """Found and true deep pixels; pixels found, and those at a true one; cores eaten."""
    deep = hits > 5 * GAIN * (READ_NOISE**2 + SKY / GAIN) ** 0.5
    near = ndimage.binary_dilation(hits > 0, SQUARE)
    away = ~ndimage.binary_dilation(near, np.ones((5, 5), bool))[tuple(places.T)]
    eaten = found[tuple(places.T)] & away
    return np.array(
        [(found & deep).sum(), deep.sum(), (found & near).sum(), found.sum(), eaten.sum()], float
    )


def peer(image, **options):
    return astroscrappy.detect_cosmics(
        image, gain=GAIN, readnoise=READ_NOISE * GAIN, satlevel=1e9, sigclip=4.5, sigfrac=0.3,
        niter=4, **options,
    )[0]  # fmt: skip


@pytest.mark.parametrize("fwhm", [2.0, 2.5, 3.5, 5.0])
def test_completeness_and_purity_are_not_below_astroscrappy(fwhm):
    ours, theirs = np.zeros(5), np.zeros(5)
    cores = 0
    for seed in (1, 2):
        image, hits, places = simulate(seed, fwhm)
        ours += scores(cosmic_ray_map(image, NOISE).map == 0, hits, places)
        theirs += scores(peer(image, objlim=5.0), hits, places)
        cores += len(places)
    print(f"\nFWHM {fwhm}: complete {ours[0] / ours[1]:.4f} ({theirs[0] / theirs[1]:.4f}) "
          f"pure {ours[2] / ours[3]:.4f} ({theirs[2] / theirs[3]:.4f}) "
          f"cores eaten {ours[4]:.0f} ({theirs[4]:.0f}) of {cores}")  # fmt: skip
    assert ours[0] / ours[1] >= theirs[0] / theirs[1]
    assert ours[0] / ours[1] > 0.96
    assert ours[2] / ours[3] >= theirs[2] / theirs[3]
    assert ours[4] == 0, "no star core is eaten"


def test_with_the_original_rules_the_map_is_that_of_astroscrappy():
    """Sparse medians are the same medians: thresholds of the original, no rule for stars."""
    image, _, _ = simulate(3, 3.0, stars=100)
    original = CosmicRayOptions(
        detection_threshold=4.5, object_contrast=5.0, star_roundness=np.inf, maximum_iterations=1
    )
    found = cosmic_ray_map(image, NOISE, original).map == 0
    theirs = astroscrappy.detect_cosmics(
        image, gain=GAIN, readnoise=READ_NOISE * GAIN, satlevel=1e9, sigclip=4.5, sigfrac=0.3,
        objlim=5.0, niter=1, sepmed=False,
    )[0]  # fmt: skip
    inner = np.s_[8:-8, 8:-8]  # medians differ at the edge
    assert theirs[inner].sum() > 500
    assert (found ^ theirs)[inner].sum() <= 0.002 * theirs[inner].sum()
