"""A simulated chip whose true plate solution comes back from wrong pointings and bad catalogues."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    DetectedSources,
    MatchFailure,
    PlateSolution,
    ReferenceStars,
    deproject,
    match_pointing,
    solve_astrometry,
)
from awlab.backend.algorithms.tangent_plane import identity_pv

NX, NY = 2048, 4096
SCALE = 0.238 / 3600
GRID = [axis.ravel() for axis in np.meshgrid(np.linspace(20, NX, 9), np.linspace(20, NY, 17))]
CROWDED, NORMAL = 24000, 2400


class Sky:
    """Stars around a chip with optical distortion, seen and catalogued with errors."""

    def __init__(self, seed, number, dec=-47.0):
        self.rng = np.random.default_rng(seed)
        pv = identity_pv()
        pv[:, 4:7] = self.rng.normal(0, 5e-4, (2, 3))
        pv[:, 7:11] = self.rng.normal(0, 4e-3, (2, 4))
        self.plate = PlateSolution((359.95, dec), (1024.0, 2048.0), np.diag([-SCALE, SCALE]), pv)
        plane = self.rng.uniform(-0.3, 0.3, (2, number))
        self.ra, self.dec = deproject(*plane, *self.plate.crval)
        self.mag = 21 - self.rng.exponential(1.3, number)

    def detect(self, noise=0.05, spurious=0.1, exactly=None):
        x, y = self.plate.sky_to_pixel(self.ra, self.dec)
        rows = np.flatnonzero((x > 0) & (x < NX) & (y > 0) & (y < NY))[:exactly]
        false = int(spurious * rows.size)
        count = rows.size + false
        x = np.append(x[rows], self.rng.uniform(0, NX, false)) + self.rng.normal(0, noise, count)
        y = np.append(y[rows], self.rng.uniform(0, NY, false)) + self.rng.normal(0, noise, count)
        mag = np.append(self.mag[rows], self.rng.choice(self.mag[rows], false))
        mag += self.rng.normal(-25, 0.15, count)
        self.real = rows
        return DetectedSources(x, y, mag, np.full(count, noise))

    def catalogue(self, error, complete=1.0):
        kept = self.rng.random(self.ra.size) < complete
        east, north = self.rng.normal(0, error / 3600, (2, self.ra.size))
        ra, dec = deproject(east, north, self.ra, self.dec)
        mag = self.mag + self.rng.normal(0, 0.2, mag_size := self.mag.size)
        self.kept = kept
        return ReferenceStars(ra[kept], dec[kept], mag[kept], np.full(mag_size, error)[kept])

    def header(self, offset=0.0, rotation=0.0, scale=1.0, flip=(1, 1)):
        """The header's solution: no distortion, and wrong."""
        t, angle = np.radians(rotation), self.rng.uniform(0, 2 * np.pi)
        turn = scale * np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        shift = offset / 3600 * np.cos(angle), offset / 3600 * np.sin(angle)
        crval = tuple(float(v) for v in deproject(*shift, *self.plate.crval))
        return PlateSolution(
            crval, self.plate.crpix, turn @ self.plate.cd @ np.diag(flip), identity_pv()
        )

    def errors(self, plate):
        """True error of a solution over the chip [mas]."""
        a, b = plate.pixel_to_sky(*GRID), self.plate.pixel_to_sky(*GRID)
        east = (a[0] - b[0] + 180) % 360 - 180
        return np.hypot(east * np.cos(np.radians(b[1])), a[1] - b[1]) * 3.6e6


WRONG = {
    "right": {},
    "pointing": {"offset": 120.0},
    "rotation": {"offset": 120.0, "rotation": 3.0},
    "scale": {"offset": 120.0, "rotation": -3.0, "scale": 1.02},
    "mirrored in x": {"offset": 100.0, "rotation": 2.0, "scale": 0.98, "flip": (-1, 1)},
    "mirrored in y": {"offset": 120.0, "flip": (1, -1)},
    "upside down": {"offset": 120.0, "flip": (-1, -1)},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("number", [NORMAL, CROWDED], ids=["normal", "crowded"])
@pytest.mark.parametrize("dec", [-47.0, 85.0])
def test_wrong_headers_with_a_gaia_like_catalogue(wrong, number, dec):
    sky = Sky(3, number, dec)
    sources, catalogue, header = sky.detect(), sky.catalogue(0.001), sky.header(**wrong)
    match = match_pointing(sources, header, catalogue)
    assert match.flipped == (wrong.get("flip", (1, 1)) in {(-1, 1), (1, -1)})
    assert match.scale == pytest.approx(1 / wrong.get("scale", 1.0), abs=2e-3)
    solution = solve_astrometry(sources, header, catalogue)
    assert solution.failure is MatchFailure.NONE
    assert np.sqrt(np.mean(sky.errors(solution.plate) ** 2)) < 12.0
    assert 0.9 * sky.real.size < solution.NREF
    # 0.05 pixels of 0.238 arcsec.
    assert pytest.approx(0.0119, rel=0.2) == solution.SIG_DRA
    assert abs(solution.MEAN_DRA) < 0.002


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("flip", [(1, 1), (-1, 1)], ids=["upright", "mirrored"])
def test_sparse_fields(seed, flip):
    """Nine stars and nine spurious sources; the catalogue has some 85 % of the stars."""
    sky = Sky(seed, 200)
    sources, catalogue = sky.detect(spurious=1.0, exactly=9), sky.catalogue(0.001, complete=0.85)
    header = sky.header(offset=120.0, rotation=3.0, scale=1.02, flip=flip)
    match = match_pointing(sources, header, catalogue)
    if sky.kept[sky.real].sum() >= 6:
        assert match.failure is MatchFailure.NONE
    if match.failure is MatchFailure.NONE:
        assert sky.errors(match.plate).max() < 3000.0
        assert match.flipped == (flip != (1, 1))


@pytest.mark.parametrize("number", [100, 200, NORMAL, CROWDED])
def test_another_sky_is_never_accepted(number):
    for seed in range(5):
        sky, other = Sky(seed, number), Sky(seed + 100, number)
        match = match_pointing(sky.detect(), sky.header(), other.catalogue(0.001))
        assert match.failure is MatchFailure.NOT_SIGNIFICANT
        assert match.significance < 2.0


@pytest.mark.parametrize("seed", range(4))
def test_usno_like_catalogue(seed):
    sky = Sky(seed, NORMAL)
    header = sky.header(offset=60.0, rotation=0.2)
    solution = solve_astrometry(sky.detect(), header, sky.catalogue(0.25))
    assert 0.2 < solution.SIG_DRA < 0.3
    assert 0.2 < solution.SIG_DDEC < 0.3
    assert solution.order < 3, "distortion below the noise is not fitted"
    assert np.sqrt(np.mean(sky.errors(solution.plate) ** 2)) < 90.0


def test_half_the_catalogue_and_half_the_sources_wrong():
    sky = Sky(8, NORMAL)
    header = sky.header(offset=120.0, rotation=3.0, scale=0.98)
    solution = solve_astrometry(sky.detect(spurious=1.0), header, sky.catalogue(0.001, 0.5))
    assert solution.failure is MatchFailure.NONE
    assert np.sqrt(np.mean(sky.errors(solution.plate) ** 2)) < 12.0
