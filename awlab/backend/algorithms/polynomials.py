"""Smooth functions of the place on a chip: clipped least-squares polynomials.

References
----------
.. [1] Press et al. 2007, Numerical Recipes, 15.4 (general linear least squares).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage

__all__ = ["ChipPolynomial", "fit_chip_polynomial"]

Values = npt.NDArray[np.float64]
_POINTS_PER_COEFFICIENT = 3
_ITERATIONS = 10


@dataclass(frozen=True, eq=False, slots=True)
class ChipPolynomial:
    """A polynomial of x and y, both scaled to -1..1 over the chip.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (m,)
        Of u**i v**j, in the order of `exponents` [unit of the values].
    order : int
        Highest i + j.
    shape : tuple of int
        Shape (ny, nx) of the chip [pixel].
    rms : float
        Scatter of the points kept about it [unit of the values].
    used : ndarray of bool, shape (n,)
        Which points were kept.
    """

    coefficients: Values
    order: int
    shape: tuple[int, int]
    rms: float
    used: npt.NDArray[np.bool_]

    @property
    def exponents(self) -> list[tuple[int, int]]:
        """Exponents (i, j) of the terms."""
        return _exponents(self.order)

    def at(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Values:
        """Value at some places.

        Parameters
        ----------
        x, y : ndarray, shape (n,)
            Places, 0-based [pixel].

        Returns
        -------
        ndarray of float64, shape (n,)
            Values.
        """
        return _design(x, y, self.shape, self.order) @ self.coefficients

    def image(
        self, shape: tuple[int, int] | None = None, origin: tuple[int, int] = (0, 0)
    ) -> FloatImage:
        """Value at every pixel, of the chip or of a part of it.

        Parameters
        ----------
        shape : tuple of int, optional
            Shape (ny, nx) of the part; all by default [pixel].
        origin : tuple of int
            First pixel (y, x) of the part [pixel].

        Returns
        -------
        ndarray of float32, shape (ny, nx)
            Map [unit of the values].
        """
        ny, nx = shape or self.shape
        u = _scaled(origin[1] + np.arange(nx), self.shape[1])
        v = _scaled(origin[0] + np.arange(ny), self.shape[0])
        # One row of powers per exponent: the map is a product of two small matrices.
        table = np.zeros((self.order + 1, self.order + 1))
        for (i, j), value in zip(self.exponents, self.coefficients, strict=True):
            table[j, i] = value
        powers = np.arange(self.order + 1)
        return ((v[:, None] ** powers) @ table @ (u[:, None] ** powers).T).astype(np.float32)

    def without_mean(self) -> ChipPolynomial:
        """The same polynomial, less its mean over the chip."""
        # The mean of u**i over -1..1 is 1 / (i + 1) for even i, else 0.
        means = [0.0 if i % 2 or j % 2 else 1.0 / ((i + 1) * (j + 1)) for i, j in self.exponents]
        coefficients = self.coefficients.copy()
        coefficients[0] -= float(np.dot(means, coefficients))
        return replace(self, coefficients=coefficients)


def _exponents(order: int) -> list[tuple[int, int]]:
    return [(total - j, j) for total in range(order + 1) for j in range(total + 1)]


def _scaled(values: npt.NDArray[Any], length: int) -> Values:
    half = max((length - 1) / 2.0, 0.5)
    return np.asarray((np.asarray(values, np.float64) - (length - 1) / 2.0) / half)


def _design(x: npt.NDArray[Any], y: npt.NDArray[Any], shape: tuple[int, int], order: int) -> Values:
    u, v = _scaled(x, shape[1]), _scaled(y, shape[0])
    return np.stack([u**i * v**j for i, j in _exponents(order)], axis=-1)


def fit_chip_polynomial(
    places: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    values: npt.NDArray[Any],
    shape: tuple[int, int],
    *,
    order: int = 2,
    weights: npt.NDArray[Any] | None = None,
    threshold: float = 3.0,
) -> ChipPolynomial:
    """Fit a polynomial to values at places of a chip, without outliers.

    Parameters
    ----------
    places : tuple of ndarray, each of shape (n,)
        x and y, 0-based [pixel].
    values : ndarray, shape (n,)
        Values [any unit].
    shape : tuple of int
        Shape (ny, nx) of the chip [pixel].
    order : int
        Wanted order; lowered until there are 3 points per coefficient.
    weights : ndarray, shape (n,), optional
        Inverse errors of the values [1 / unit of the values].
    threshold : float
        Points further than this from the fit are left out [sigma].

    Returns
    -------
    ChipPolynomial
        The fit.

    Raises
    ------
    BadArray
        If no value is finite.
    """
    x, y = places
    value = np.asarray(values, np.float64)
    scale = np.ones_like(value) if weights is None else np.asarray(weights, np.float64)
    used = np.isfinite(value) & np.isfinite(scale) & (scale > 0)
    if not used.any():
        raise BadArray("no finite value to fit a polynomial to", "look at the sources given")
    coefficients: Values = np.zeros(1)
    residual: Values = value
    for _ in range(_ITERATIONS):
        number = int(used.sum())
        while order and _POINTS_PER_COEFFICIENT * len(_exponents(order)) > number:
            order -= 1
        terms = _design(x, y, shape, order)
        weighted = terms[used] * scale[used, None]
        solution = np.linalg.lstsq(weighted, value[used] * scale[used], rcond=None)[0]
        coefficients = np.asarray(solution, np.float64)
        residual = value - terms @ coefficients
        relative = residual * scale
        sigma = 1.4826 * float(np.median(np.abs(relative[used])))
        kept = used & (np.abs(relative) <= max(threshold * sigma, 1e-12))
        if kept.sum() in (0, number):
            break
        used = kept
    rms = float(np.sqrt(np.mean(residual[used] ** 2)))
    return ChipPolynomial(coefficients, order, shape, rms, used)
