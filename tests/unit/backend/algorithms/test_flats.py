"""Flats, their large scales, and darks."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    CombineOptions,
    DetectorNoise,
    MasterFlatOptions,
    OverscanLevels,
    Region,
    combine_flats,
    master_dark,
    master_flat,
    smooth_map,
)

SHAPE = (256, 200)
NOISE = DetectorNoise(3.0, 2.0)


def vignetting(shape=SHAPE, depth=0.3, centre=(0.45, 0.55)):
    y, x = np.indices(shape)
    r2 = (x / shape[1] - centre[0]) ** 2 + (y / shape[0] - centre[1]) ** 2
    return 1.0 - depth * r2


@pytest.mark.parametrize("shape", [(256, 200), (1000, 700), (64, 64)])
def test_smooth_map_follows_slopes_to_the_edge(shape):
    truth = vignetting(shape, 0.5).astype(np.float32)
    found = smooth_map(truth)
    assert found.shape == shape
    assert found.dtype == np.float32
    assert np.abs(found / truth - 1).max() < 2.5e-3


def test_smooth_map_does_not_see_stars_dead_blocks_and_bad_pixels():
    truth = vignetting()
    image = truth.astype(np.float32)
    image[10:14, 20:24] = 50
    image[100:150, 100:140] = 9  # as large as several blocks
    good = np.ones(SHAPE, np.uint8)
    good[100:150, 100:140] = 0
    found = smooth_map(image, good)
    assert np.abs(found / truth - 1).max() < 0.02
    assert np.abs(found[:90, :90] / truth[:90, :90] - 1).max() < 3e-3


def test_smooth_map_is_the_same_for_any_threads():
    image = np.random.default_rng(1).normal(1, 0.1, SHAPE).astype(np.float32)
    assert np.array_equal(smooth_map(image, threads=1), smooth_map(image, threads=3))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 9), (9, 300)])
def test_smooth_map_of_small_images(shape):
    assert np.allclose(smooth_map(np.full(shape, 3, np.float32)), 3, rtol=1e-5)


def test_no_good_pixel():
    with pytest.raises(BadArray, match="no good pixel"):
        smooth_map(np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.uint8))


def test_flats_are_scaled_and_normalised():
    truth = vignetting()
    levels = [5000.0, 12000.0, 30000.0]
    data = [(truth * level + 300).astype(np.float32) for level in levels]
    zero = [OverscanLevels(6, np.full(SHAPE[0], 290, np.float32))] * 3
    bias = np.full(SHAPE, 10, np.float32)
    found = combine_flats(data, NOISE, CombineOptions(overscan=zero, bias=bias))
    assert float(np.median(found.image)) == pytest.approx(1, abs=1e-6)
    assert np.allclose(found.image, truth / np.median(truth), rtol=1e-5)
    expected = np.array(levels) * np.median(truth)
    assert np.allclose(found.levels, expected, rtol=1e-4)
    # Weights are nearly the levels: photon noise.
    assert found.normalisation == pytest.approx((expected**2).sum() / expected.sum(), rel=1e-3)
    assert found.frames == 3


def test_bright_flats_count_more():
    rng = np.random.default_rng(4)
    levels = [4000, 4000, 4000, 40000]
    data = [rng.poisson(level * 2.0, SHAPE) / 2.0 for level in levels]
    found = combine_flats([frame.astype(np.float32) for frame in data], NOISE)
    best = np.sqrt(1 / (2.0 * sum(levels)))
    assert found.image.std() < 1.15 * best
    plain = np.mean([frame / np.median(frame) for frame in data], axis=0)
    assert plain.std() > 1.4 * best


def test_a_star_in_one_twilight_is_clipped():
    rng = np.random.default_rng(4)
    data = [rng.poisson(20000, SHAPE).astype(np.float32) for _ in range(5)]
    data[2][50:55, 50:55] += 9000
    found = combine_flats(data, DetectorNoise(3.0, 1.0), CombineOptions(sigma_clip=5.0))
    assert abs(found.image[50:55, 50:55].mean() - 1) < 0.005
    assert found.rejected >= 25


def test_dark_flat_is_refused():
    with pytest.raises(BadArray, match="no light"):
        combine_flats([np.zeros(SHAPE, np.float32)] * 3, NOISE)
    with pytest.raises(BadArray, match="no flats"):
        combine_flats([], NOISE)
    with pytest.raises(BadArray, match="beyond"):
        combine_flats(
            [np.ones(SHAPE, np.float32)], NOISE, CombineOptions(region=Region(0, 999, 0, 9))
        )


@pytest.mark.parametrize("method", ["block", "fourier"])
def test_master_takes_small_scales_from_dome_and_large_from_twilight(method):
    rng = np.random.default_rng(6)
    pixels = rng.normal(1, 0.01, (512, 400))
    sky, screen = vignetting((512, 400)), vignetting((512, 400), 0.1, (0.9, 0.2))
    dome = (pixels * screen).astype(np.float32)
    twilight = (pixels * sky * rng.normal(1, 0.005, (512, 400))).astype(np.float32)
    dome[7, 7], twilight[7, 7] = 0, 0
    found = master_flat(dome, twilight, MasterFlatOptions(method=method))
    truth = pixels * sky
    ratio = found.image / truth
    ratio[7, 7] = np.median(ratio)
    ratio /= np.median(ratio)
    inner = ratio[60:-60, 60:-60]
    assert inner.std() < 1e-3
    assert ratio.std() < (1e-3 if method == "block" else 6e-3)
    assert float(np.median(found.image)) == pytest.approx(1, abs=1e-6)
    assert found.image[7, 7] == 0


def test_combine_types():
    dome = np.full((64, 64), 2, np.float32)
    twilight = np.full((64, 64), 4, np.float32)
    twilight[3, 3] = 8
    alone = master_flat(dome, None, MasterFlatOptions(combine_type=1))
    assert alone.normalisation == 2
    assert np.all(alone.image == 1)
    assert np.all(dome == 2), "inputs are left alone"
    for given in (None, dome):
        assert master_flat(given, twilight, MasterFlatOptions(combine_type=2)).image[3, 3] == 2
    with pytest.raises(BadArray, match="twilight flat, which is missing"):
        master_flat(dome, None)
    with pytest.raises(BadArray, match="dome flat, which is missing"):
        master_flat(None, twilight)
    with pytest.raises(BadArray, match="COMBINE_TYPE"):
        MasterFlatOptions(combine_type=4)
    with pytest.raises(BadArray, match="method"):
        MasterFlatOptions(method="wavelet")
    with pytest.raises(BadArray, match="shape"):
        master_flat(dome, twilight[:9])


def test_master_is_normalised_over_good_pixels():
    dome = np.ones((64, 64), np.float32)
    dome[:40] = 0.2
    good = np.ones((64, 64), np.uint8)
    good[:40] = 0
    found = master_flat(dome, None, MasterFlatOptions(combine_type=1), good=good)
    assert found.image[50, 5] == 1


def test_dark_rate_with_weights():
    rng = np.random.default_rng(9)
    rate = np.full(SHAPE, 0.05)
    rate[5, 5] = 20.0
    times = [60.0, 600.0, 600.0]
    data = [(100 + rate * t + rng.normal(0, 3, SHAPE)).astype(np.float32) for t in times]
    bias = np.full(SHAPE, 100, np.float32)
    found = master_dark(
        data, times, DetectorNoise(3.0, 1e6), CombineOptions(bias=bias, sigma_clip=6.0)
    )
    assert found.image[5, 5] == pytest.approx(20, rel=0.01)
    found.image[5, 5] = 0.05
    best = 3.0 / np.sqrt(sum(t**2 for t in times))
    assert found.image.std() == pytest.approx(best, rel=0.05)
    assert found.image.mean() == pytest.approx(0.05, abs=1e-4)
    with pytest.raises(BadArray, match="exposure times"):
        master_dark(data, [1.0, 2.0, 0.0], NOISE, CombineOptions())
    with pytest.raises(BadArray, match="exposure times"):
        master_dark(data, [1.0], NOISE, CombineOptions())
