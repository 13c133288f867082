"""Regions, overscan levels by every method, and trimming."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    OVERSCAN_METHODS,
    BadArray,
    OverscanLevels,
    ReadoutLayout,
    Region,
    measure_overscan,
    trim,
)
from awlab.backend.algorithms.overscan import grouped_median, stacked_levels

NY, NX = 200, 160
LAYOUT = ReadoutLayout(
    image=Region(20, 20 + NX, 10, 10 + NY),
    prescan_x=Region(0, 20, 0, NY + 30),
    overscan_x=Region(20 + NX, 60 + NX, 0, NY + 30),
    prescan_y=Region(0, NX + 60, 0, 10),
    overscan_y=Region(20, 20 + NX, NY + 10, NY + 30),
)


def raw(seed=3, sigma=3.0):
    """Every strip has a level of its own, so that no method can take the wrong one."""
    rng = np.random.default_rng(seed)
    level = np.full((NY + 30, NX + 60), 1000.0)
    for region, value in (
        (LAYOUT.prescan_y, 300.0),
        (LAYOUT.overscan_y, 400.0),
        (Region(0, 20, 10, 10 + NY), 100.0),
        (Region(20 + NX, 60 + NX, 10, 10 + NY), 200.0),
    ):
        level[region.slices] = value
    return np.rint(level + rng.normal(0, sigma, level.shape)).astype(np.uint16)


def test_fits_sections_meet_numpy_here():
    region = Region.from_fits("[51:2098,1:4096]")
    assert region == Region(50, 2098, 0, 4096)
    assert region.to_fits() == "[51:2098,1:4096]"
    assert region.shape == (4096, 2048)
    assert Region.from_fits(" [ 1 : 2 , 3 : 4 ] ") == Region(0, 2, 2, 4)
    assert Region.whole((5, 7)) == Region(0, 7, 0, 5)
    image = np.arange(12).reshape(3, 4)
    assert np.array_equal(image[Region.from_fits("[2:3,3:3]").slices], [[9, 10]])


@pytest.mark.parametrize(
    "text", ["", "[1:2]", "[0:5,1:5]", "[5:1,1:5]", "[a:b,c:d]", "[1:2,3:4,5:6]"]
)
def test_bad_sections(text):
    with pytest.raises(BadArray):
        Region.from_fits(text)


@pytest.mark.parametrize(
    ("method", "level"),
    [
        (0, 0),
        (1, 114),
        (2, 200),
        (3, 300),
        (4, 400),
        (5, 100),
        (6, 200),
        (7, 300),
        (8, 400),
        (10, 200),
    ],
)
def test_methods_take_their_strip(method, level):
    levels = measure_overscan(raw(), LAYOUT, method)
    assert levels.method == method
    assert levels.rows.shape == (NY,)
    assert levels.rows.dtype == np.float32
    assert (levels.columns is not None) == (method in (7, 8))
    if method == 1:  # the strip runs over the corners as well
        assert 99 < levels.mean < 115
    else:
        # Method 2 sees the corners too, which lie higher: the median moves, though little.
        assert levels.mean == pytest.approx(level, abs=1.0 if method == 2 else 0.3)


def test_method_9_joins_both_sides():
    layout = ReadoutLayout(LAYOUT.image, Region(0, 20, 0, 230), Region(180, 199, 0, 230))
    assert measure_overscan(raw(), layout, 9).mean == pytest.approx(110, abs=12)


def test_every_method_has_a_name_and_no_other_exists():
    assert sorted(OVERSCAN_METHODS) == list(range(11))
    with pytest.raises(BadArray, match="11"):
        measure_overscan(raw(), LAYOUT, 11)


def test_missing_strip_is_said():
    with pytest.raises(BadArray, match="overscan_x"):
        measure_overscan(raw(), ReadoutLayout(LAYOUT.image), 6)
    short = ReadoutLayout(LAYOUT.image, overscan_x=Region(180, 220, 50, 100))
    with pytest.raises(BadArray, match="does not run along"):
        measure_overscan(raw(), short, 6)
    assert measure_overscan(raw(), short, 2).mean == pytest.approx(200, abs=0.3)


def test_rows_follow_a_drift_and_ignore_cosmic_rays():
    frame = raw(sigma=2.0).astype(np.float64)
    drift = np.zeros(NY + 30)
    drift[10 : 10 + NY] = np.linspace(0, 30, NY)
    frame = np.rint(frame + drift[:, None]).astype(np.uint16)
    frame[50, 185:190] = 60000
    levels = measure_overscan(frame, LAYOUT, 6)
    assert np.abs(levels.rows - 200 - np.linspace(0, 30, NY)).max() < 1.5
    average = measure_overscan(frame, LAYOUT, 10)
    assert average.rows[40] > 500, "an average is not robust, as documented"


def test_smoothing_over_ten_rows_is_method_10():
    frame = raw()
    levels = measure_overscan(frame, LAYOUT, 10)
    means = frame[10 : 10 + NY, 180:220].mean(axis=1)
    assert levels.rows[100] == pytest.approx(means[95:105].mean(), abs=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 0.4, 0.5, 0.77])
@pytest.mark.parametrize("sigma", [0.6, 1.5, 4.0])
def test_median_of_integers_is_not_quantised(fraction, sigma):
    rng = np.random.default_rng(8)
    values = np.rint(rng.normal(200 + fraction, sigma, 400_000)).astype(np.uint16)
    assert float(grouped_median(values)) == pytest.approx(200 + fraction, abs=0.05)


def test_grouped_median_of_few():
    assert grouped_median(np.array([1, 2], np.uint16)) == 1.5
    assert grouped_median(np.array([1, 5], np.uint16)) == 3.0
    assert grouped_median(np.array([7, 7, 7], np.uint16)) == 7.0
    assert grouped_median(np.array([1.0, 2.0, 9.0], np.float32)) == 2.0
    rows = np.array([[1, 2, 3], [4, 4, 4]], np.uint16)
    assert np.array_equal(grouped_median(rows), [2.0, 4.0])


def test_trim_takes_rows_and_columns_off():
    frame = raw()
    rows = np.arange(NY, dtype=np.float32)
    columns = np.arange(NX, dtype=np.float32)
    image = trim(frame, LAYOUT.image, OverscanLevels(6, rows, columns))
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    assert np.allclose(image, frame[LAYOUT.image.slices] - rows[:, None] - columns)
    assert np.array_equal(trim(frame, LAYOUT.image), frame[LAYOUT.image.slices])


def test_levels_must_fit():
    levels = measure_overscan(raw(), LAYOUT, 6)
    with pytest.raises(BadArray, match="rows"):
        trim(raw(), Region(0, 10, 0, 10), levels)
    with pytest.raises(BadArray, match="1 overscan levels for 2 frames"):
        stacked_levels([levels], LAYOUT.image, 2)
