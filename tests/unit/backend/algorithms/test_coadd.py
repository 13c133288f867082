"""Coaddition: against NumPy, in any order, in any memory, and lists that do not fit together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    BadArray,
    CoaddFrame,
    CoaddOptions,
    GridWindow,
    TanGrid,
    coadd_frames,
    coadd_strips,
)

GRID = TanGrid(150.0, 2.0)


def frame(name, image, weight, x0=0, y0=0, **known):
    """A frame in memory at a place of the grid."""
    ny, nx = image.shape
    window = GridWindow(x0, x0 + nx, y0, y0 + ny)

    def read(first, last):
        return image[first:last], weight[first:last]

    return CoaddFrame(name, known.pop("grid", GRID), window, read, **known)


def noisy(n, shape=(60, 300), seed=1, sigmas=None, spread=12):
    """Frames of noise, dithered, each with its own noise and some pixels without weight."""
    rng = np.random.default_rng(seed)
    sigmas = sigmas or [3.0 + i % 3 for i in range(n)]
    made = []
    for i, sigma in enumerate(sigmas):
        image = rng.normal(0, sigma, shape).astype(np.float32)
        weight = np.full(shape, sigma**-2, np.float32)
        weight[rng.random(shape) < 0.05] = 0
        x0, y0 = (int(v) for v in rng.integers(-spread, spread + 1, 2))
        made.append(frame(f"frame{i}", image, weight, x0, y0, exposure_time=100.0 + 7.3 * i))
    return made


def cubes(frames, window):
    """Values and weights of all frames on the window, NaN and 0 where there is nothing."""
    values = np.full((len(frames), *window.shape), np.nan)
    weights = np.zeros((len(frames), *window.shape))
    for i, one in enumerate(frames):
        part = one.window & window
        image, weight = one.read(0, one.window.shape[0])
        inner = part.slices_in(one.window)
        values[(i, *part.slices_in(window))] = (image[inner] - one.background) * one.scale
        weights[(i, *part.slices_in(window))] = weight[inner] / one.variance / one.scale**2
    return np.where(weights > 0, values, np.nan), weights


def bits(made):
    return b"".join(a.tobytes() for a in (made.image, made.weight, made.exposures,
                                          made.exposure_time))  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 17, 40])
def test_mean_and_median_equal_numpy(n):
    frames = noisy(n)
    frames[0] = frame("scaled", *frames[0].read(0, 60), scale=1.5, background=2.0, variance=0.7)
    mean = coadd_frames(frames, CoaddOptions(combine="mean"))
    values, weights = cubes(frames, mean.window)
    values[:, weights.sum(axis=0) == 0] = 0  # NumPy warns of pixels without any value
    total = weights.sum(axis=0)
    known = total > 0
    expected = np.nansum(values * weights, axis=0)[known] / total[known]
    assert np.allclose(mean.image[known], expected, rtol=1e-6, atol=1e-6)
    assert np.all(mean.image[~known] == 0)
    assert np.allclose(mean.weight, total, rtol=1e-6)
    assert np.array_equal(mean.exposures, (weights > 0).sum(axis=0))
    times = np.array([one.exposure_time for one in frames])
    assert np.allclose(mean.exposure_time, np.tensordot(times, weights > 0, 1), rtol=1e-6)
    median = coadd_frames(frames, CoaddOptions(combine="median"))
    assert np.allclose(median.image[known], np.nanmedian(values, axis=0)[known], atol=1e-6)
    assert np.array_equal(median.exposures, mean.exposures)
    assert mean.used == {one.name: int((weights[i] > 0).sum()) for i, one in enumerate(frames)}


def test_clipping_equals_its_definition():
    frames = noisy(9)
    image, weight = frames[4].read(0, 60)
    hits = np.random.default_rng(5).choice(image.size, 100, replace=False)
    image.flat[hits] += 60
    weight.flat[hits] = 1 / 9
    made = coadd_frames(frames, CoaddOptions(grow=0))
    values, weights = cubes(frames, made.window)
    values[:, weights.sum(axis=0) == 0] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = 1 / np.sqrt(weights)
        median = np.nan_to_num(np.nanmedian(values, axis=0))
        number = (weights > 0).sum(axis=0)
        typical = 4.0  # the median of the frames' 3, 4 and 5 ADU
        extra = np.maximum(0.5 * np.pi * typical**2 - 2 * sigma * typical, 0) / number
        limit = 4 * np.sqrt(sigma**2 + extra) + 0.1 * np.maximum(median, 0)
    keep = np.abs(values - median) <= limit
    expected = np.where(keep, values * weights, 0).sum(axis=0)
    total = np.where(keep, weights, 0).sum(axis=0)
    known = total > 0
    assert np.allclose(made.image[known], expected[known] / total[known], atol=1e-5)
    assert np.array_equal(made.exposures[known], keep.sum(axis=0)[known])
    assert 100 <= made.rejected["frame4"] <= 104


@pytest.mark.parametrize("combine", ["clipped", "mean", "median"])
@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(6)), seed=st.integers(0, 50), spread=st.sampled_from([0, 30]))
def test_the_order_of_the_frames_does_not_matter(combine, order, seed, spread):
    frames = noisy(6, (20, 280), seed, spread=spread)
    options = CoaddOptions(combine=combine, sigma_clip=2.0)
    made = coadd_frames(frames, options)
    other = coadd_frames([frames[i] for i in order], options)
    assert bits(made) == bits(other)
    assert made.rejected == other.rejected


def test_same_bits_for_any_memory_and_number_of_threads():
    frames = noisy(7, (200, 90))
    image, _ = frames[2].read(0, 200)
    index = np.arange(90)
    image[index + 40, index] = 500  # a track through all strips
    results = set()
    for memory in (1, 300_000, 10**9):
        for threads in (1, 3):
            made = coadd_frames(frames, CoaddOptions(memory=memory, threads=threads, sigma_clip=3))
            results.add((bits(made), tuple(made.rejected.items())))
    assert len(results) == 1
    assert len(list(coadd_strips(frames, CoaddOptions(memory=1)))) > 10


@pytest.mark.parametrize("n", [10, 60])
def test_strips_stay_within_the_memory_whatever_the_number_of_frames(n):
    memory, shape = 20_000_000, (2000, 200)
    plane = np.ones(shape, np.float32)
    asked = []

    def read(first, last):
        asked.append(last - first)
        return plane[first:last], plane[first:last]

    frames = [CoaddFrame(f"{i}", GRID, GridWindow(0, 200, 0, 2000), read) for i in range(n)]
    rows = sum(strip.window.shape[0] for strip in coadd_strips(frames, CoaddOptions(memory=memory)))
    assert rows == 2000
    # Image and weight, as read and as kept.
    assert 0.5 * memory < max(asked) * 200 * 16 * n <= memory


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), value=st.sampled_from([1e9, -1e30, np.nan, np.inf]))
def test_zero_weight_never_contributes(seed, value):
    frames = noisy(5, (20, 60), seed)
    clean = coadd_frames(frames)
    for one in frames:
        image, weight = one.read(0, 20)
        image[weight == 0] = value
    assert bits(coadd_frames(frames)) == bits(clean)


@settings(max_examples=10, deadline=None)
@given(level=st.floats(-1e5, 1e5, width=32), n=st.integers(1, 20))
def test_a_constant_stays_constant(level, n):
    rng = np.random.default_rng(n)
    frames = [frame(f"{i}", np.full((9, 20), level, np.float32),
                    rng.uniform(0.1, 2, (9, 20)).astype(np.float32)) for i in range(n)]  # fmt: skip
    for combine in ("clipped", "mean", "median"):
        made = coadd_frames(frames, CoaddOptions(combine=combine))
        assert np.allclose(made.image, level, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 12])
@pytest.mark.parametrize("combine", ["mean", "median", "clipped"])
def test_weight_is_the_inverse_variance(n, combine):
    rng = np.random.default_rng(n)
    sigma = 4.0
    frames = [
        frame(f"{i}", rng.normal(0, sigma, (150, 300)).astype(np.float32),
              np.full((150, 300), sigma**-2, np.float32)) for i in range(n)
    ]  # fmt: skip
    made = coadd_frames(frames, CoaddOptions(combine=combine))
    assert made.image.std() * math.sqrt(made.weight.mean()) == pytest.approx(1, abs=0.03)


def test_a_good_frame_among_poor_ones_is_not_rejected():
    made = coadd_frames(noisy(6, sigmas=[1.0, 20, 20, 20, 20, 20], spread=0))
    assert made.rejected["frame0"] < 1e-3 * made.used["frame0"]


def test_two_frames_that_disagree_leave_the_lower():
    images = [np.zeros((5, 6), np.float32) for _ in range(2)]
    images[0][2, 3] = 1000
    weight = np.ones((5, 6), np.float32)
    made = coadd_frames([frame(f"{i}", image, weight) for i, image in enumerate(images)])
    assert np.all(made.image == 0)
    assert made.exposures[2, 3] == 1
    assert made.rejected == {"0": 1, "1": 0}


def test_growing_takes_the_wings_of_a_track_and_spares_single_hits():
    frames = noisy(8, (120, 120), sigmas=[1.0] * 8, spread=0)
    image, _ = frames[3].read(0, 120)
    index = np.arange(120)
    for width, height in ((0, 60.0), (1, 30.0), (2, 3.0), (3, 2.0)):
        for side in (-width, width):
            inside = (index + side >= 0) & (index + side < 120)
            image[(index + side)[inside], index[inside]] = height
    image[20, 90] = 80
    grown, left = coadd_frames(frames), coadd_frames(frames, CoaddOptions(grow=0))
    wing = np.zeros((120, 120), bool)
    wing[index[8:-8] + 3, index[8:-8]] = True
    assert left.image[wing].mean() > 0.15, "clipping alone leaves the faint wings"
    assert abs(grown.image[wing].mean()) < 0.12
    assert left.exposures[20, 90] == grown.exposures[20, 90]
    assert grown.exposures[21:24, 90].min() >= left.exposures[21:24, 90].min()


def test_a_star_is_spared_when_the_seeing_differs():
    y, x = np.mgrid[:41, :41] - 20.0
    rng = np.random.default_rng(8)
    frames = []
    for i in range(9):
        s = 2.0 * (1 + 0.02 * (i - 4))
        star = 1e5 / (2 * np.pi * s * s) * np.exp(-0.5 * (x * x + y * y) / s**2)
        image = (star + rng.normal(0, 5, star.shape)).astype(np.float32)
        frames.append(frame(f"{i}", image, np.full(star.shape, 1 / 25, np.float32)))
    made = coadd_frames(frames)
    assert made.image.sum() == pytest.approx(1e5, rel=3e-3)
    none = coadd_frames(frames, CoaddOptions(amplitude=0.0))
    assert sum(none.rejected.values()) > 2 * sum(made.rejected.values())


def test_a_part_of_the_grid_and_frames_that_give_nothing():
    frames = noisy(4, (40, 50))
    empty = frame("empty", np.full((40, 50), np.nan, np.float32), np.ones((40, 50), np.float32))
    dead = frame("dead", np.ones((40, 50), np.float32), np.zeros((40, 50), np.float32))
    away = frame("away", np.ones((5, 5), np.float32), np.ones((5, 5), np.float32), 5000, 5000)
    whole = coadd_frames(frames)
    window = GridWindow(5, 45, -30, 31)
    made = coadd_frames([*frames, empty, dead, away], CoaddOptions(window=window))
    assert made.unused["away"].startswith("lies outside of GridWindow")
    assert made.unused["empty"] == made.unused["dead"] == "no pixel has weight"
    assert set(made.unused) == {"away", "empty", "dead"}
    both = window & whole.window
    assert np.allclose(
        made.image[both.slices_in(window)], whole.image[both.slices_in(whole.window)]
    )
    assert made.exposures[0].max() == 0
    assert made.cards["CRPIX1"] == 1 - window.x0


A = np.ones((4, 5), np.float32)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "0 frames"),
        ([frame("a", A, A), frame("b", A, A, grid=TanGrid(150, 2, 0.3))], 'frame b is on.*0.3"/px'),
        ([frame("a", A, A), frame("b", A, A, grid=TanGrid(151, 2))], "RA 151.0000"),
        ([frame("a", A, A), frame("a", A, A)], "frame a is given twice"),
        ([frame("a", A.astype(np.float64), A)], "image of frame a has the data type"),
        ([frame("a", A, A[:3])], "weight of frame a has the shape"),
    ],
)
def test_lists_that_do_not_fit_together(frames, words):
    with pytest.raises(BadArray, match=words) as caught:
        coadd_frames(frames)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CoaddOptions(combine="sum"), "'sum'"),
        (lambda: CoaddOptions(sigma_clip=0), "clipping at 0"),
        (lambda: CoaddOptions(grow=-1), "grown by -1"),
        (lambda: CoaddOptions(memory=0), "in 0 bytes"),
        (lambda: frame("a", A, A, variance=0.0), "variance 0.0"),
        (lambda: frame("a", A, A, exposure_time=-1.0), "exposure time -1.0"),
        (lambda: frame("a", A, A, background=math.nan), "background nan"),
        (lambda: coadd_frames([frame("a", A, A)], CoaddOptions(window=GridWindow(9, 10, 0, 1))),
         "none of 1 frames"),
    ],
)  # fmt: skip
def test_options_are_checked(make, words):
    with pytest.raises(BadArray, match=words):
        make()
