"""Jumps and drifts: what was put in comes out, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.errors import QueryError
from awlab.backend.quality import drift, find_jumps


def series(seed, jumps, slope=0.0, n=400, sigma=1.0):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 1800, n))
    values = slope * time + rng.normal(0, sigma, n)
    for when, size in jumps:
        values += size * (time >= when)
    return time, values, rng


@pytest.mark.parametrize("seed", range(5))
def test_jumps_are_found_on_the_very_point_and_with_their_size(seed):
    truth = [(400.0, 6.0), (900.0, -7.0), (1300.0, 5.5)]
    time, values, rng = series(seed, truth, slope=0.004)
    values[rng.choice(400, 20, replace=False)] += 25.0
    found = find_jumps(time, values)
    assert len(found) == 3
    for jump, (when, size) in zip(found, truth, strict=True):
        first = int(np.searchsorted(time, when))
        assert abs(jump.index - first) <= 1
        assert jump.size == pytest.approx(size, abs=1.3)
        assert jump.significance > 6


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_drift_alone_are_no_jump(seed):
    time, values, _ = series(seed, [], slope=0.01)
    assert find_jumps(time, values) == []


def test_a_short_bad_spell_is_no_jump_and_a_long_one_is_two():
    time, values, _ = series(1, [])
    short, long = values.copy(), values.copy()
    short[200:206] += 20
    long[200:230] += 20
    assert find_jumps(time, short) == []
    assert [jump.index for jump in find_jumps(time, long)] == [200, 230]


def test_the_drift_is_blind_to_jumps_and_outliers():
    time, values, rng = series(3, [(500.0, 30.0), (1200.0, -12.0)], slope=0.02)
    values[rng.choice(400, 20, replace=False)] -= 60.0
    assert drift(time, values) == pytest.approx(0.02, abs=0.004)
    assert np.isnan(drift([1.0, 2.0], [1.0, 2.0]))


def test_times_masks_and_any_order_are_taken():
    time, values, rng = series(4, [(700.0, 8.0)])
    dates = np.datetime64("2001-01-01", "us") + (time * 86_400e6).astype("timedelta64[us]")
    order = rng.permutation(400)
    holes = np.ma.array(values, mask=np.arange(400) % 50 == 7)
    (jump,) = find_jumps(dates[order], holes[order])
    assert dates[order][jump.index] == dates[np.searchsorted(time, 700.0)]
    assert drift(dates, values) == pytest.approx(drift(time, values), rel=1e-6)


@pytest.mark.parametrize("wrong", [{"sigma": 0.0}, {"sigma": -1.0}, {"window": 2}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(QueryError):
        find_jumps(np.arange(100.0), np.arange(100.0), **wrong)


def test_few_equal_or_missing_points_have_no_jump():
    assert find_jumps([], []) == []
    assert find_jumps(np.arange(20.0), np.zeros(20)) == []
    assert find_jumps(np.arange(100.0), np.zeros(100)) == []
    assert find_jumps(np.arange(100.0), np.full(100, np.nan)) == []
    (jump,) = find_jumps(np.arange(100.0), np.arange(100) >= 50)
    assert jump.index == 50
