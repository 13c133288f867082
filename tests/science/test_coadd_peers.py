"""The same frames through reproject and astropy: same coadds."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from astropy.stats import sigma_clip
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter, map_coordinates

from awlab.backend.algorithms import (
    CoaddFrame,
    CoaddOptions,
    GridWindow,
    RegridOptions,
    coadd_frames,
    common_grid,
    regrid_frame,
)

SHAPE = (160, 180)
STEP = 0.24 / 3600


def header(turn, dx, dy):
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": 90.0 + dx, "CRPIX2": 80.0 + dy,
        "CD1_1": -STEP * c, "CD1_2": STEP * s, "CD2_1": STEP * s, "CD2_2": STEP * c,
    }  # fmt: skip


@pytest.fixture(scope="module")
def night():
    """Six dithers of one smooth piece of sky, with noise and a few strange pixels."""
    rng = np.random.default_rng(31)
    scene = 40 * gaussian_filter(rng.normal(0, 1, (400, 400)), 3.0) * 10
    made = []
    for i in range(6):
        cards = header(rng.uniform(-8, 8), *rng.uniform(-9, 9, 2))
        rows, columns = np.indices(SHAPE)
        sky = WCS(cards).wcs_pix2world(columns.ravel(), rows.ravel(), 0)
        x, y = WCS(header(0, 110, 120)).wcs_world2pix(*sky, 0)
        image = map_coordinates(scene, [y, x], order=3).reshape(SHAPE)
        image += gaussian_filter(rng.normal(0, 10 + i, SHAPE), 1.3)
        made.append((image.astype(np.float32), cards))
    return made


def test_mean_is_that_of_reproject(night):
    mosaicking = pytest.importorskip("reproject.mosaicking")
    reproject = pytest.importorskip("reproject")
    grid = common_grid([(cards, SHAPE) for _, cards in night])
    options = RegridOptions(conserve="brightness")
    frames = [
        CoaddFrame.of(regrid_frame(image, None, cards, grid, options), f"{i}")
        for i, (image, cards) in enumerate(night)
    ]
    ours = coadd_frames(frames, CoaddOptions(combine="mean"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, footprint = mosaicking.reproject_and_coadd(
            [(image, WCS(cards)) for image, cards in night], grid.wcs(ours.window),
            ours.image.shape, reproject_function=reproject.reproject_interp,
            combine_function="mean", order="bicubic",
        )  # fmt: skip
    # Where one frame begins they differ by the pixels that the kernel needs.
    same = (ours.exposures == np.rint(footprint)) & (ours.exposures > 0)
    assert same.sum() > 0.8 * (ours.exposures > 0).sum()
    gap = (ours.image - theirs)[same]
    assert gap.std() < 0.02 * ours.image.std()
    assert abs(gap.mean()) < 1e-3 * ours.image.std()


def test_clipped_mean_agrees_with_astropy(night):
    """Astropy clips by the scatter of the sample, we by the weights: outliers go in both."""
    rng = np.random.default_rng(32)
    grid = common_grid([(night[0][1], SHAPE)])
    cube = rng.normal(0, 5, (12, *SHAPE)).astype(np.float32)
    cube.reshape(12, -1)[rng.integers(0, 12, 300), rng.choice(cube[0].size, 300)] += 300
    window = GridWindow(0, SHAPE[1], 0, SHAPE[0])
    weight = np.full(SHAPE, 1 / 25, np.float32)
    frames = [
        CoaddFrame(f"{i}", grid, window, lambda a, b, image=image: (image[a:b], weight[a:b]))
        for i, image in enumerate(cube)
    ]
    ours = coadd_frames(frames, CoaddOptions(sigma_clip=5.0, grow=0))
    theirs = sigma_clip(cube, sigma=5, axis=0, stdfunc="mad_std").mean(axis=0).filled(np.nan)
    assert np.median(np.abs(ours.image - theirs)) < 1e-6, "most pixels are the same"
    assert ours.image.std() <= 1.001 * theirs.std()
    assert ours.image.max() < 10
