"""Night-sky flat and fringes from dithered frames with known truth; strength in single frames."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from awlab.backend.algorithms import (
    BadArray,
    FringeScaleOptions,
    combine_night_sky,
    fringe_pattern,
    fringe_scale,
)

SHAPE = (320, 256)
AMPLITUDE = 0.03


def truth():
    """Fringes as a part of the sky, median 0."""
    y, x = (axis / 100 for axis in np.indices(SHAPE))
    fringe = AMPLITUDE * np.sin(2 * np.pi * (3 * x + 1.5 * y + 0.8 * x * x + 0.6 * y * y))
    return (fringe - np.median(fringe)).astype(np.float32)


def dithers(pattern, number=9, seed=1, stars=25):
    """Frames with their own sky level, the same stars at shifted places, and cosmic rays."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    places = rng.uniform((-20, -20), (SHAPE[0] + 20, SHAPE[1] + 20), (stars, 2))
    fluxes = 10 ** rng.uniform(3, 5.3, stars)
    frames, skies = [], []
    for _ in range(number):
        sky = rng.uniform(400, 1200)
        image = sky * (1 + pattern).astype(np.float64)
        for (y, x), flux in zip(places + rng.uniform(-25, 25, 2), fluxes, strict=True):
            r2 = (rows - y) ** 2 + (columns - x) ** 2
            image += flux * 2 / (np.pi * 8) * (1 + r2 / 8) ** -3
        image = rng.poisson(2 * image) / 2
        image.flat[rng.choice(image.size, 40)] += 2000
        frames.append(image.astype(np.float32))
        skies.append(sky)
    return frames, skies


def test_the_pattern_comes_back_and_leaves_less_than_a_per_cent():
    true = truth()
    frames, skies = dithers(true)
    made = fringe_pattern(frames)
    left = made.image - true
    smooth = uniform_filter(left, 9)
    print(f"\nresidual {smooth.std():.4f} of the sky, with its noise {left.std():.4f}")
    noise = np.sqrt(np.mean(1 / (2 * np.array(skies))) / len(frames))
    assert left.std() < 1.15 * noise, "little more than the noise of the sky"
    assert smooth.std() < 0.003
    assert np.corrcoef(uniform_filter(made.image, 9).ravel(), true.ravel())[0, 1] > 0.97
    assert made.amplitude == pytest.approx(AMPLITUDE, rel=0.3)
    assert made.levels == pytest.approx(skies, rel=0.01)
    for frame, sky in zip(frames[:3], skies[:3], strict=True):
        found = fringe_scale(frame, made.image)
        # The pattern has noise of its own, which can only lower the scale.
        assert found.scale == pytest.approx(sky, rel=0.1)
        flat = frame - np.float32(found.scale) * made.image - np.float32(sky)
        quiet = np.abs(flat) < 5 * np.sqrt(sky / 2)
        excess = np.std(flat[quiet]) / sky - np.sqrt(1 / (2 * sky))
        assert excess < 0.003


def test_the_scale_is_right_under_moonlight_a_slope_and_objects():
    true = truth()
    frames, _ = dithers(true, number=1, seed=3)
    y, x = np.indices(SHAPE)
    moon = 600 + 0.5 * x + 0.3 * y
    base = fringe_scale(frames[0], true)
    lit = fringe_scale((frames[0] + moon).astype(np.float32), true)
    assert lit.scale == pytest.approx(base.scale, rel=0.02)
    assert abs(lit.scale - base.scale) < 3 * base.error + 0.02 * base.scale
    none = fringe_scale(dithers(0 * true, number=1, seed=4)[0][0], true)
    assert abs(none.scale) < 6 * none.error


def test_masked_pixels_and_thresholds():
    true = truth()
    frames, _ = dithers(true, number=5)
    good = np.ones(SHAPE, np.uint8)
    good[:, 100:110] = 0
    spoilt = [np.where(good > 0, frame, np.float32(np.nan)) for frame in frames]
    one, two = (fringe_pattern(given, good=good) for given in (frames, spoilt))
    assert np.array_equal(one.image, two.image)
    assert np.all(one.image[:, 100:110] == 0)
    assert np.array_equal(
        [fringe_scale(f, true, good=good).scale for f in frames],
        [fringe_scale(f, true, good=good).scale for f in spoilt],
    )
    bright = FringeScaleOptions(FRINGE_THRESHOLD_LOW=0.0)
    assert fringe_scale(frames[0], true, bright).npix < fringe_scale(frames[0], true).npix


def test_night_sky_flat_recovers_the_response():
    y, x = np.indices(SHAPE)
    response = 1 + 0.1 * (x / 256) - 0.15 * (y / 320) ** 2
    response *= 1 + 0.005 * np.random.default_rng(5).standard_normal(SHAPE)
    response[40, 50] = 0.6
    response = (response / np.median(response)).astype(np.float32)
    frames, skies = dithers(response - 1, number=9, seed=6)
    made = combine_night_sky(frames)
    ratio = made.image / response
    assert np.median(made.image) == pytest.approx(1, abs=1e-6)
    assert ratio.std() < 1.3 / np.sqrt(2 * np.mean(skies) * len(frames))
    assert made.image[40, 50] == pytest.approx(0.6, abs=0.05)
    assert made.count.max() == 9
    assert made.count.mean() > 6
    assert made.frames == 9


def test_bad_input():
    frames, _ = dithers(truth(), number=3)
    for empty in (np.nan, 0.0):
        with pytest.raises(BadArray, match="frame 1 has no sky"):
            combine_night_sky([frames[0], np.full(SHAPE, empty, np.float32), frames[2]])
    with pytest.raises(BadArray, match="at least 3"):
        fringe_pattern(frames[:2])
    with pytest.raises(BadArray, match="shape"):
        fringe_scale(frames[0], np.zeros((3, 3), np.float32))
    with pytest.raises(BadArray, match="IMAGE_THRESHOLD"):
        FringeScaleOptions(IMAGE_THRESHOLD=0)
    nothing = fringe_scale(np.full(SHAPE, np.nan, np.float32), truth())
    assert (nothing.scale, nothing.npix) == (0, 0)
    assert np.isinf(fringe_scale(frames[0], np.zeros(SHAPE, np.float32)).error)
