"""Atmospheric extinction: from zeropoints, from frames of the same stars, or from a curve.

References
----------
.. [1] Astro-WISE AtmosphericExtinctionZeropoint, AtmosphericExtinctionFrames,
   AtmosphericExtinctionCurve (OmegaCAM requirement 562).
.. [2] Hardie 1962, in Astronomical Techniques, ch. 8 (Bouguer's line).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, Floats, Marks
from awlab.backend.algorithms.linear_fit import fit_linear

__all__ = [
    "Extinction",
    "extinction_from_curve",
    "extinction_from_frames",
    "extinction_from_zeropoint",
    "extinction_from_zeropoints",
]

# Airmasses that differ by less give a coefficient ten times worse than the magnitudes.
_LEAST_RANGE = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class Extinction:
    """Extinction coefficient.

    Attributes
    ----------
    value, error : float
        Extinction and its standard error; NaN after a failure [mag/airmass].
    zeropoint, zp_error : float
        Zeropoint outside the atmosphere and its error; NaN where the method has none [mag].
    scatter : float
        Standard deviation beyond the errors given [mag].
    source_count : int
        Number of measurements used.
    used : ndarray of bool, shape (n,)
        Measurements used.
    reason : str
        Why there is no coefficient; empty after success.
    """

    value: float
    error: float
    zeropoint: float
    zp_error: float
    scatter: float
    source_count: int
    used: Marks
    reason: str = ""


def extinction_from_zeropoints(
    zeropoint: Floats, zp_error: Floats, airmass: Floats, threshold: float = 3.0
) -> Extinction:
    """Straight line through the zeropoints of a night, not corrected for extinction.

    Parameters
    ----------
    zeropoint, zp_error : ndarray of float64, shape (n,)
        Zeropoint of each frame at its airmass, and its error [mag].
    airmass : ndarray of float64, shape (n,)
        Airmass of each frame [airmass].
    threshold : float
        Clipping threshold [sigma].

    Returns
    -------
    Extinction
        Coefficient and zeropoint outside the atmosphere, or the reason why not.
    """
    zp, error, mass = _columns(zeropoint, zp_error, airmass)
    good = _measured(zp, error, mass)
    if good.size < 2 or np.ptp(mass[good]) < _LEAST_RANGE:
        return _failure(zp.size, "the frames span no range of airmass")
    design = np.stack([np.ones(good.size), -mass[good]], axis=-1)
    fit = fit_linear(design, zp[good], error[good], threshold)
    if fit is None:
        return _failure(zp.size, "the zeropoints do not lie on a line")
    errors = np.sqrt(np.diag(fit.covariance))
    used = np.zeros(zp.size, np.bool_)
    used[good[fit.used]] = True
    return Extinction(
        *(float(fit.solution[1]), float(errors[1]), float(fit.solution[0]), float(errors[0])),
        scatter=fit.scatter,
        source_count=int(used.sum()),
        used=used,
    )


def extinction_from_zeropoint(
    zeropoint: float, zp_error: float, outside: float, outside_error: float, airmass: float
) -> Extinction:
    """Extinction from one zeropoint and the known one outside the atmosphere.

    Parameters
    ----------
    zeropoint, zp_error : float
        Zeropoint of a frame at its airmass, and its error [mag].
    outside, outside_error : float
        Zeropoint outside the atmosphere and its error [mag].
    airmass : float
        Airmass of the frame.

    Returns
    -------
    Extinction
        Coefficient, or the reason why not.
    """
    if not (np.isfinite([zeropoint, zp_error, outside, outside_error]).all() and airmass >= 1.0):
        return _failure(1, f"zeropoint {zeropoint} at airmass {airmass} gives no extinction")
    error = float(np.hypot(zp_error, outside_error)) / airmass
    value = (outside - zeropoint) / airmass
    return Extinction(value, error, outside, outside_error, 0.0, 1, np.ones(1, np.bool_))


def extinction_from_frames(
    magnitudes: tuple[Floats, Floats],
    star: npt.NDArray[Any],
    airmass: Floats,
    threshold: float = 3.0,
) -> Extinction:
    """Extinction from the same stars at different airmass; needs no standard magnitudes.

    Parameters
    ----------
    magnitudes : tuple of ndarray of float64, shape (n,)
        Instrumental magnitude for a second of exposure, and its error [mag].
    star : ndarray of int64, shape (n,)
        Star measured [number].
    airmass : ndarray of float64, shape (n,)
        Airmass of the frame [airmass].
    threshold : float
        Clipping threshold [sigma].

    Returns
    -------
    Extinction
        Coefficient, or the reason why not.
    """
    mag, error, mass = _columns(*magnitudes, airmass)
    labels = np.asarray(star)
    if labels.shape != mag.shape:
        raise BadArray(f"{labels.size} stars for {mag.size} measurements", "one each")
    good = _measured(mag, error, mass)
    _, index = np.unique(labels[good], return_inverse=True)
    number = int(index.max(initial=-1)) + 1
    if good.size <= number or np.ptp(mass[good]) < _LEAST_RANGE:
        return _failure(mag.size, "no star was measured at different airmass")
    used: Marks = np.ones(good.size, np.bool_)
    for _ in range(8):
        # Each star's own mean goes out of magnitude and airmass; that costs a degree of freedom,
        # and leaves of each error what the mean does not share.
        weight = used / np.maximum(error[good], 1e-6) ** 2
        total = np.maximum(np.bincount(index, weight, minlength=number), 1e-300)
        dm, dx = (
            v[good] - (np.bincount(index, weight * v[good], minlength=number) / total)[index]
            for v in (mag, mass)
        )
        power = float(np.sum(weight * dx**2))
        if not power > 0.0:
            return _failure(mag.size, "no star was measured at different airmass")
        slope = float(np.sum(weight * dx * dm)) / power
        pulls = np.abs(dm - slope * dx) / np.maximum(error[good], 1e-6)
        spread = max(1.4826 * float(np.median(pulls[used])), 1.0)
        kept: Marks = pulls <= threshold * spread
        if np.array_equal(kept, used):
            break
        used = kept
    freedom = max(int(used.sum()) - np.unique(index[used]).size - 1, 1)
    chi2 = float(np.sum(weight * (dm - slope * dx) ** 2)) / freedom
    mask = np.zeros(mag.size, np.bool_)
    mask[good[used]] = True
    nan = float("nan")
    scatter = float(np.sqrt(max(chi2 - 1.0, 0.0)) * np.median(error[good]))
    slope_error = float(np.sqrt(max(chi2, 1.0) / power))
    return Extinction(slope, slope_error, nan, nan, scatter, int(mask.sum()), mask)


def extinction_from_curve(
    curve: tuple[Floats, Floats],
    wavelength: Floats | float,
    response: Floats | None = None,
) -> Extinction:
    """Extinction in a band from a standard curve.

    Parameters
    ----------
    curve : tuple of ndarray of float64, shape (n,)
        Wavelength, ascending [angstrom], and extinction [mag/airmass].
    wavelength : float or ndarray of float64, shape (m,)
        Central wavelength of the band, or those of its response [angstrom].
    response : ndarray of float64, shape (m,), optional
        Response of the band at those wavelengths [relative]; the extinction is then that of a
        flat spectrum at airmass 1.

    Returns
    -------
    Extinction
        Coefficient, without error; or the reason why the curve does not cover the band.

    Raises
    ------
    BadArray
        If the curve is not ascending, or the response has another shape.
    """
    known, value = (np.asarray(column, np.float64) for column in curve)
    at = np.atleast_1d(np.asarray(wavelength, np.float64))
    weight = np.ones(at.size) if response is None else np.asarray(response, np.float64)
    if known.size < 2 or known.shape != value.shape or not (np.diff(known) > 0).all():
        raise BadArray("the wavelengths of the extinction curve do not ascend", "sort the curve")
    if weight.shape != at.shape or (response is None and at.size > 1):
        raise BadArray(f"{weight.size} responses at {at.size} wavelengths", "one each")
    inside = at[weight > 0.0]
    if not inside.size or inside.min() < known[0] or inside.max() > known[-1]:
        return _failure(1, f"the curve covers {known[0]:g} to {known[-1]:g} angstrom, not the band")
    passed = 10.0 ** (-0.4 * np.interp(at, known, value))
    if at.size > 1:
        through = np.trapezoid(weight * passed, at) / np.trapezoid(weight, at)
    else:
        through = passed[0]
    nan = float("nan")
    return Extinction(float(-2.5 * np.log10(through)), nan, nan, nan, 0.0, 1, np.ones(1, np.bool_))


def _columns(*columns: Floats) -> list[Floats]:
    arrays = [np.asarray(column, np.float64) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        shapes = [array.shape for array in arrays]
        raise BadArray(f"the columns have the shapes {shapes}", "give 1-d arrays of one length")
    return arrays


def _measured(value: Floats, error: Floats, airmass: Floats) -> npt.NDArray[np.intp]:
    """Rows that can be used; 99.99 and 0 stand for an unknown airmass in headers."""
    good = np.isfinite(value) & np.isfinite(error) & (error >= 0.0)
    return np.flatnonzero(good & (airmass >= 1.0) & (airmass < 40.0))


def _failure(size: int, reason: str) -> Extinction:
    nan = float("nan")
    return Extinction(nan, nan, nan, nan, nan, 0, np.zeros(size, np.bool_), reason)
