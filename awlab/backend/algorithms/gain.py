"""Gain by photon transfer: the variance of dome flats against their level.

The difference of two flats of nearly the same level is free of the pixel-to-pixel response. Its
variance, per window of the chip so that vignetting does not matter, is

    V = rn^2 (1 + r^2) + (1 + r) L / gain

where L is the level of the first flat and r the ratio of the levels, by which the second is
multiplied. A straight line through V against L over all pairs and windows gives 1 / gain.

References
----------
.. [1] Janesick 2007, Photon Transfer, ch. 5.
.. [2] Astro-WISE GainLinearity: gain [electron/ADU], median_sum, rms_diff; the pairs differ by
   less than 4 % (man_howto_gain).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import (
    AnyImage,
    BadArray,
    FloatImage,
    PixelMap,
    check_frames,
    check_image,
)
from awlab.backend.algorithms.clipping import ROUNDING_VARIANCE, clipped_statistics
from awlab.backend.algorithms.linearity import Linearity, fit_linearity
from awlab.backend.algorithms.overscan import OverscanLevels, trim
from awlab.backend.algorithms.regions import Region

__all__ = ["GainMeasurement", "GainOptions", "measure_gain"]

ROWS, COLUMNS = 8, 4
# Windows with fewer pixels say nothing about a variance.
_LEAST_PIXELS = 50


@dataclass(frozen=True, eq=False, slots=True)
class GainOptions:
    """How the gain is measured.

    Attributes
    ----------
    region : Region, optional
        Image region of the frames; all by default.
    overscan : sequence of OverscanLevels, optional
        Zero level of each frame [ADU].
    bias : ndarray of float32, shape (ny, nx), optional
        Master bias [ADU].
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map, 1 good and 0 bad.
    read_noise : float, optional
        Read noise [ADU]; fitted together with the gain by default.
    rejection_threshold : float
        Clipping threshold [sigma].
    maximum_iterations : int
        Largest number of clipping iterations.
    maximum_level : float
        Windows brighter than this are left out: near saturation the variance falls [ADU].
    pair_difference : float
        Largest relative difference of the levels in a pair.
    """

    region: Region | None = None
    overscan: Sequence[OverscanLevels] | None = None
    bias: FloatImage | None = None
    good: PixelMap | None = None
    read_noise: float | None = None
    rejection_threshold: float = 5.0
    maximum_iterations: int = 10
    maximum_level: float = 55000.0
    pair_difference: float = 0.04


@dataclass(frozen=True, slots=True)
class GainMeasurement:
    """Gain of a detector.

    Attributes
    ----------
    gain : float
        Conversion factor [electron/ADU].
    error : float
        Standard error of the gain [electron/ADU].
    read_noise : float
        Read noise that was given or fitted [ADU].
    exposure_levels : tuple of float
        Level of each flat above the bias, in the order given [ADU].
    median_sum, rms_diff : tuple of float
        Per pair, faintest first: level of the sum, standard deviation of the difference [ADU].
    variance_residuals : tuple of float
        Per pair: mean relative deviation of the variance from the straight line.
    linearity : Linearity or None
        Level against exposure time, if times were given.
    """

    gain: float
    error: float
    read_noise: float
    exposure_levels: tuple[float, ...]
    median_sum: tuple[float, ...]
    rms_diff: tuple[float, ...]
    variance_residuals: tuple[float, ...]
    linearity: Linearity | None


def measure_gain(
    flats: Sequence[AnyImage],
    options: GainOptions | None = None,
    *,
    exposure_times: Sequence[float] | None = None,
) -> GainMeasurement:
    """Measure the gain from dome flats that come in pairs of nearly the same level.

    Parameters
    ----------
    flats : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw dome flats over a wide range of levels [ADU]; paired by level, not by order.
    options : GainOptions, optional
        Region, overscan, bias, read noise and clipping.
    exposure_times : sequence of float, optional
        Exposure time of each flat [second], for the linearity.

    Returns
    -------
    GainMeasurement
        Gain [electron/ADU], its error, and the numbers it rests on.

    Raises
    ------
    BadArray
        If no two flats have nearly the same level, or the variance does not grow with the level.
    """
    chosen = options or GainOptions()
    check_frames(flats, "dome flats", least=2)
    region = chosen.region or Region.whole((flats[0].shape[0], flats[0].shape[1]))
    if exposure_times is not None and len(exposure_times) != len(flats):
        raise BadArray(f"{len(exposure_times)} exposure times for {len(flats)} flats", "one each")
    levels = [_level(_image(flats, i, region, chosen), chosen.good) for i in range(len(flats))]
    pairs = _pairs(levels, chosen.pair_difference)
    tables = [
        _windows(_image(flats, i, region, chosen), _image(flats, j, region, chosen), chosen)
        for i, j in pairs
    ]
    slope, error, read_noise = _fit(np.concatenate(tables), chosen)
    residuals = [_relative(table, slope, read_noise) for table in tables]
    return GainMeasurement(
        gain=1.0 / slope,
        error=error / slope**2,
        read_noise=read_noise,
        exposure_levels=tuple(levels),
        median_sum=tuple(levels[i] + levels[j] for i, j in pairs),
        rms_diff=tuple(float(np.sqrt(np.median(table[:, 2]))) for table in tables),
        variance_residuals=tuple(residuals),
        linearity=fit_linearity(levels, exposure_times) if exposure_times else None,
    )


def _image(flats: Sequence[AnyImage], i: int, region: Region, options: GainOptions) -> FloatImage:
    """Flat i without overscan and bias [ADU]; made again when needed, to hold two at a time."""
    levels = None if options.overscan is None else options.overscan[i]
    image = trim(flats[i], region, levels)
    if options.bias is not None:
        check_image(options.bias, "bias", shape=image.shape, types=("float32",))
        image -= options.bias
    return image


def _level(image: FloatImage, good: PixelMap | None) -> float:
    values = image if good is None else image[good > 0]
    if values.size == 0:
        raise BadArray("the pixel map leaves no good pixel", "look at the hot and cold pixel maps")
    return float(np.median(values))


def _pairs(levels: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """Neighbours in level that differ by less than the limit, faintest first."""
    order = sorted(range(len(levels)), key=lambda i: (levels[i], i))
    pairs, k = [], 0
    while k + 1 < len(order):
        i, j = order[k], order[k + 1]
        if levels[i] > 0 and levels[j] - levels[i] <= difference * levels[j]:
            pairs.append((i, j))
            k += 2
        else:
            k += 1
    if not pairs:
        raise BadArray(
            f"no two of the levels {[round(level) for level in levels]} ADU are a pair",
            f"take flats in pairs whose levels differ by less than {100 * difference:g} %",
        )
    return pairs


def _windows(
    first: FloatImage, second: FloatImage, options: GainOptions
) -> npt.NDArray[np.float64]:
    """Per window of a pair: level of the first, ratio, variance of the difference, pixels."""
    ys = np.linspace(0, first.shape[0], ROWS + 1).astype(int)
    xs = np.linspace(0, first.shape[1], COLUMNS + 1).astype(int)
    table = []
    for j in range(ROWS):
        for i in range(COLUMNS):
            where = slice(ys[j], ys[j + 1]), slice(xs[i], xs[i + 1])
            a, b = first[where].ravel(), second[where].ravel()
            if options.good is not None:
                keep = options.good[where].ravel() > 0
                a, b = a[keep], b[keep]
            if a.size < _LEAST_PIXELS:
                continue
            total = clipped_statistics(a + b, threshold=options.rejection_threshold).mean
            gap = clipped_statistics(a - b, threshold=options.rejection_threshold).mean
            level, ratio = 0.5 * (total + gap), (total + gap) / (total - gap)
            core = clipped_statistics(
                a - np.float32(ratio) * b,
                threshold=options.rejection_threshold,
                iterations=options.maximum_iterations,
            )
            table.append((level, ratio, core.stdev**2, core.npix))
    if not table:
        raise BadArray("no window of the flats has enough good pixels", "look at the pixel map")
    return np.array(table, np.float64)


def _design(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Coefficients of (1 / gain, read noise squared) in the variance of each window."""
    level, ratio = table[:, 0], table[:, 1]
    return np.column_stack([(1.0 + ratio) * level, 1.0 + ratio**2])


def _fit(table: npt.NDArray[np.float64], options: GainOptions) -> tuple[float, float, float]:
    """Weighted straight line; returns 1 / gain, its error, and the read noise."""
    table = table[table[:, 0] <= options.maximum_level]
    if len(table) < 2:
        raise BadArray(
            f"no window of the flats is below {options.maximum_level:g} ADU",
            "take fainter flats or raise the maximum level",
        )
    design, variance = _design(table), table[:, 2]
    known: Any = 0.0
    if options.read_noise is not None:
        known = design[:, 1] * (options.read_noise**2 + ROUNDING_VARIANCE)
        design = design[:, :1]
    model = variance
    for _ in range(3):
        # The error of a variance is known from the model; taken from the measured value it would
        # favour the windows that scatter low.
        weight = np.sqrt((table[:, 3] - 1.0) / 2.0) / np.maximum(model, 1e-6)
        weighted = design * weight[:, None]
        scale = np.abs(weighted).max(axis=0)
        solution, *_ = np.linalg.lstsq(weighted / scale, (variance - known) * weight, rcond=None)
        solution = solution / scale
        model = design @ solution + known
    covariance = np.linalg.pinv((weighted / scale).T @ (weighted / scale)) / np.outer(scale, scale)
    if not solution[0] > 0:
        raise BadArray(
            "the variance of the flats does not grow with their level",
            "check that they are raw dome flats over a range of levels",
        )
    fitted = float(np.sqrt(max(solution[-1] - ROUNDING_VARIANCE, 0.0)))
    read_noise = fitted if options.read_noise is None else options.read_noise
    return float(solution[0]), float(np.sqrt(covariance[0, 0])), read_noise


def _relative(table: npt.NDArray[np.float64], slope: float, read_noise: float) -> float:
    """Mean relative deviation of the variances of a pair from the line."""
    model = _design(table) @ np.array([slope, read_noise**2 + ROUNDING_VARIANCE])
    return float(np.mean(table[:, 2] / model - 1.0))
