"""Growth curve of stars whose light within any aperture is known."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import BadArray, growth_curve

SIGMA = 2.0


def stars(number=12, seed=1, neighbour=False):
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, (300, 400)).astype(np.float32)
    rows, columns = np.indices(image.shape)
    x, y = np.meshgrid(np.linspace(50, 350, 4), np.linspace(50, 250, 3))
    x, y = x.ravel()[:number] + 0.3, y.ravel()[:number] - 0.2
    for i in range(len(x)):
        r2 = (columns - x[i]) ** 2 + (rows - y[i]) ** 2
        image += (2e5 * np.exp(-0.5 * r2 / SIGMA**2) / (2 * np.pi * SIGMA**2)).astype(np.float32)
    if neighbour:
        image += 300 * np.exp(-0.5 * ((columns - x[0] - 8) ** 2 + (rows - y[0]) ** 2))
    return image, x, y


@pytest.mark.parametrize("neighbour", [False, True])
def test_the_curve_of_a_gaussian(neighbour):
    image, x, y = stars(neighbour=neighbour)
    curve = growth_curve(image, x, y)
    # A pixel is spread over its square, whose variance is 1/12.
    expected = 1 - np.exp(-0.5 * (curve.diameters / 2) ** 2 / (SIGMA**2 + 1 / 12))
    assert np.allclose(curve.fractions, expected, atol=2e-3)
    assert curve.fractions[-1] == 1.0
    assert curve.stars >= 8
    assert np.all(curve.errors < 2e-3)
    assert curve.correction(6.0) == pytest.approx(2.5 * np.log10(expected[1]), abs=3e-3)
    assert curve.correction(24.0) == 0
    assert curve.correction(4.0) < curve.correction(5.0) < curve.correction(6.0) < 0


def test_sky_that_was_left_is_taken_off():
    image, x, y = stars()
    assert np.allclose(
        growth_curve(image + np.float32(3), x, y).fractions,
        growth_curve(image, x, y).fractions,
        atol=1e-4,
    )


def test_too_few_stars_give_nan():
    image, x, y = stars()
    mask = np.zeros(image.shape, np.bool_)
    mask[:, ::5] = True
    for curve in (growth_curve(image, x[:2], y[:2]), growth_curve(image, x, y, mask=mask),
                  growth_curve(np.zeros((20, 20), np.float32), x[:0], y[:0])):  # fmt: skip
        assert np.isnan(curve.fractions).all()
        assert np.isnan(curve.correction(6.0))


def test_bad_arguments():
    image, x, y = stars()
    with pytest.raises(BadArray, match="rise"):
        growth_curve(image, x, y, (6.0, 4.0))
    with pytest.raises(BadArray, match="outside"):
        growth_curve(image, x, y, (4.0, 10.0)).correction(12.0)
