"""Statistics of images and the noise of integers."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    Region,
    clipped_statistics,
    image_histogram,
    image_statistics,
    sky_level,
    subwindow_statistics,
)
from awlab.backend.algorithms.clipping import truncation


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_image_statistics_equal_numpy(dtype):
    image = np.random.default_rng(1).normal(1000, 20, (101, 77)).astype(dtype)
    image[3, 70], image[90, 2] = 5000, 1
    found = image_statistics(image)
    assert found.mean == pytest.approx(image.mean(dtype=np.float64), rel=1e-9)
    assert found.median == np.median(image)
    assert found.stdev == pytest.approx(image.std(dtype=np.float64, ddof=1), rel=1e-9)
    assert (found.min, found.min_x, found.min_y) == (1, 2, 90)
    assert (found.max, found.max_x, found.max_y) == (5000, 70, 3)
    assert found.npix == image.size


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_a_histogram_counts_every_pixel_of_a_part(kind):
    limits = np.iinfo(kind)
    image = np.random.default_rng(2).integers(
        limits.min, limits.max, (401, 1500), kind, endpoint=True
    )
    image[20, 30], image[400, 900] = limits.min, limits.max
    for part in (image, image[7:, 11:-20], image[:, :1], image[::4, ::4]):
        counts, first = image_histogram(part)
        values, numbers = np.unique(part, return_counts=True)
        assert first == values[0]
        assert len(counts) == int(values[-1]) - int(values[0]) + 1
        np.testing.assert_array_equal(np.flatnonzero(counts) + first, values)
        np.testing.assert_array_equal(counts[counts > 0], numbers)


@pytest.mark.parametrize(
    "image", [np.zeros((0, 5), np.uint16), np.zeros(5, np.uint16), np.zeros((5, 5), np.float32)]
)
def test_a_histogram_of_something_else_is_refused(image):
    with pytest.raises(BadArray, match="a histogram of an image of shape"):
        image_histogram(image)


def test_statistics_of_a_region_keep_the_place_in_the_image():
    image = np.zeros((20, 30), np.float32)
    image[12, 17] = 9
    found = image_statistics(image, Region(10, 20, 10, 15))
    assert (found.max_x, found.max_y, found.npix) == (17, 12, 50)
    with pytest.raises(BadArray, match="beyond"):
        image_statistics(image, Region(0, 31, 0, 5))


def test_large_levels_do_not_hide_the_noise():
    image = np.random.default_rng(2).normal(60000, 0.5, (300, 400)).astype(np.float32)
    assert image_statistics(image).stdev == pytest.approx(image.std(dtype=np.float64), rel=1e-4)
    assert image_statistics(np.full((9, 9), 7.3, np.float32)).stdev == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    image = np.zeros((80, 80), np.float32)
    image[40, 40] = value
    for measure in (image_statistics, subwindow_statistics, clipped_statistics, sky_level):
        with pytest.raises(BadArray, match="finite"):
            measure(image)


@pytest.mark.parametrize("sigma", [0.8, 1.3, 2.0, 4.4, 30.0])
@pytest.mark.parametrize("threshold", [3.0, 5.0])
def test_noise_of_integers(sigma, threshold):
    """A MAD of such data would be quantised; rounding adds a variance of 1/12."""
    rng = np.random.default_rng(7)
    values = np.rint(rng.normal(300.3, sigma, 500_000)).astype(np.uint16)
    values[:500] = 60000
    found = clipped_statistics(values, threshold=threshold)
    assert found.stdev == pytest.approx(sigma, rel=0.01)
    assert found.mean == pytest.approx(300.3, abs=0.02 + 0.005 * sigma)
    assert found.median == pytest.approx(300.3, abs=0.03 + 0.01 * sigma)
    assert 500 <= found.rejected < 3000
    assert found.npix + found.rejected == values.size


def test_mad_of_integers_is_quantised_indeed():
    values = np.rint(np.random.default_rng(7).normal(300.3, 1.9, 500_000))
    mad = 1.4826 * np.median(np.abs(values - np.median(values)))
    assert abs(mad / 1.9 - 1) > 0.15
    assert clipped_statistics(values.astype(np.int32)).stdev == pytest.approx(1.9, rel=0.005)


@pytest.mark.parametrize("threshold", [2.0, 3.0, 5.0])
def test_noise_of_floats_with_outliers(threshold):
    values = np.random.default_rng(4).normal(-3, 2.5, 200_000).astype(np.float32)
    values[::100] += 500
    found = clipped_statistics(values, threshold=threshold)
    assert found.stdev == pytest.approx(2.5, rel=0.02)
    assert found.mean == pytest.approx(-3, abs=0.05)


def test_truncation():
    assert truncation(8.0) == pytest.approx(1.0)
    values = np.random.default_rng(1).normal(size=1_000_000)
    assert truncation(2.0) == pytest.approx(values[np.abs(values) < 2].var(), rel=0.005)


def test_constant_data():
    for values in (np.full(100, 7, np.uint16), np.full(100, 7, np.float32)):
        found = clipped_statistics(values)
        assert (found.mean, found.stdev, found.rejected) == (7, 0, 0)
    with pytest.raises(BadArray, match="no values"):
        clipped_statistics(np.zeros(0, np.float32))


def test_subwindows():
    image = np.zeros((80, 40), np.float32)
    image[:10, :10] = 5
    image[70:, 30:] = -2
    found = subwindow_statistics(image)
    assert found.medians.shape == (8, 4)
    assert found.medians.size == 32
    assert (found.medians[0, 0], found.medians[7, 3], found.flatness) == (5, -2, 7)
    assert found.max_stdev == 0
    with pytest.raises(BadArray, match="windows"):
        subwindow_statistics(np.zeros((4, 4), np.float32))


def test_sky_level_ignores_objects_and_bad_pixels():
    rng = np.random.default_rng(6)
    image = rng.normal(500, 10, (900, 1200)).astype(np.float32)
    image[::20, ::20] += 3000
    good = np.ones(image.shape, np.uint8)
    image[:300], good[:300] = 0, 0
    found = sky_level(image, good)
    assert found.median == pytest.approx(500, abs=0.5)
    assert found.stdev == pytest.approx(10, rel=0.02)
