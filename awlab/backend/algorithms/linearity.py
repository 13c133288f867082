"""Linearity of a detector: level against exposure time.

References
----------
.. [1] Astro-WISE GainLinearity: exposure_levels, exposure_times (OmegaCAM requirement 533).
.. [2] Janesick 2007, Photon Transfer, ch. 7 (linearity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import BadArray

__all__ = ["Linearity", "fit_linearity"]


@dataclass(frozen=True, slots=True)
class Linearity:
    """How the level follows the exposure time.

    The true signal is ``level * (1 + coefficient * level)``, proportional to the time.

    Attributes
    ----------
    rate : float
        True signal per second [ADU/second].
    coefficient : float
        Quadratic coefficient; 0 for a perfect detector [1/ADU].
    error : float
        Standard error of the coefficient [1/ADU].
    residuals : tuple of float
        Relative deviation of each level from the fit, in the order given.
    deviation : float
        Largest relative correction over the levels given.
    """

    rate: float
    coefficient: float
    error: float
    residuals: tuple[float, ...]
    deviation: float


def fit_linearity(levels: Sequence[float], exposure_times: Sequence[float]) -> Linearity:
    """Fit level against exposure time, the source being constant.

    Parameters
    ----------
    levels : sequence of float
        Level of each frame above the bias [ADU].
    exposure_times : sequence of float
        Exposure time of each frame [second].

    Returns
    -------
    Linearity
        Rate, quadratic coefficient and residuals.

    Raises
    ------
    BadArray
        If there are fewer than three frames, or a level or time is not positive, or all times are
        the same.
    """
    level, time = np.array(levels, np.float64), np.array(exposure_times, np.float64)
    if level.size != time.size or level.size < 3 or not ((level > 0) & (time > 0)).all():
        raise BadArray(
            f"{level.size} levels and {time.size} exposure times make no linearity",
            "give at least three frames with positive levels [ADU] and times [second]",
        )
    if np.ptp(time) == 0:
        raise BadArray("all exposure times are the same", "linearity needs a range of times")
    # rate * time = level + c * level^2, divided by the level: every frame counts alike.
    design = np.column_stack([time / level, -level])
    scale = np.abs(design).max(axis=0)
    solution, *_ = np.linalg.lstsq(design / scale, np.ones_like(level), rcond=None)
    rate, coefficient = solution / scale
    residuals = 1.0 - design @ np.array([rate, coefficient])
    freedom = max(level.size - 2, 1)
    covariance = np.linalg.pinv((design / scale).T @ (design / scale))
    error = float(np.sqrt(covariance[1, 1] * (residuals @ residuals) / freedom) / scale[1])
    return Linearity(
        rate=float(rate),
        coefficient=float(coefficient),
        error=error,
        residuals=tuple(float(value) for value in residuals),
        deviation=float(np.abs(coefficient * level).max()),
    )
