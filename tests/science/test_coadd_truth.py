"""Dithered, rotated frames of known stars, regridded and coadded: the truth comes back."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from astropy.wcs import WCS
from scipy.ndimage import map_coordinates

from awlab.backend.algorithms import (
    CoaddedImage,
    CoaddFrame,
    CoaddOptions,
    RegridOptions,
    TanGrid,
    coadd_frames,
    common_grid,
    noise_ratio,
    regrid_frame,
)

SHAPE = (560, 540)
SCALE = 0.24
FRAMES = 10
SEEING = 1.45  # sigma of the stars [frame pixel]
RADIUS = 13.0  # of the aperture [grid pixel]
DEPTHS = (1.0, 0.8, 1.25)  # counts of a frame for one on the common scale


class Night(NamedTuple):
    """Frames as they come from reduction, and what is true."""

    images: list[np.ndarray]
    cards: list[dict]
    sigmas: list[float]
    scales: list[float]
    sky: np.ndarray  # (n, 2) RA and Dec of the stars [deg]
    fluxes: np.ndarray  # (n,) counts on the common scale
    hits: list[np.ndarray]  # cosmic rays of each frame: (m, 2) x and y
    track: tuple[int, np.ndarray]  # frame that a satellite crossed, distance to its track [pixel]


def header(turn, dx, dy):
    step, angle = SCALE / 3600, math.radians(turn)
    c, s = math.cos(angle), math.sin(angle)
    return {
        "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": SHAPE[1] / 2 + dx, "CRPIX2": SHAPE[0] / 2 + dy,
        "CD1_1": -step * c, "CD1_2": step * s, "CD2_1": step * s, "CD2_2": step * c,
        "PV1_1": 1.001, "PV1_7": 0.8, "PV2_1": 0.999, "PV2_7": 0.9, "PV1_4": 0.03,
    }  # fmt: skip


def add_star(image, x, y, flux, width):
    x0, y0 = round(x), round(y)
    part = image[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13]
    rows, columns = np.mgrid[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13]
    star = np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / width**2)
    part += flux * star / (2 * np.pi * width**2)


@pytest.fixture(scope="module")
def night():
    rng = np.random.default_rng(11)
    first = WCS(header(0, 0, 0))
    x, y = (a.ravel() for a in np.meshgrid(np.arange(60, 500, 42), np.arange(60, 510, 42)))
    sky = np.column_stack(
        first.all_pix2world(x + rng.uniform(-3, 3, x.size), y + rng.uniform(-3, 3, x.size), 0)
    )
    fluxes = rng.uniform(2e4, 1e5, len(sky))
    made = Night([], [], [], [], sky, fluxes, [], (4, np.zeros(SHAPE)))
    for i in range(FRAMES):
        cards = header(rng.uniform(-4, 4) + 180 * (i % 2), *rng.uniform(-20, 20, 2))
        depth, sigma = DEPTHS[i % 3], 5.0 + i % 3
        light = np.zeros(SHAPE)
        width = SEEING * (1 + 0.02 * (i % 3 - 1))
        for (px, py), flux in zip(WCS(cards).all_world2pix(sky, 0), fluxes * depth, strict=True):
            if 15 < px < SHAPE[1] - 15 and 15 < py < SHAPE[0] - 15:
                add_star(light, px, py, flux, width)
        image = rng.poisson(light) + rng.normal(0, sigma, SHAPE)
        hits = rng.integers(10, 520, (60, 2))
        image[hits[:, 1], hits[:, 0]] += rng.uniform(200, 3000, 60)
        if i == made.track[0]:
            rows, columns = np.indices(SHAPE)
            made.track[1][:] = abs(0.6 * columns - 0.8 * rows + 120)
            image += 60 * np.exp(-0.5 * (made.track[1] / 2.2) ** 2)
        made.images.append(image.astype(np.float32))
        made.cards.append(cards)
        made.sigmas.append(sigma)
        made.scales.append(1 / depth)
        made.hits.append(hits)
    return made


@pytest.fixture(scope="module")
def grid(night):
    return common_grid([(cards, SHAPE) for cards in night.cards])


def regridded(night, grid, weights=None):
    frames = []
    for i, image in enumerate(night.images):
        weight = np.full(SHAPE, night.sigmas[i] ** -2, np.float32)
        options = RegridOptions(flux_scale=night.scales[i])
        made = regrid_frame(
            image, weight if weights is None else weights[i], night.cards[i], grid, options
        )
        frames.append(CoaddFrame.of(made, f"frame{i}", exposure_time=200.0))
    return frames


@pytest.fixture(scope="module")
def frames(night, grid):
    return regridded(night, grid)


@pytest.fixture(scope="module")
def coadd(frames) -> CoaddedImage:
    return coadd_frames(frames)


def places(made, grid: TanGrid, sky):
    return grid.wcs(made.window).wcs_world2pix(sky, 0)


def photometry(image, where):
    """Counts in an aperture, and the centroid under a Gaussian window, iterated."""
    found = []
    for place in where:
        x, y = place
        x0, y0 = round(x), round(y)
        rows, columns = np.mgrid[y0 - 16 : y0 + 17, x0 - 16 : x0 + 17]
        part = image[y0 - 16 : y0 + 17, x0 - 16 : x0 + 17].astype(float)
        total = part[(columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2].sum()
        for _ in range(12):
            window = part * np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / 1.75**2)
            x += 2 * (window * (columns - x)).sum() / window.sum()
            y += 2 * (window * (rows - y)).sum() / window.sum()
        found.append((total, x, y))
    return np.array(found).T


@pytest.mark.parametrize("combine", ["clipped", "mean", "median"])
def test_positions_and_magnitudes(night, grid, frames, combine):
    clean = Night(*night)
    made = coadd_frames(frames, CoaddOptions(combine=combine))
    where = places(made, grid, clean.sky)
    flux, x, y = photometry(made.image, where)
    # Where a mean keeps a cosmic ray or the satellite, a star is not measured.
    untouched = abs(flux / clean.fluxes - 1) < 0.02
    assert untouched.mean() > (0.97 if combine == "clipped" else 0.6)
    ratio = (flux / clean.fluxes)[untouched]
    if combine != "mean":  # a hit of 300 counts in ten frames is 0.1 per cent of a star
        assert abs(-2.5 * np.log10(np.median(ratio))) < 0.002, "mag"
    dx, dy = (x - where[:, 0])[untouched], (y - where[:, 1])[untouched]
    rms = np.sqrt((dx**2 + dy**2).mean()) * grid.pixel_scale * 1000
    assert rms < (4.0 if combine != "mean" else 8.0), "mas"
    assert abs(dx.mean()) * 200 < 0.6, "no shift as a whole [mas]"
    assert abs(dy.mean()) * 200 < 0.6


def sky_pixels(coadd, grid, night):
    rows, columns = np.indices(coadd.image.shape)
    free = coadd.exposures >= FRAMES - 1
    for x, y in places(coadd, grid, night.sky):
        free &= (columns - x) ** 2 + (rows - y) ** 2 > 15**2
    return free


def test_noise_is_the_one_that_the_weight_tells(night, grid, coadd):
    free = sky_pixels(coadd, grid, night)
    pull = coadd.image * np.sqrt(coadd.weight)
    assert free.sum() > 100_000
    assert pull[free].std() / noise_ratio() == pytest.approx(1, abs=0.05)
    # Sums over empty boxes know nothing of the smoothing; their noise is that of the weights,
    # corrected for the area of the pixels that went in.
    ny, nx = (n // 12 * 12 for n in coadd.image.shape)
    shape = (ny // 12, 12, nx // 12, 12)
    boxes = pull[:ny, :nx].reshape(shape).sum(axis=(1, 3))
    empty = free[:ny, :nx].reshape(shape).all(axis=(1, 3))
    area = (grid.pixel_scale / SCALE) ** 2
    assert empty.sum() > 200
    assert boxes[empty].std() / 12 * math.sqrt(area) == pytest.approx(1, abs=0.1)


def test_cosmic_rays_and_the_satellite_are_gone(night, grid, frames, coadd):
    free = sky_pixels(coadd, grid, night)
    pull = coadd.image * np.sqrt(coadd.weight)
    residuals = []
    for cards, hits in zip(night.cards, night.hits, strict=True):
        where = places(coadd, grid, WCS(cards).all_pix2world(hits, 0)).round().astype(int)
        inside = [(x, y) for x, y in where if free[y, x]]
        residuals += [pull[y - 1 : y + 2, x - 1 : x + 2].mean() for x, y in inside]
    assert len(residuals) > 200
    assert abs(np.mean(residuals)) < 0.4, "sigma"
    frame, distance = night.track
    rows, columns = np.indices(coadd.image.shape)
    sky = grid.wcs(coadd.window).wcs_pix2world(columns.ravel(), rows.ravel(), 0)
    x, y = WCS(night.cards[frame]).all_world2pix(*sky, 0)
    away = map_coordinates(distance, [y, x], order=1, cval=99).reshape(rows.shape)
    left = coadd_frames(frames, CoaddOptions(grow=0))
    wings = free & (away > 4) & (away < 9)
    assert pull[free & (away < 9)].mean() < 0.15, "sigma"
    assert pull[wings].mean() < 0.6 * (left.image * np.sqrt(left.weight))[wings].mean()


def test_maps_tell_what_went_in(frames, coadd):
    assert np.allclose(coadd.exposure_time, 200.0 * coadd.exposures)
    assert coadd.exposures.max() == FRAMES
    assert np.array_equal(coadd.exposures > 0, coadd.weight > 0)
    assert coadd.unused == {}
    given = sum(int((frame.read(0, frame.window.shape[0])[1] > 0).sum()) for frame in frames)
    assert sum(coadd.used.values()) + sum(coadd.rejected.values()) == given
    assert int(coadd.exposures.sum()) == sum(coadd.used.values())


def test_source_noise_in_the_weights_would_bias_fluxes(night, grid):
    """The pitfall: why weights are those of the sky."""
    weights = [
        (1 / (sigma**2 + np.maximum(image, 0))).astype(np.float32)
        for image, sigma in zip(night.images, night.sigmas, strict=True)
    ]
    made = coadd_frames(regridded(night, grid, weights))
    flux, _, _ = photometry(made.image, places(made, grid, night.sky))
    assert np.median(flux / night.fluxes) < 1 - 0.003
