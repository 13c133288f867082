"""Background: level, slope and noise come back, sources or not."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import BackgroundOptions, BadArray, background_map

SHAPE = (300, 400)


def slope():
    rows, columns = np.indices(SHAPE)
    return (500 + 0.1 * columns + 0.05 * rows).astype(np.float32)


def frame(stars=0, seed=1):
    rng = np.random.default_rng(seed)
    image = slope() + rng.normal(0, 6, SHAPE).astype(np.float32)
    rows, columns = np.indices((61, 61)) - 30
    halo = 1 / (1 + (rows**2 + columns**2) / 9.0) ** 1.7
    for y, x in rng.integers(31, (SHAPE[0] - 31, SHAPE[1] - 31), (stars, 2)):
        image[y - 30 : y + 31, x - 30 : x + 31] += (600 * halo).astype(np.float32)
    return image


def test_a_slope_and_its_noise_come_back():
    made = background_map(frame())
    assert np.abs(made.map - slope()).max() < 4
    assert np.abs(made.map - slope()).mean() < 1
    assert made.noise == pytest.approx(6, rel=0.05), "the slope within a mesh adds to it"
    assert np.abs(made.rms / 6 - 1).max() < 0.15
    assert made.level == pytest.approx(slope().mean(), rel=0.03)


def test_masked_sources_bias_the_background_less():
    image = frame(stars=60)
    plain = background_map(image, BackgroundOptions(mask_sources=False)).map - slope()
    masked = background_map(image, BackgroundOptions(grow=8)).map - slope()
    assert abs(np.median(masked)) < 0.4 * abs(np.median(plain))
    assert abs(np.median(masked)) < 2.0


def test_the_mesh_sets_the_scale():
    image = frame()
    image[100:164, 128:192] += 60
    fine = background_map(image, BackgroundOptions(BACK_SIZE=16, mask_sources=False)).map - slope()
    wide = background_map(image, BackgroundOptions(BACK_SIZE=128, mask_sources=False)).map - slope()
    assert fine[132, 160] > 50
    assert wide[132, 160] < 30


def test_bad_pixels_do_not_count():
    image = frame()
    good = np.ones(SHAPE, np.uint8)
    good[50:120, 60:200] = 0
    other = np.where(good > 0, image, np.float32(9999)).astype(np.float32)
    nan = np.where(good > 0, image, np.float32(np.nan)).astype(np.float32)
    expected = background_map(image, good=good)
    assert np.array_equal(background_map(other, good=good).map, expected.map)
    assert np.allclose(background_map(nan).map, expected.map, atol=0.5)
    assert np.abs(expected.map - slope()).max() < 6


@pytest.mark.parametrize("value", [np.nan, 65535.0, 0.0])
def test_frames_without_content(value):
    image = np.full((70, 50), value, np.float32)
    made = background_map(image)
    assert np.all(made.map == (0 if np.isnan(value) else value))
    assert made.noise == 0
    assert background_map(image, good=np.zeros(image.shape, np.uint8)).level == 0


def test_tiny_frames_and_bad_arguments():
    assert background_map(np.full((2, 3), 7, np.float32)).map.shape == (2, 3)
    with pytest.raises(BadArray, match="BACK_SIZE"):
        BackgroundOptions(BACK_SIZE=0)
    with pytest.raises(BadArray, match="shape"):
        background_map(frame(), good=np.ones((3, 3), np.uint8))


def test_numbers_coarser_than_the_noise_hide_it_but_not_more():
    """The steps of a converter: a frame of whole numbers whose noise is a tenth of a step."""
    rng = np.random.default_rng(5)
    steps = np.floor(rng.normal(11.2, 0.1, (128, 128))).astype(np.float32)
    steps += rng.normal(0, 0.005, steps.shape).astype(np.float32)
    assert background_map(steps).noise < 0.1
    found = background_map(steps, BackgroundOptions(least_noise=12**-0.5))
    assert found.noise == pytest.approx(12**-0.5)
    assert found.rms.min() == pytest.approx(12**-0.5, rel=1e-6)
    noisy = rng.normal(11.2, 3.0, (128, 128)).astype(np.float32)
    plain = background_map(noisy)
    assert background_map(noisy, BackgroundOptions(least_noise=12**-0.5)).noise == plain.noise
    with pytest.raises(BadArray, match="least noise"):
        BackgroundOptions(least_noise=float("nan"))
