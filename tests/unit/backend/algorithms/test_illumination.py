"""Polynomials over a chip, and the illumination correction made of them."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import BadArray, fit_chip_polynomial, fit_illumination

SHAPE = (400, 300)


def places(number, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, SHAPE[1] - 1, number), rng.uniform(0, SHAPE[0] - 1, number)


def hump(x, y):
    u, v = 2 * x / (SHAPE[1] - 1) - 1, 2 * y / (SHAPE[0] - 1) - 1
    return 0.03 * u - 0.04 * (u * u + v * v) + 0.02 * u * v


def test_a_quadratic_is_exact_whatever_the_outliers():
    x, y = places(80)
    value = 5 + hump(x, y)
    noisy = value + np.random.default_rng(2).normal(0, 1e-4, 80)
    noisy[::9] += 3
    made = fit_chip_polynomial((x, y), noisy, SHAPE)
    assert made.order == 2
    assert not made.used[::9].any()
    assert np.allclose(made.at(x, y), value, atol=3e-4)
    rows, columns = np.indices(SHAPE)
    assert np.allclose(made.image(), 5 + hump(columns, rows), atol=5e-4)
    part = made.image((50, 60), origin=(100, 200))
    assert np.allclose(part, made.image()[100:150, 200:260], atol=1e-6)


def test_few_points_lower_the_order():
    for number, order in ((3, 0), (9, 1), (18, 2), (40, 3)):
        x, y = places(number)
        assert fit_chip_polynomial((x, y), hump(x, y), SHAPE, order=3).order == order


def test_weights_count():
    x, y = places(100)
    value, weights = np.zeros(100), np.ones(100)
    value[:30], weights[:30] = 1.0, 1e-6
    made = fit_chip_polynomial((x, y), value, SHAPE, order=0, weights=weights, threshold=1e9)
    assert made.coefficients[0] == pytest.approx(0, abs=1e-9)


def test_stars_are_corrected_by_the_illumination_frame():
    rng = np.random.default_rng(3)
    x, y = places(400)
    errors = rng.uniform(0.005, 0.03, 400)
    # Too bright by the hump: the zeropoint, reference less instrumental magnitude, is larger.
    zeropoints = 24.7 + hump(x, y) + rng.normal(0, errors)
    zeropoints[::50] += 0.5
    made = fit_illumination((x, y), zeropoints, SHAPE, errors=errors)
    rows, columns = np.indices(SHAPE)
    true = hump(columns, rows)
    factor = made.frame()
    left = -2.5 * np.log10(factor) - (true - true.mean())
    assert np.std(left) < 0.0025
    assert abs(np.mean(-2.5 * np.log10(factor))) < 2e-4
    assert 380 < made.stars <= 392
    flux = 10 ** (0.4 * true) * factor
    assert np.std(-2.5 * np.log10(flux)) < 0.0025
    assert np.array_equal(made.frame((9, 8), (7, 6)), factor[7:16, 6:14])


def test_bad_input():
    x, y = places(10)
    with pytest.raises(BadArray, match="2 stars"):
        fit_illumination((x[:2], y[:2]), np.ones(2), SHAPE)
    with pytest.raises(BadArray, match="0 stars"):
        fit_illumination((x, y), np.full(10, np.nan), SHAPE)
    with pytest.raises(BadArray, match="no finite value"):
        fit_chip_polynomial((x, y), np.full(10, np.nan), SHAPE)
    flat = fit_illumination((x, y), np.full(10, 3.0), SHAPE)
    assert np.allclose(flat.frame(), 1)
