"""Twelve exposures of eight chips whose true solution comes back from all of them together."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    AstrometryOptions,
    BadArray,
    DetectedSources,
    GlobalOptions,
    MosaicFrame,
    PlateSolution,
    ReferenceStars,
    deproject,
    plate_from_samples,
    solve_astrometry,
    solve_global_astrometry,
)
from awlab.backend.algorithms.tangent_plane import identity_pv, sample_grid

NX, NY, SCALE = 2048, 4096, 0.238
GRID = [axis.ravel() for axis in np.meshgrid(np.linspace(40, NX, 7), np.linspace(40, NY, 9))]


class Survey:
    """Dithered exposures of a mosaic: distortion, chip gaps, refraction, centroid errors."""

    def __init__(self, seed, exposures=12, chips=8, stars=6000, dec=-47.0, angles=(0.0,)):
        self.rng = np.random.default_rng(seed)
        self.centre = 359.95, dec
        plane = self.rng.uniform(-0.45, 0.45, (2, stars))
        self.ra, self.dec = deproject(*plane, *self.centre)
        self.mag = 21 - self.rng.exponential(1.3, stars)
        self.error = np.clip(0.02 * 10 ** (0.24 * (self.mag - 19)), 0.015, 0.12)  # pixel
        self.optics = self.rng.normal(0, 0.1, (2, 4))
        self.chips = [self.chip(k) for k in range(chips)]
        self.frames, self.truth = [], []
        for number in range(exposures):
            self.expose(number, np.radians(angles[number % len(angles)]))

    def chip(self, k):
        corner = (k % 4 - 1.5) * 2150 - 1024, (k // 4 - 0.5) * 4200 - 2048
        return self.rng.normal(corner, 10), self.rng.normal(0, 2e-3)

    def expose(self, number, angle):
        pointing = deproject(*self.rng.uniform(-0.04, 0.04, 2), *self.centre)
        pointing = tuple(float(v) for v in pointing)
        turn = angle + np.radians(self.rng.normal(0, 0.05))
        bend, shear = self.rng.normal(0, 0.05, (2, 3)), self.rng.normal(0, 1e-4, 2)
        for k, (corner, tilt) in enumerate(self.chips):

            def focal(x, y, corner=corner, tilt=tilt):
                z = np.exp(1j * tilt) * ((x - 1024) + 1j * (y - 2048)) + complex(*corner)
                z += 1024 + 2048j
                x, y = z.real * SCALE, z.imag * SCALE
                a, b, o = x / 1000, y / 1000, self.optics
                x = -(x + 0.6 * a * (a**2 + b**2) + o[0] @ np.stack([a * a, a * b, b * b, b**3]))
                y = y + 0.6 * b * (a**2 + b**2) + o[1] @ np.stack([a * a, a * b, b * b, a**3])
                z = np.exp(1j * turn) * (x + 1j * y) * (1 + shear[0])
                powers = np.stack([a * a, a * b, b * b])
                x, y = z.real + bend[0] @ powers + shear[1] * z.imag, z.imag + bend[1] @ powers
                return x / 3600, y / 3600

            grid = sample_grid([0, NX, 0, NY], 5)
            true = plate_from_samples(grid, focal(*grid), pointing, tuple(-corner), 5)
            self.truth.append(true)
            self.frames.append(self.detect(number, k, true))

    def detect(self, number, k, true):
        x, y = true.sky_to_pixel(self.ra, self.dec)
        on = np.flatnonzero((x > 0) & (x < NX) & (y > 0) & (y < NY))
        noise = self.rng.normal(0, 1, (2, on.size)) * self.error[on]
        sources = DetectedSources(
            x[on] + noise[0], y[on] + noise[1], self.mag[on] - 25, self.error[on]
        )
        header = PlateSolution(true.crval, true.crpix, true.cd, identity_pv())
        return MosaicFrame(number, k, sources, header)

    def catalogue(self, error=0.002):
        east, north = self.rng.normal(0, error / 3600, (2, self.ra.size))
        sky = deproject(east, north, self.ra, self.dec)
        return ReferenceStars(*sky, self.mag, np.full(self.ra.size, error))

    def solved(self, catalogue):
        """Frames with their local solutions."""
        options = AstrometryOptions(floor=0.003)
        found = []
        for one in self.frames:
            local = solve_astrometry(one.sources, one.plate, catalogue, options)
            assert local.reason == ""
            found.append(MosaicFrame(one.exposure, one.chip, one.sources, local.plate))
        return found

    def error_of(self, plates):
        """True rms error over all chips [mas]."""
        total = []
        for plate, true in zip(plates, self.truth, strict=True):
            a, b = plate.pixel_to_sky(*GRID), true.pixel_to_sky(*GRID)
            east = (a[0] - b[0] + 180) % 360 - 180
            total.append(np.hypot(east * np.cos(np.radians(b[1])), a[1] - b[1]) * 3.6e6)
        return float(np.sqrt(np.mean(np.square(total))))


PLACES = {
    "south": {"dec": -47.0},
    "pole": {"dec": 89.8},
    "camera turned": {"dec": 10.0, "angles": (0.0, 90.0, 180.0)},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_mosaic_with_a_gaia_like_catalogue(place):
    survey = Survey(1, **place)
    catalogue = survey.catalogue()
    frames = survey.solved(catalogue)
    found = solve_global_astrometry(frames, catalogue)
    error = survey.error_of(found.plates)
    assert error < 6.0
    assert error < 0.7 * survey.error_of([one.plate for one in frames]), "better than one by one"
    assert found.RMS_OVERLAP / np.sqrt(2) < 0.010
    # The internal scatter is that of the centroids, no more.
    noise = np.concatenate([one.sources.error for one in frames]) * SCALE
    assert np.isclose(found.SIG_DRA_OVERLAP, np.sqrt(np.mean(noise**2)), rtol=0.08)
    assert found.used.mean() > 0.99
    assert abs(found.MEAN_DRA) < 5e-4
    assert found.SIG_DDEC < 0.010
    assert found.NREF > 2000 < found.NOVERLAP


def test_overlaps_carry_a_bad_catalogue():
    """A few bad reference stars: frames agree among each other far better than with the sky."""
    survey = Survey(2, exposures=5, chips=4, stars=4000)
    good = survey.catalogue()
    frames = survey.solved(good)
    few = np.arange(0, good.ra.size, 6)
    poor = survey.catalogue(0.25)
    poor = ReferenceStars(poor.ra[few], poor.dec[few], poor.mag[few], poor.error[few])
    found = solve_global_astrometry(frames, poor)
    assert found.reason == ""
    assert found.RMS_OVERLAP < 0.016
    assert 0.2 < found.SIG_DRA < 0.3
    # Common to all frames, the error goes with that of the catalogue and the number of its stars.
    assert survey.error_of(found.plates) < 250.0


def test_outliers_are_clipped():
    survey = Survey(3, exposures=4, chips=2, stars=4000)
    catalogue = survey.catalogue()
    frames = survey.solved(catalogue)
    bad = frames[0].sources
    x = bad.x.copy()
    x[::5] += 2.0
    moved = DetectedSources(x, bad.y, bad.mag, bad.error)
    frames[0] = MosaicFrame(0, 0, moved, frames[0].plate)
    found = solve_global_astrometry(frames, catalogue)
    wild = (found.frame == 0) & (found.source % 5 == 0)
    assert wild.sum() > 20
    assert not found.used[wild].any()
    assert found.used[~wild].mean() > 0.97, "a star seen twice falls with its wild half"
    assert survey.error_of(found.plates) < 6.0


def test_order_of_frames_does_not_matter():
    survey = Survey(4, exposures=3, chips=2, stars=3000)
    catalogue = survey.catalogue()
    frames = survey.solved(catalogue)
    found = solve_global_astrometry(frames, catalogue)
    back = solve_global_astrometry(frames[::-1], catalogue)
    for one, other in zip(found.plates, back.plates[::-1], strict=True):
        a, b = one.pixel_to_sky(*GRID), other.pixel_to_sky(*GRID)
        assert np.abs(np.subtract(a, b)).max() * 3.6e6 < 0.05


def test_bad_input():
    survey = Survey(5, exposures=2, chips=2, stars=2000)
    catalogue = survey.catalogue()
    elsewhere = ReferenceStars(catalogue.ra, catalogue.dec + 20, catalogue.mag)
    lost = solve_global_astrometry(survey.frames, elsewhere)
    assert "fewer than three stars" in lost.reason
    assert lost.plates == tuple(one.plate for one in survey.frames)
    none = DetectedSources(np.empty(0), np.empty(0), np.empty(0))
    empty = [MosaicFrame(k, 0, none, survey.frames[0].plate) for k in range(2)]
    assert solve_global_astrometry(empty, catalogue).reason
    nan = DetectedSources(np.full(5, np.nan), np.full(5, np.nan), np.full(5, np.nan))
    frames = survey.solved(catalogue)
    frames[1] = MosaicFrame(0, 1, nan, frames[1].plate)
    one_bad = solve_global_astrometry(frames, catalogue, GlobalOptions(iterations=3))
    assert one_bad.reason == ""
    assert one_bad.RMS_OVERLAP < 0.02
    with pytest.raises(BadArray, match="no frames"):
        solve_global_astrometry([], catalogue)
    with pytest.raises(BadArray, match="pairs of exposure and chip"):
        solve_global_astrometry([survey.frames[0]] * 2, catalogue)
