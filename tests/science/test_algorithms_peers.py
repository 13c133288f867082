"""The same arrays through ccdproc and astropy: same answers."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.stats import sigma_clip, sigma_clipped_stats

from awlab.backend.algorithms import (
    Calibrations,
    CombineOptions,
    DetectorNoise,
    PixelMaps,
    ReadoutLayout,
    Region,
    clipped_statistics,
    combine_frames,
    inverse_variance,
    measure_overscan,
    reduce_frame,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ccdproc

NY, NX = 120, 200
LAYOUT = ReadoutLayout(Region(0, NX, 0, NY), overscan_x=Region(NX, NX + 40, 0, NY))


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(20)
    return [np.rint(rng.normal(500, 6, (NY, NX + 40))).astype(np.uint16) for _ in range(9)]


def test_plain_mean_equals_ccdproc(frames):
    made = combine_frames(frames, DetectorNoise(6.0), CombineOptions(sigma_clip=np.inf))
    peer = ccdproc.combine([CCDData(f, unit="adu") for f in frames], method="average", dtype="f8")
    assert np.allclose(made.image, peer.data, rtol=2e-7)


def test_clipped_mean_agrees_with_ccdproc_on_outliers(frames):
    """ccdproc clips about the median by the scatter of the sample, we by the noise model."""
    data = [frame.copy() for frame in frames]
    rng = np.random.default_rng(21)
    for frame in data:
        frame.flat[rng.choice(frame.size, 100, replace=False)] += 5000
    made = combine_frames(data, DetectorNoise(6.0), CombineOptions(sigma_clip=4.0))
    peer = ccdproc.combine(
        [CCDData(f, unit="adu") for f in data], method="average", sigma_clip=True,
        sigma_clip_low_thresh=5, sigma_clip_high_thresh=5,
        sigma_clip_func="median", sigma_clip_dev_func="mad_std", dtype="f8",
    )  # fmt: skip
    assert abs(made.image.mean() - peer.data.mean()) < 0.02
    clean = np.mean(frames, axis=0)
    ours, theirs = made.image - clean, peer.data - clean
    assert ours.std() <= theirs.std()
    assert np.median(np.abs(ours - theirs)) < 1e-4, "most pixels are the same"


def test_clipped_statistics_agree_with_astropy():
    values = np.random.default_rng(22).normal(40, 7, 300_000).astype(np.float32)
    values[:3000] = 1000
    ours = clipped_statistics(values, threshold=5.0)
    mean, median, stdev = sigma_clipped_stats(values, sigma=5.0, maxiters=None)
    assert ours.mean == pytest.approx(mean, abs=1e-3)
    assert ours.stdev == pytest.approx(stdev, rel=1e-4)
    assert ours.rejected == pytest.approx(sigma_clip(values, sigma=5.0).mask.sum(), abs=2)
    assert median == pytest.approx(ours.median, abs=0.2)


def test_reduction_equals_ccdproc_with_uncertainty():
    """Raw floats and one level per row, so that both subtract the same overscan."""
    rng = np.random.default_rng(23)
    gain, read_noise = 2.0, 4.0
    flat = rng.normal(1, 0.05, (NY, NX)).astype(np.float32)
    flat /= np.float32(flat.mean())
    bias = rng.normal(3, 1, (NY, NX)).astype(np.float32)
    raw = rng.normal(300, read_noise, (NY, NX + 40)).astype(np.float32)
    raw[:, :NX] += bias + 700 * flat

    ccd = CCDData(raw, unit="adu")
    levels = measure_overscan(raw, LAYOUT, 6, smooth=1)
    strip = ccdproc.subtract_overscan(ccd, overscan=ccd[:, NX:], median=True)
    peer = ccdproc.trim_image(strip[:, :NX])
    assert np.allclose(strip.data[:, :NX], raw[:, :NX] - levels.rows[:, None], atol=1e-3)
    peer = ccdproc.create_deviation(
        peer, gain=gain * u.electron / u.adu, readnoise=read_noise * gain * u.electron,
        disregard_nan=True,
    )  # fmt: skip
    peer = ccdproc.subtract_bias(peer, CCDData(bias, unit="adu"))
    peer = ccdproc.flat_correct(peer, CCDData(flat, unit="adu"), norm_value=1.0)

    hot = np.ones((NY, NX), np.uint8)
    hot[5, 5] = 0
    ours = reduce_frame(raw, LAYOUT, Calibrations(bias=bias, flat=flat), PixelMaps(hot))
    # Ours smooths the overscan over 11 rows: the same mean, less noise per row.
    shift = (levels.rows - ours.overscan.rows)[:, None] / flat
    assert np.allclose(ours.image, peer.data + shift, atol=5e-3)
    inverse = inverse_variance(ours, flat, DetectorNoise(read_noise, gain), 700.0)
    variance = peer.uncertainty.array**2
    assert inverse[5, 5] == 0
    # ccdproc takes the photon noise from the noisy pixel itself, before the bias is off.
    assert np.median((inverse * variance)[hot > 0]) == pytest.approx(1, rel=0.02)
