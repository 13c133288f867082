"""Maps of bad pixels: 1 good, 0 bad."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from awlab.backend.algorithms import (
    BadArray,
    Region,
    cold_pixel_map,
    hot_pixel_map,
    merge_pixel_maps,
    saturated_pixel_map,
)

SHAPE = (512, 256)


def bias(seed=1, sigma=0.8):
    """A bias with an onset along the rows and columns of their own level, as real ones have."""
    rng = np.random.default_rng(seed)
    x = np.arange(SHAPE[1])
    columns = 8 * np.exp(-x / 15) + rng.normal(0, 0.6, SHAPE[1])
    return (columns + rng.normal(0, sigma, SHAPE)).astype(np.float32)


def test_a_clean_bias_has_no_hot_pixels():
    found = hot_pixel_map(bias())
    assert found.count == 0
    assert found.columns == ()
    assert found.map.dtype == np.uint8
    assert np.all(found.map == 1)


def test_hot_pixels_and_a_bad_column():
    image = bias()
    image[100, 100] += 30
    image[511, 255] += 30
    image[0, 0] -= 30
    image[200:, 77] += 200
    found = hot_pixel_map(image)
    expected = np.ones(SHAPE, np.uint8)
    expected[100, 100] = expected[511, 255] = expected[0, 0] = 0
    expected[200:, 77] = 0
    assert np.array_equal(found.map, expected)
    assert found.count == (expected == 0).sum()
    assert found.columns == (77,)


def test_a_faint_bad_column_is_bad_as_a_whole():
    image = bias()
    image[:, 120] += 5.5  # 7 sigma: about one pixel in six would stay below the threshold
    found = hot_pixel_map(image)
    assert found.columns == (120,)
    assert found.map[:, 120].sum() == 0
    assert found.count == SHAPE[0]


def test_dark_adds_its_own():
    dark = np.random.default_rng(3).normal(0.01, 0.001, SHAPE).astype(np.float32)
    dark[5, 6] = 3.0
    assert hot_pixel_map(bias(), dark=dark).map[5, 6] == 0
    assert hot_pixel_map(bias()).map[5, 6] == 1


def test_cold_pixels_next_to_vignetting():
    y, x = np.indices(SHAPE)
    flat = 1.2 - 0.5 * (((x - 100) / 256) ** 2 + ((y - 200) / 512) ** 2)
    flat *= np.random.default_rng(2).normal(1, 0.01, SHAPE)
    flat[3, 4] *= 0.5
    flat[500, 250] *= 1.4
    flat[:300, 33] *= 0.4
    found = cold_pixel_map(flat.astype(np.float32))
    bad = np.zeros(SHAPE, bool)
    bad[3, 4] = bad[500, 250] = True
    bad[:300, 33] = True
    assert np.array_equal(found.map == 0, bad)
    assert found.columns == (33,)
    assert cold_pixel_map(flat.astype(np.float32), threshold_low=0.3, threshold_high=2).count == 0


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("grow", [0, 1, 3])
def test_saturated_pixels_grow_to_a_disc(dtype, grow):
    raw = np.full((60, 70), 1000, dtype)
    raw[30, 40] = 65535
    raw[10, 10] = 0
    raw[59, 69] = 60000
    found = saturated_pixel_map(raw, Region(5, 70, 5, 60), grow=grow)
    marked = (raw >= 60000) | (raw == 0)
    y, x = np.indices((2 * grow + 1, 2 * grow + 1)) - grow
    if grow:
        marked = ndimage.binary_dilation(marked, x**2 + y**2 <= grow**2)
    assert np.array_equal(found.map == 0, marked[5:60, 5:70])


def star(rng, length, tail):
    """A star whose full run has trails of charge below saturation at both ends."""
    y, x = np.indices((200, 120))
    raw = 1000 + 4e5 / (1 + ((y - 100) ** 2 + (x - 60) ** 2) / 9) ** 2.5
    trail = slice(100 - length // 2 - tail, 100 + length // 2 + tail)
    raw[trail, 60:62] += 400
    raw[100 - length // 2 : 100 + length // 2, 60:62] = 1e5
    raw[20, 10] = raw[150, 30] = 1e5
    noisy = np.clip(raw + rng.normal(0, 20, raw.shape), 0, 65535)
    return noisy.astype(np.uint16), (y >= trail.start) & (y < trail.stop) & (x >= 60) & (x < 62)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_charge_that_runs_along_a_column_is_followed(dtype):
    raw, trail = star(np.random.default_rng(7), 60, 30)
    raw = raw.astype(dtype)
    plain = saturated_pixel_map(raw, threshold_high=65535, grow=0, bleed=0).map == 0
    found = saturated_pixel_map(raw, threshold_high=65535, grow=0).map == 0
    assert not (plain & ~found).any()
    assert (plain & trail).sum() < 0.75 * trail.sum()
    assert (found & trail).sum() > 0.98 * trail.sum()
    # Nothing but the two columns of the trail, and little beyond its ends.
    added = found & ~plain
    assert set(np.nonzero(added)[1]) <= {60, 61}
    assert (added & ~trail).sum() < 0.05 * trail.sum()
    grown = saturated_pixel_map(raw, threshold_high=65535, grow=2).map == 0
    y, x = np.indices((5, 5)) - 2
    assert np.array_equal(grown, ndimage.binary_dilation(found, x**2 + y**2 <= 4))


def test_short_runs_and_trails_at_the_edge():
    raw, _ = star(np.random.default_rng(8), 8, 0)
    short = saturated_pixel_map(raw, threshold_high=65535, bleed=30, grow=0)
    assert short.count == saturated_pixel_map(raw, threshold_high=65535, bleed=0, grow=0).count
    raw[:] = 1000
    raw[:40, 0] = 65535  # begins at the lower edge, and beside the left one
    raw[40:60, 0] = 2000
    found = saturated_pixel_map(raw, threshold_high=65535, grow=0)
    assert found.count == 60 and not found.map[:60, 0].any()


def test_nan_is_saturated_not_good():
    raw = np.full((5, 5), 100, np.float32)
    raw[2, 2] = np.nan
    assert saturated_pixel_map(raw, grow=0).map[2, 2] == 0


def test_nothing_saturated():
    found = saturated_pixel_map(np.full((5, 5), 100, np.uint16))
    assert found.count == 0


def test_merge():
    a, b = np.ones((3, 3), np.uint8), np.ones((3, 3), np.uint8)
    a[0, 0], b[1, 1] = 0, 0
    merged = merge_pixel_maps(a, None, b)
    assert merged.sum() == 7
    assert a.sum() == 8, "inputs are left alone"
    assert merge_pixel_maps(None) is None
    with pytest.raises(BadArray, match="shape"):
        merge_pixel_maps(a, np.ones((2, 3), np.uint8))


def test_refusals():
    strange = bias()
    strange[1, 1] = np.nan
    for call in (
        lambda: hot_pixel_map(strange),
        lambda: cold_pixel_map(strange),
        lambda: hot_pixel_map(bias().astype(np.uint16)),
        lambda: hot_pixel_map(bias(), dark=bias()[:10]),
        lambda: cold_pixel_map(bias(), threshold_low=1.1),
        lambda: saturated_pixel_map(np.ones((3, 3), np.uint16), threshold_high=-1),
        lambda: saturated_pixel_map(np.ones((3, 3), np.uint16), bleed=-1),
    ):
        with pytest.raises(BadArray):
            call()
