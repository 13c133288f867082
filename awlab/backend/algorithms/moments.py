"""Shapes of sources by adaptive moments: the Gaussian that matches the source best.

Unweighted moments are ruled by the noise far out, isophotal ones by where the isophote is; under a
weight of the source's own shape they have the least noise, and no cut.

References
----------
.. [1] Bernstein & Jarvis 2002, AJ 123, 583.
.. [2] Hirata & Seljak 2003, MNRAS 343, 459.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage

__all__ = ["GAUSSIAN_FWHM", "AdaptiveMoments", "adaptive_moments"]

GAUSSIAN_FWHM = 2.354820045
"""FWHM of a Gaussian in units of its sigma: 2 sqrt(2 ln 2)."""

_LARGEST_SHIFT = 3.0
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class AdaptiveMoments:
    """Shapes of sources; NaN where the iteration did not converge.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,)
        Centre, 0-based [pixel].
    xx, xy, yy : ndarray of float64, shape (n,)
        Second moments [pixel^2].
    peak : ndarray of float64, shape (n,)
        Peak of the Gaussian [ADU].
    converged : ndarray of bool, shape (n,)
        Whether the iteration did.
    """

    x: Values
    y: Values
    xx: Values
    xy: Values
    yy: Values
    peak: Values
    converged: npt.NDArray[np.bool_]

    @property
    def fwhm(self) -> Values:
        """FWHM of the round Gaussian of the same area [pixel]."""
        return np.asarray(GAUSSIAN_FWHM * (self.xx * self.yy - self.xy**2) ** 0.25)

    @property
    def e1(self) -> Values:
        """Ellipticity along x: (xx - yy) / (xx + yy)."""
        return np.asarray((self.xx - self.yy) / (self.xx + self.yy))

    @property
    def e2(self) -> Values:
        """Ellipticity along the diagonal: 2 xy / (xx + yy)."""
        return np.asarray(2 * self.xy / (self.xx + self.yy))


def adaptive_moments(
    image: FloatImage,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    sigma: npt.NDArray[Any] | float = 1.5,
    *,
    mask: npt.NDArray[np.bool_] | None = None,
) -> AdaptiveMoments:
    """Measure the shapes of sources.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background, finite everywhere [ADU].
    x, y : ndarray, shape (n,)
        Positions, 0-based [pixel].
    sigma : float, or ndarray, shape (n,)
        Size to start with [pixel].
    mask : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count [true or false].

    Returns
    -------
    AdaptiveMoments
        Moments of each source.
    """
    from awlab.backend.algorithms.moments_kernel import measure_moments

    starts = np.empty((len(x), 3))
    starts[:, 0], starts[:, 1], starts[:, 2] = x, y, sigma
    out = np.empty((len(x), 7))
    hidden = np.zeros((0, 0), np.bool_) if mask is None else mask
    largest = min(image.shape) / 2.0
    measure_moments(image, hidden, starts, (_LARGEST_SHIFT, largest), out)
    x_out, y_out, xx, xy, yy, peak, converged = np.ascontiguousarray(out.T)
    return AdaptiveMoments(x_out, y_out, xx, xy, yy, peak, converged > 0)
