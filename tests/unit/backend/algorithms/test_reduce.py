"""Reduction: against the formula in NumPy; flags, weights and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    Calibrations,
    DetectorNoise,
    PixelFlag,
    PixelMaps,
    ReadoutLayout,
    Region,
    inverse_variance,
    measure_overscan,
    reduce_frame,
)

NY, NX = 50, 301
LAYOUT = ReadoutLayout(
    Region(7, 7 + NX, 3, 3 + NY),
    overscan_x=Region(7 + NX, 30 + NX, 0, NY + 3),
    prescan_y=Region(0, NX + 30, 0, 3),
)


def raw(dtype=np.uint16):
    rng = np.random.default_rng(1)
    return np.rint(rng.normal(2000, 50, (NY + 3, NX + 30))).astype(dtype)


def image(mean, sigma, seed):
    return np.random.default_rng(seed).normal(mean, sigma, (NY, NX)).astype(np.float32)


def calibrations(**changes):
    every = {
        "bias": image(5, 1, 2),
        "flat": image(1, 0.05, 3),
        "dark": image(0.1, 0.01, 4),
        "exposure_time": 300.0,
        "fringe": image(0, 3, 5),
        "fringe_scale": 1.5,
    }
    return Calibrations(**(every | changes))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("method", [0, 2, 6, 7, 10])
def test_equals_the_formula(dtype, method):
    frame, chosen = raw(dtype), calibrations(overscan_correction=method)
    found = reduce_frame(frame, LAYOUT, chosen)
    levels = measure_overscan(frame, LAYOUT, method)
    columns = 0 if levels.columns is None else levels.columns
    zero = levels.rows[:, None].astype(np.float64) + columns
    expected = (frame[LAYOUT.image.slices] - zero - chosen.bias - 300 * chosen.dark) / chosen.flat
    assert np.allclose(found.image, expected - 1.5 * chosen.fringe, rtol=0, atol=2e-3)
    assert np.array_equal(found.weight, chosen.flat)
    assert not found.flags.any()
    assert found.bad == 0
    assert found.image.dtype == found.weight.dtype == np.float32
    assert found.flags.dtype == np.uint16


@pytest.mark.parametrize("left_out", ["bias", "flat", "dark", "fringe"])
def test_each_step_can_be_left_out(left_out):
    full = calibrations(overscan_correction=0)
    found = reduce_frame(raw(), LAYOUT, calibrations(overscan_correction=0, **{left_out: None}))
    cut = raw()[LAYOUT.image.slices].astype(np.float64)
    bias = 0 if left_out == "bias" else full.bias
    dark = 0 if left_out == "dark" else 300 * full.dark
    flat = 1 if left_out == "flat" else full.flat
    fringe = 0 if left_out == "fringe" else 1.5 * full.fringe
    assert np.allclose(found.image, (cut - bias - dark) / flat - fringe, rtol=0, atol=2e-3)


def test_maps_become_flags_and_weight_zero():
    maps = {}
    for i, name in enumerate(("hot", "cold", "saturated", "cosmic", "satellite")):
        maps[name] = np.ones((NY, NX), np.uint8)
        maps[name][i, :] = 0
        maps[name][:, 5] = 0
    found = reduce_frame(raw(), LAYOUT, calibrations(), PixelMaps(**maps, edge=2))
    for i, name in enumerate(maps):
        assert np.all(found.flags[i, 2:] & PixelFlag[name.upper()])
        assert not (found.flags[10, 10:-10] & PixelFlag[name.upper()]).any()
    assert found.flags[20, 5] == 1 + 2 + 4 + 8 + 16
    edge = (found.flags & PixelFlag.EDGE) > 0
    assert edge.sum() == NY * NX - (NY - 4) * (NX - 4)
    assert not edge[2:-2, 2:-2].any()
    assert np.array_equal(found.weight == 0, found.flags > 0)
    assert found.bad == (found.flags > 0).sum()


def test_flag_names_are_distinct_bits():
    values = [int(flag) for flag in PixelFlag]
    assert len(set(values)) == len(values)
    assert all(value & (value - 1) == 0 and value < 2**16 for value in values)


def test_no_response_is_no_data():
    chosen = calibrations()
    for x, value in enumerate([0.0, -1.0, 0.005, np.nan]):
        chosen.flat[9, x] = value
    found = reduce_frame(raw(), LAYOUT, chosen)
    assert np.all(found.flags[9, :4] == PixelFlag.NO_DATA)
    assert np.all(found.image[9, :4] == 0)
    assert np.all(found.weight[9, :4] == 0)
    assert found.bad == 4
    assert np.isfinite(found.image).all()
    assert np.isfinite(found.weight).all()


@pytest.mark.parametrize("flat", [None, "given"])
def test_nan_in_raw_becomes_weight_zero(flat):
    frame = raw(np.float32)
    frame[13, 17] = np.nan
    frame[14, 17] = np.inf
    chosen = calibrations() if flat else calibrations(flat=None)
    found = reduce_frame(frame, LAYOUT, chosen)
    assert np.isfinite(found.image).all()
    assert found.flags[10, 10] == found.flags[11, 10] == PixelFlag.NO_DATA
    assert found.bad == 2


def test_same_bits_for_any_threads():
    results = [reduce_frame(raw(), LAYOUT, calibrations(), threads=n) for n in (1, 2, 7)]
    assert len({one.image.tobytes() + one.weight.tobytes() for one in results}) == 1


def test_inverse_variance_is_that_of_the_noise():
    """Simulated sky: variance of the reduced pixels times the inverse variance is 1."""
    rng = np.random.default_rng(8)
    gain, read_noise, sky = 2.0, 4.0, 500.0
    layout = ReadoutLayout(Region(0, 400, 0, 400))
    flat = np.ones((400, 400), np.float32)
    flat[:, 200:] = 0.4
    light = rng.poisson(sky * flat * gain) / gain + rng.normal(0, read_noise, flat.shape)
    chosen = Calibrations(flat=flat, overscan_correction=0)
    hot = np.ones(flat.shape, np.uint8)
    hot[3, 3] = 0
    found = reduce_frame(light.astype(np.float32), layout, chosen, PixelMaps(hot))
    inverse = inverse_variance(found, flat, DetectorNoise(read_noise, gain), sky)
    assert inverse[3, 3] == 0
    for part in (slice(0, 200), slice(200, 400)):
        variance = found.image[:, part].var()
        assert variance * np.median(inverse[:, part]) == pytest.approx(1, rel=0.02)


def test_refusals():
    small = np.ones((3, 3), np.float32)
    swapped = calibrations().flat.astype(">f4")
    for call in (
        lambda: reduce_frame(raw(), LAYOUT, calibrations(bias=small)),
        lambda: reduce_frame(raw(), LAYOUT, calibrations(flat=swapped)),
        lambda: reduce_frame(raw(), LAYOUT, calibrations(exposure_time=-1.0)),
        lambda: reduce_frame(raw(), LAYOUT, calibrations(), PixelMaps(np.ones((2, 2), np.uint8))),
        lambda: reduce_frame(raw(), LAYOUT, calibrations(), PixelMaps(np.ones((NY, NX), bool))),
        lambda: reduce_frame(raw().astype(np.float64), LAYOUT, calibrations()),
        lambda: reduce_frame(raw(), ReadoutLayout(Region(0, 999, 0, 9)), Calibrations()),
    ):
        with pytest.raises(BadArray):
            call()
