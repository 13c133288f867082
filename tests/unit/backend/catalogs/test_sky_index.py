"""HEALPix numbers and cones, held against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from awlab.backend.catalogs import cone_ranges, separation, spatial_index
from awlab.backend.errors import QueryError


def whole_sky(count, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))


@pytest.mark.parametrize(
    ("ra", "dec", "radius"),
    [
        (10.0, 5.0, 0.01),
        (0.02, 0.0, 1.0),
        (359.9, -30.0, 3.0),
        (200.0, 89.9, 2.0),
        (200.0, -90.0, 0.5),
        (120.0, 41.8, 40.0),
        (1.0, 1.0, 180.0),
    ],
)
def test_the_ranges_of_a_cone_hold_all_of_it_and_little_more(ra, dec, radius):
    a, d = whole_sky(200_000)
    near = np.random.default_rng(2)
    a = np.r_[a, ra + near.normal(0, radius / max(0.05, np.cos(np.radians(dec))), 3000)] % 360
    d = np.r_[d, np.clip(dec + near.normal(0, radius, 3000), -90, 90)]
    inside = separation(a, d, ra, dec) <= radius
    numbers = spatial_index(a, d)
    ranges = cone_ranges(ra, dec, radius)
    covered = np.zeros(len(a), bool)
    for first, last in ranges:
        covered |= (numbers >= first) & (numbers < last)
    assert not (inside & ~covered).any()
    assert separation(a[covered], d[covered], ra, dec).max() < 2.2 * radius + 1e-5
    assert len(ranges) < 200
    starts = [first for first, _ in ranges]
    assert starts == sorted(starts)


def test_separation_is_that_of_astropy():
    a, d = whole_sky(1000)
    theirs = SkyCoord(a, d, unit="deg").separation(SkyCoord(123.4, -45.6, unit="deg")).deg
    assert np.allclose(separation(a, d, 123.4, -45.6), theirs, rtol=1e-9, atol=1e-12)


def test_numbers_do_not_care_how_often_ra_went_round():
    assert spatial_index([-10.0], [3.0]) == spatial_index([350.0], [3.0])


@pytest.mark.parametrize(("ra", "dec"), [(np.nan, 0.0), (0.0, 90.5), (0.0, np.nan)])
def test_what_is_not_on_the_sky_is_refused_with_its_number(ra, dec):
    with pytest.raises(QueryError, match=r"1 of 2 positions .* number 1"):
        spatial_index(np.array([1.0, ra]), np.array([1.0, dec]))


@pytest.mark.parametrize("cone", [(np.nan, 0, 1), (0, 91, 1), (0, 0, 0), (0, 0, 181)])
def test_impossible_cones_are_refused(cone):
    with pytest.raises(QueryError, match="no cone of"):
        cone_ranges(*cone)
