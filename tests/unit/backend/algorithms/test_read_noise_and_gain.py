"""Read noise, gain and linearity: refusals and details; the truth is in tests/science."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    GainOptions,
    Region,
    fit_linearity,
    measure_gain,
    measure_read_noise,
)


def biases(n=4, sigma=3.0, shape=(200, 150), seed=1):
    rng = np.random.default_rng(seed)
    return [np.rint(rng.normal(300.2, sigma, shape)).astype(np.uint16) for _ in range(n)]


def flats(levels, gain=2.0, shape=(160, 120), seed=2):
    rng = np.random.default_rng(seed)
    return [
        np.rint(rng.poisson(level * gain, shape) / gain + noise).astype(np.float32)
        for level in levels
        for noise in [rng.normal(0, 3, shape)]
    ]


def test_uint16_and_floats_of_integers_agree():
    data = biases()
    exact = measure_read_noise(data)
    floats = measure_read_noise([frame.astype(np.float32) for frame in data])
    assert floats == exact
    assert len(exact.pair_values) == 2


def test_floats_that_were_never_rounded_lose_nothing():
    rng = np.random.default_rng(5)
    data = [rng.normal(0, 0.4, (300, 300)).astype(np.float32) for _ in range(2)]
    assert measure_read_noise(data).read_noise == pytest.approx(0.4, rel=0.01)


def test_differences_are_those_of_the_worst_pair():
    data = biases()
    data[3] = data[3] + np.uint16(20)
    found = measure_read_noise(data)
    assert found.mean_diff == pytest.approx(-20, abs=0.1)
    assert found.median_diff == pytest.approx(-20, abs=0.1)
    assert found.read_noise == pytest.approx(3, rel=0.02), "a shift of level is not noise"


def test_cosmic_rays_are_rejected():
    data = biases()
    data[0][::10, ::15] = 5000
    found = measure_read_noise(data)
    assert found.read_noise == pytest.approx(3, rel=0.02)
    assert found.rejected == 200


def test_read_noise_region_and_refusals():
    data = biases()
    for frame in data:
        frame[:, 100:] = 0
    found = measure_read_noise(data, region=Region(0, 100, 0, 200))
    assert found.read_noise == pytest.approx(3, rel=0.03)
    with pytest.raises(BadArray, match="at least 2"):
        measure_read_noise(data[:1])
    with pytest.raises(BadArray, match="shape"):
        measure_read_noise([data[0], data[1][:50]])


def test_odd_frame_is_left_out():
    data = biases(5)
    assert measure_read_noise(data) == measure_read_noise(data[:4])


def test_identical_biases_have_no_noise():
    data = biases(1)
    assert measure_read_noise([data[0], data[0]]).read_noise == 0


def test_pairs_go_by_level_not_by_order():
    levels = [20000, 1000, 5000, 20300, 1010, 5050]
    found = measure_gain(flats(levels))
    assert len(found.median_sum) == 3
    assert found.median_sum == tuple(sorted(found.median_sum))
    assert found.median_sum[0] == pytest.approx(2010, rel=0.01)
    assert found.exposure_levels[0] == pytest.approx(20000, rel=0.01)
    assert found.rms_diff[2] == pytest.approx(np.sqrt(2 * 20150 / 2.0), rel=0.05)


def test_levels_of_a_pair_may_differ():
    """The second is scaled to the first, and the variance with it."""
    options = GainOptions(read_noise=3.0)
    shape = (800, 400)
    found = measure_gain(flats([10000, 10380, 30000, 31100], shape=shape), options)
    assert found.gain == pytest.approx(2.0, rel=0.01)


def test_gain_refusals():
    with pytest.raises(BadArray, match="are a pair"):
        measure_gain(flats([1000, 2000]))
    with pytest.raises(BadArray, match="below 500"):
        measure_gain(flats([1000, 1001]), GainOptions(maximum_level=500))
    with pytest.raises(BadArray, match="one each"):
        measure_gain(flats([1000, 1001]), exposure_times=[1.0])


def test_saturated_flats_are_left_out():
    data = flats([5000, 5010, 20000, 20100, 60000, 60100], shape=(400, 200))
    for frame in data[4:]:
        np.minimum(frame, 59000, out=frame)
    found = measure_gain(data, GainOptions(maximum_level=50000))
    assert found.gain == pytest.approx(2.0, rel=0.02)
    assert abs(found.variance_residuals[1]) < 0.05
    assert found.variance_residuals[2] < -0.9, "and are seen to be below the line"


def test_bad_pixels_do_not_count():
    data = flats([5000, 5010, 20000, 20100], shape=(400, 200))
    good = np.ones((400, 200), np.uint8)
    good[100:, :] = 0
    rng = np.random.default_rng(1)
    for frame in data:
        frame[100:] = rng.uniform(0, 60000, (300, 200))
    found = measure_gain(data, GainOptions(good=good))
    assert found.gain == pytest.approx(2.0, rel=0.03)


def test_no_good_window():
    good = np.zeros((160, 120), np.uint8)
    good[::20, ::20] = 1
    with pytest.raises(BadArray, match="enough good pixels"):
        measure_gain(flats([1000, 1001]), GainOptions(good=good))
    with pytest.raises(BadArray, match="no good pixel"):
        measure_gain(flats([1000, 1001]), GainOptions(good=np.zeros_like(good)))


def test_linearity_of_a_perfect_and_of_a_bent_detector():
    times = np.array([1.0, 2, 5, 10, 20, 30])
    perfect = fit_linearity(list(1500 * times), list(times))
    assert perfect.rate == pytest.approx(1500)
    assert perfect.coefficient == pytest.approx(0, abs=1e-12)
    assert max(map(abs, perfect.residuals)) < 1e-9
    levels = 1500 * times
    for _ in range(50):  # true = level (1 + c level)
        levels = 1500 * times / (1 + 1e-6 * levels)
    bent = fit_linearity(list(levels), list(times))
    assert bent.coefficient == pytest.approx(1e-6, rel=1e-3)
    assert bent.deviation == pytest.approx(1e-6 * levels.max(), rel=1e-3)


@pytest.mark.parametrize(
    ("levels", "times"),
    [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([1, 2, 0], [1, 2, 3]), ([1, 2, 3], [5, 5, 5])],
)
def test_linearity_refusals(levels, times):
    with pytest.raises(BadArray):
        fit_linearity(levels, times)
