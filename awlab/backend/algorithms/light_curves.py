"""Mean magnitudes of sources that were measured several times, and how much they vary.

References
----------
.. [1] Bevington & Robinson 2003, "Data Reduction and Error Analysis", section 4.1 (weighted mean).
.. [2] Welch & Stetson 1993, AJ 105, 1813 (measurements about their weighted mean).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers

__all__ = ["MeanMagnitudes", "mean_magnitudes"]


@dataclass(frozen=True, eq=False, slots=True)
class MeanMagnitudes:
    """One row per source.

    Attributes
    ----------
    mean : ndarray of float64, shape (number,)
        Mean weighted by the inverse variances; NaN without measurement [mag].
    error : ndarray of float64, shape (number,)
        Error of the mean by the errors of the measurements [mag].
    rms : ndarray of float64, shape (number,)
        Sample standard deviation of the measurements; NaN for fewer than two [mag].
    count : ndarray of int64, shape (number,)
        Number of measurements used.
    """

    mean: Floats
    error: Floats
    rms: Floats
    count: Integers


def mean_magnitudes(
    source: Integers, magnitude: Floats, error: Floats, number: int
) -> MeanMagnitudes:
    """Average the measurements of every source.

    Parameters
    ----------
    source : ndarray of int64, shape (n,)
        Number of the source that was measured, from 0, in any order [count].
    magnitude, error : ndarray of float64, shape (n,)
        Measurements and their errors; those that are not finite, or whose error is not positive,
        do not count [mag].
    number : int
        Number of sources.

    Raises
    ------
    BadArray
        If the arrays have different lengths.
    """
    if not source.shape == magnitude.shape == error.shape:
        shapes = ", ".join(str(one.shape) for one in (source, magnitude, error))
        raise BadArray(f"sources, magnitudes and errors have the shapes {shapes}", "give one each")
    good = np.isfinite(magnitude) & np.isfinite(error) & (error > 0)
    source, magnitude = source[good], magnitude[good]
    weight = error[good] ** -2.0
    count = np.bincount(source, minlength=number)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.bincount(source, weight, number)
        mean = np.bincount(source, weight * magnitude, number) / total
        about = magnitude - mean[source]
        # The variance is that about the plain mean: errors do not say how much a star varies.
        plain = np.bincount(source, about, number) / count
        squares = np.bincount(source, (about - plain[source]) ** 2, number)
        rms = np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)
        return MeanMagnitudes(mean, np.sqrt(1.0 / total), rms, count)
