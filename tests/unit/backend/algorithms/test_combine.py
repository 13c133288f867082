"""Combination: against NumPy, against the order of the frames, and its known pitfalls."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    CombineOptions,
    DetectorNoise,
    OverscanLevels,
    Region,
    combine_frames,
)
from awlab.backend.algorithms.sorting_network import (
    UNROLLED,
    network,
    network_steps,
    sort_tile,
)

NOISE = DetectorNoise(4.0)


def frames(n, shape=(37, 300), level=300.0, sigma=4.0, seed=1, dtype=np.uint16):
    rng = np.random.default_rng(seed)
    values = rng.normal(level, sigma, (n, *shape))
    return list((np.rint(values) if dtype == np.uint16 else values).astype(dtype))


def clipped_mean(cube, limit):
    """The definition, in NumPy: mean of what is within the limit of the median."""
    median = np.median(cube, axis=0)
    keep = np.abs(cube - median) <= limit
    return np.where(keep, cube, 0).sum(axis=0) / keep.sum(axis=0), (~keep).sum()


@pytest.mark.parametrize("n", [*range(2, 20), 31, 32, 33, 64, 100, 255])
def test_network_sorts(n):
    rng = np.random.default_rng(n)
    # Few different values: ties, and by the 0-1 principle the hardest case.
    values = rng.integers(0, 3, (n, 64)).astype(np.float32)
    values[:, ::2] = rng.normal(size=(n, 32))
    steps, ranks = network_steps(n)
    tile = np.zeros((n + 2, 64), np.float32)
    tile[:n] = values
    sort_tile(tile, n, steps)
    assert np.array_equal(tile[ranks], np.sort(values, axis=0))


@pytest.mark.parametrize("n", range(2, 9))
def test_network_obeys_zero_one_principle(n):
    for bits in itertools.product([0, 1], repeat=n):
        values = list(bits)
        for i, j in network(n):
            values[i], values[j] = min(values[i], values[j]), max(values[i], values[j])
        assert values == sorted(bits)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 10, UNROLLED, UNROLLED + 1, 40])
def test_equals_numpy(n, dtype):
    data = frames(n, dtype=dtype)
    made = combine_frames(data, NOISE, CombineOptions(sigma_clip=2.0, with_count=True))
    limit = 2.0 * np.sqrt(16 + (1 / 12 if dtype == np.uint16 else 0))
    cube = np.array(data, np.float64)
    median = np.median(cube, axis=0)
    keep = np.abs(cube - median) <= limit
    some = keep.any(axis=0)
    expected, _ = clipped_mean(cube[:, some], limit)
    assert np.allclose(made.image[some], expected, rtol=0, atol=1e-4)
    assert np.array_equal(made.count[some], keep.sum(axis=0)[some])
    lower = np.sort(cube, axis=0)[(n - 1) // 2]
    assert np.allclose(made.image[~some], lower[~some], atol=1e-4)
    assert np.all(made.count[~some] == 1)
    assert made.rejected == n * made.image.size - int(made.count.sum())


@pytest.mark.parametrize("scaled", [False, True])
def test_same_bits_for_any_order_and_any_threads(scaled):
    data = frames(6, dtype=np.float32)
    data[3] = data[1].copy()
    data[3][0, 0] += 1
    scales = [1.0, 0.8, 1.3, 0.8, 0.7, 1.1]
    weights = [1.0, 0.9, 0.3, 0.9, 0.5, 0.2]
    results = set()
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 3, 5, 1, 0, 4]):
        for threads in (1, 2, 5):
            options = CombineOptions(
                threads=threads,
                scales=[scales[i] for i in order] if scaled else None,
                weights=[weights[i] for i in order] if scaled else None,
            )
            results.add(combine_frames([data[i] for i in order], NOISE, options).image.tobytes())
    assert len(results) == 1


def test_one_outlier_among_few_is_rejected():
    """Clipping by the sample's own scatter cannot: no z-score exceeds (n-1)/sqrt(n)."""
    data = frames(10)
    data[4][5, 6] = 60000
    cube = np.array([frame[5, 6] for frame in data], np.float64)
    assert (abs(cube - cube.mean()) / cube.std(ddof=1)).max() < 3
    made = combine_frames(data, NOISE)
    assert made.image[5, 6] == pytest.approx(300, abs=5)


def test_cosmic_ray_in_one_of_two_frames():
    data = [np.full((2, 3), 300, np.uint16) for _ in range(2)]
    data[0][1, 1] = 5000
    made = combine_frames(data, NOISE)
    assert np.all(made.image == 300)
    assert made.rejected == 1


def test_false_rejection_stays_small():
    made = combine_frames(frames(10, (200, 500)), NOISE, CombineOptions(sigma_clip=4.0))
    assert made.rejected_fraction < 2e-4
    made = combine_frames(frames(10, (200, 500)), NOISE, CombineOptions(sigma_clip=3.0))
    assert made.rejected_fraction < 4e-3


def test_photon_noise_widens_the_clipping():
    data = frames(8, level=20000, sigma=100)
    dark_only = combine_frames(data, NOISE)
    with_photons = combine_frames(data, DetectorNoise(4.0, gain=2.0))
    assert dark_only.rejected_fraction > 0.5
    assert with_photons.rejected_fraction < 4e-3


def test_plain_mean_without_clipping():
    data = frames(5)
    data[0][0, 0] = 60000
    made = combine_frames(data, NOISE, CombineOptions(sigma_clip=np.inf))
    assert made.rejected == 0
    assert np.allclose(made.image, np.mean(data, axis=0), rtol=1e-6)


def test_overscan_bias_region_and_scales_on_the_fly():
    data = frames(4, (20, 700))
    region = Region(10, 650, 2, 19)
    rng = np.random.default_rng(5)
    levels = [
        OverscanLevels(
            6, rng.normal(290, 1, 17).astype(np.float32), rng.normal(0, 1, 640).astype(np.float32)
        )
        for _ in data
    ]
    bias = rng.normal(0, 3, region.shape).astype(np.float32)
    weights = [1.0, 0.5, 0.25, 0.75]
    made = combine_frames(
        data,
        NOISE,
        CombineOptions(
            sigma_clip=np.inf, region=region, overscan=levels, bias=bias,
            scales=[2.0] * 4, weights=weights,
        ),
    )  # fmt: skip
    expected = [
        2.0 * (frame[region.slices] - level.rows[:, None] - level.columns - bias)
        for frame, level in zip(data, levels, strict=True)
    ]
    assert np.allclose(made.image, np.average(expected, axis=0, weights=weights), atol=2e-3)


def test_each_frame_is_clipped_by_its_own_noise():
    rng = np.random.default_rng(2)
    bright = [rng.normal(20000, 100, (50, 500)).astype(np.float32) for _ in range(4)]
    faint = [rng.normal(200, 10, (50, 500)).astype(np.float32) for _ in range(2)]
    scales = [1 / 20000] * 4 + [1 / 200] * 2
    noise = DetectorNoise(0.1, gain=2.0)
    made = combine_frames([*bright, *faint], noise, CombineOptions(scales=scales, sigma_clip=5.0))
    assert made.rejected_fraction < 1e-4
    bright[1][3, 4] *= 1.2  # 20 % is 28 sigma of a bright frame, 3 of a faint one
    faint[1][3, 5] *= 1.2
    made = combine_frames(
        [*bright, *faint], noise, CombineOptions(scales=scales, sigma_clip=5.0, with_count=True)
    )
    assert made.count[3, 4] == 5
    assert made.count[3, 5] == 6


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scales", [None, [1.0, 1.0, 2.0]])
def test_values_that_are_not_finite_are_refused(value, scales):
    data = frames(3, dtype=np.float32)
    data[1][7, 299] = value
    with pytest.raises(BadArray, match="1 values to combine are not finite"):
        combine_frames(data, NOISE, CombineOptions(scales=scales))


def test_entry_is_checked():
    good = frames(3, dtype=np.float32)
    swapped = [frame.astype(">f4") for frame in good]
    with pytest.raises(BadArray, match="native"):
        combine_frames(swapped, NOISE)
    with pytest.raises(BadArray, match="<f8"):
        combine_frames([frame.astype(np.float64) for frame in good], NOISE)  # type: ignore[misc]
    with pytest.raises(BadArray, match="contiguous"):
        combine_frames([frame[:, ::2] for frame in good], NOISE)
    with pytest.raises(BadArray, match="shape"):
        combine_frames([good[0], good[1][:10]], NOISE)
    with pytest.raises(BadArray, match="data type"):
        combine_frames([good[0], good[1].astype(np.uint16)], NOISE)
    with pytest.raises(BadArray, match="0 frames"):
        combine_frames([], NOISE)
    with pytest.raises(BadArray, match="256 frames"):
        combine_frames([good[0]] * 256, NOISE)
    with pytest.raises(BadArray, match="beyond"):
        combine_frames(good, NOISE, CombineOptions(region=Region(0, 301, 0, 5)))
    with pytest.raises(BadArray, match="positive"):
        combine_frames(good, NOISE, CombineOptions(scales=[1.0, 0.0, 1.0]))
    with pytest.raises(BadArray, match="noise model"):
        DetectorNoise(0.0)
    with pytest.raises(BadArray, match="sigma"):
        combine_frames(good, NOISE, CombineOptions(sigma_clip=0.0))


def test_inputs_are_left_alone():
    data = frames(4)
    before = [frame.copy() for frame in data]
    combine_frames(data, NOISE)
    assert all(np.array_equal(a, b) for a, b in zip(data, before, strict=True))
