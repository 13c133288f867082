"""Robust statistics and outliers: the truth that was put in comes out."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.errors import QueryError
from awlab.backend.quality import clip_outliers, robust_statistics, running_outliers


@pytest.fixture
def drift():
    """A drift with noise of 1, six outliers of 12, out of order, with holes."""
    rng = np.random.default_rng(1)
    time = np.arange(2000.0)
    values = 50 * np.sin(time / 300) + rng.normal(0, 1, 2000)
    bad = np.array([0, 150, 700, 701, 1500, 1999])
    values[bad] += 12
    holes = np.array([3, 900])
    order = rng.permutation(2000)
    masked = np.ma.array(values, mask=np.isin(np.arange(2000), holes))
    is_bad = np.isin(np.arange(2000), bad)
    return time[order], masked[order], is_bad[order]


def test_statistics_do_not_mind_a_few_outliers_and_count_what_is_missing():
    rng = np.random.default_rng(2)
    values = np.r_[rng.normal(10, 2, 5000), [1e6, np.nan, np.inf]]
    found = robust_statistics(values)
    assert (found.count, found.missing) == (5001, 2)
    assert found.median == pytest.approx(10, abs=0.1)
    assert found.sigma == pytest.approx(2, rel=0.05)
    assert found.stdev > 1000 and found.high == 1e6
    nothing = robust_statistics([np.nan, np.nan])
    assert nothing.count == 0 and nothing.missing == 2 and np.isnan(nothing.median)


def test_points_off_a_drift_are_found_by_the_running_median_alone(drift):
    time, values, is_bad = drift
    found = running_outliers(time, values, 6.0)
    assert np.array_equal(found, is_bad)
    assert not clip_outliers(values, 6.0).any()


def test_clipping_finds_all_of_a_flat_trend():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, 3000)
    values[::100] += 20
    assert np.array_equal(np.flatnonzero(clip_outliers(values, 5.0)), np.arange(0, 3000, 100))


def test_a_trend_without_noise_has_outliers_too():
    values = np.zeros(100)
    values[40] = 1e-3
    assert np.flatnonzero(running_outliers(np.arange(100), values)).tolist() == [40]


def test_little_and_bad_input():
    assert not running_outliers([1, 2], [1.0, 99.0]).any()
    assert not clip_outliers([]).size and not clip_outliers([np.nan]).any()
    with pytest.raises(QueryError, match="0 sigma"):
        clip_outliers([1.0], 0)
    with pytest.raises(QueryError, match="2 points"):
        running_outliers([1.0], [1.0], window=2)
