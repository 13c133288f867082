"""Least squares over overlapping exposures: few parameters, and an unknown for every star.

A measurement is ``value = design . parameters + star``. Stars may be known beforehand with a
weight: these anchors hold the solution where overlaps alone would leave it free. The stars are
eliminated, so that the system has the size of the parameters; several right-hand sides (the two
coordinates) share one matrix.

References
----------
.. [1] Triggs et al. 2000, "Bundle Adjustment - A Modern Synthesis", sect. 6.1 (Schur complement).
.. [2] Padmanabhan et al. 2008, ApJ 674, 1217 (ubercalibration: the same on magnitudes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import Floats, Integers

__all__ = ["Anchors", "Measurements", "OverlapSolution", "robust_levels", "solve_overlaps"]

# Relative to the mean of the diagonal: far above rounding, far below what a measurement says.
_RIDGE = 1e-13


@dataclass(frozen=True, eq=False, slots=True)
class Measurements:
    """Measurements of stars, sorted by star.

    Attributes
    ----------
    columns : ndarray of int64, shape (n, k)
        Which parameters each measurement depends on.
    design : ndarray of float64, shape (n, k)
        How.
    values : ndarray of float64, shape (n, m)
        What was measured.
    weight : ndarray of float64, shape (n,)
        Inverse variance; 0 leaves a measurement out.
    star : ndarray of int64, shape (n,)
        Star measured, ascending from 0.
    """

    columns: Integers
    design: Floats
    values: Floats
    weight: Floats
    star: Integers


@dataclass(frozen=True, eq=False, slots=True)
class Anchors:
    """What is known of the stars beforehand.

    Attributes
    ----------
    weight : ndarray of float64, shape (stars,)
        Inverse variance; 0 for unknown stars.
    values : ndarray of float64, shape (stars, m)
        Known values.
    """

    weight: Floats
    values: Floats


@dataclass(frozen=True, eq=False, slots=True)
class OverlapSolution:
    """Parameters and stars.

    Attributes
    ----------
    parameters : ndarray of float64, shape (number, m)
        The parameters.
    covariance : ndarray of float64, shape (number, number)
        Covariance of the parameters of each right-hand side, for weights that are inverse
        variances.
    stars : ndarray of float64, shape (stars, m)
        The stars; NaN for those without weight.
    free : ndarray of float64, shape (n, m)
        Values freed of the parameters: what each measurement alone says of its star.
    """

    parameters: Floats
    covariance: Floats
    stars: Floats
    free: Floats


def robust_levels(solution: OverlapSolution, star: Integers) -> Floats:
    """Value of every star that a wild measurement cannot move far, to clip against.

    The median of its measurements; with one or two of them, which cannot outvote a wild one, the
    solution, in which what is known of the star counts too.

    Parameters
    ----------
    solution : OverlapSolution
        The solution.
    star : ndarray of int64, shape (n,)
        Star measured, ascending from 0 [number].

    Returns
    -------
    ndarray of float64, shape (stars, m)
        Values; NaN for stars of one or two measurements without weight.
    """
    levels = solution.stars.copy()
    count = np.bincount(star, minlength=len(levels))
    first = np.cumsum(count) - count
    many = count >= 3
    low, high = (first + (count - 1) // 2)[many], (first + count // 2)[many]
    for side in range(levels.shape[1]):
        ordered = solution.free[np.lexsort((solution.free[:, side], star)), side]
        levels[many, side] = 0.5 * (ordered[low] + ordered[high])
    return levels


def solve_overlaps(
    measurements: Measurements, anchors: Anchors, prior: Floats, gauge: Floats
) -> OverlapSolution:
    """Solve for parameters and stars.

    Parameters
    ----------
    measurements : Measurements
        Measurements of the stars.
    anchors : Anchors
        What is known of the stars.
    prior : ndarray of float64, shape (number,)
        Weight with which each parameter is held to 0 [inverse variance].
    gauge : ndarray of float64, shape (g, number)
        Combinations of parameters that are held to 0 [any unit], where the model is free.

    Returns
    -------
    OverlapSolution
        Solution; a parameter that nothing determines is 0.
    """
    from scipy.linalg import cho_factor, cho_solve

    from awlab.backend.algorithms.overlap_solver_kernel import reduced_normals, star_values

    number = prior.size
    rows = (measurements.columns, measurements.design, measurements.values, measurements.weight)
    start = np.searchsorted(measurements.star, np.arange(anchors.weight.size + 1))
    known = anchors.weight, anchors.values
    normal, right = reduced_normals(rows, start, known, number)
    level = max(float(np.trace(normal)) / max(number, 1), 1e-300)
    normal += level * (gauge.T @ gauge) + np.diag(prior)
    # Scaled to a unit diagonal: terms of different order differ by many powers of ten.
    diagonal = np.diag(normal)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = normal * scale[:, None] * scale + _RIDGE * np.eye(number)
    scaled[diagonal <= 0.0, diagonal <= 0.0] = 1.0
    factor = cho_factor(scaled, lower=True)
    parameters = cho_solve(factor, right * scale[:, None]) * scale[:, None]
    covariance = cho_solve(factor, np.eye(number)) * scale[:, None] * scale
    stars, fitted = star_values(rows, start, known, np.ascontiguousarray(parameters))
    return OverlapSolution(parameters, covariance, stars, measurements.values - fitted)
