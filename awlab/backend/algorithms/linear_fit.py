"""Clipped, weighted linear least squares with a scatter of its own beyond the errors given.

The start is robust: an outlier must not widen the scatter that decides about outliers. Then the
scatter is the one that makes the reduced chi squared 1, and points beyond the threshold go.

References
----------
.. [1] Huber 1964, Ann. Math. Statist. 35, 73 (robust start).
.. [2] Tremaine et al. 2002, ApJ 574, 740 (scatter from chi squared).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import Floats, Marks
from awlab.backend.algorithms.clipping import truncation

__all__ = ["LinearFit", "fit_linear"]

_MEDIAN_TO_SIGMA = 1.4826
_ROUNDS = 12
_LEAST_EIGENVALUE = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class LinearFit:
    """A fit.

    Attributes
    ----------
    solution : ndarray of float64, shape (k,)
        Coefficients.
    covariance : ndarray of float64, shape (k, k)
        Their covariance.
    residuals : ndarray of float64, shape (n,)
        Value minus fit, of all points.
    used : ndarray of bool, shape (n,)
        Points that were not clipped.
    scatter : float
        Standard deviation beyond the errors given.
    """

    solution: Floats
    covariance: Floats
    residuals: Floats
    used: Marks
    scatter: float


def fit_linear(
    design: Floats, values: Floats, error: Floats, threshold: float = 3.0
) -> LinearFit | None:
    """Fit ``values = design . solution``.

    Parameters
    ----------
    design : ndarray of float64, shape (n, k)
        Design matrix [any unit].
    values : ndarray of float64, shape (n,)
        Values [any unit].
    error : ndarray of float64, shape (n,)
        Standard errors of the values [unit of the values].
    threshold : float
        Points further than this from the fit are clipped [sigma].

    Returns
    -------
    LinearFit or None
        The fit; None when the points do not determine it.
    """
    number, width = design.shape
    if number < width or not _determined(design.T @ design):
        return None
    variance = error**2
    solution = _robust_start(design, values)
    residuals = values - design @ solution
    spread = _MEDIAN_TO_SIGMA * float(np.median(np.abs(residuals)))
    scatter2 = max(spread**2 - float(np.median(variance)), 0.0)
    used: Marks = np.ones(number, np.bool_)
    for _ in range(_ROUNDS):
        limit = threshold * np.sqrt(variance + scatter2) + 1e-12
        kept: Marks = np.abs(residuals) <= limit
        weight = kept / np.maximum(variance + scatter2, 1e-16)
        normal = design.T @ (design * weight[:, None])
        if not _determined(normal):
            return None
        solution = np.asarray(np.linalg.solve(normal, design.T @ (values * weight)), np.float64)
        residuals = values - design @ solution
        before, scatter2 = scatter2, _scatter2(residuals[kept], variance[kept], width, threshold)
        settled = np.array_equal(kept, used) and abs(scatter2 - before) <= 1e-4 * before
        used = kept
        if settled:
            break
    weight = used / np.maximum(variance + scatter2, 1e-16)
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]))
    return LinearFit(
        np.asarray(solution), np.asarray(covariance), residuals, used, float(np.sqrt(scatter2))
    )


def _robust_start(design: Floats, values: Floats) -> Floats:
    """Least absolute deviations, by weights that fall with the deviation."""
    weight = np.ones(values.size)
    for _ in range(15):
        weighted = design * weight[:, None]
        solution = np.linalg.solve(design.T @ weighted, weighted.T @ values)
        deviation = np.abs(values - design @ solution)
        weight = 1.0 / np.maximum(deviation, 1e-3 * float(np.median(deviation)) + 1e-12)
        weight /= weight.max()
        # Weights of nothing would leave the equations singular.
        weight = np.maximum(weight, 1e-6)
    return np.asarray(solution, np.float64)


def _determined(normal: Floats) -> bool:
    """Whether normal equations, scaled to a unit diagonal, have one solution."""
    diagonal = np.diag(normal)
    if not (diagonal > 0.0).all():
        return False
    scale = 1.0 / np.sqrt(diagonal)
    return bool(np.linalg.eigvalsh(normal * scale[:, None] * scale)[0] > _LEAST_EIGENVALUE)


def _scatter2(residuals: Floats, variance: Floats, width: int, threshold: float) -> float:
    """Variance that brings chi squared to the degrees of freedom; 0 when it is below already."""
    # A normal distribution that was cut at the threshold has a smaller variance.
    freedom = (residuals.size - width) * truncation(threshold)
    if residuals.size <= width or np.sum(residuals**2 / np.maximum(variance, 1e-16)) <= freedom:
        return 0.0
    low, high = 0.0, float(np.sum(residuals**2)) / freedom
    for _ in range(50):
        middle = 0.5 * (low + high)
        if np.sum(residuals**2 / (variance + middle)) > freedom:
            low = middle
        else:
            high = middle
    return high
