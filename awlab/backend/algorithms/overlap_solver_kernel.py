"""Kernel of ``overlap_solver``: normal equations with the stars eliminated as they come.

References
----------
.. [1] Triggs et al. 2000, "Bundle Adjustment - A Modern Synthesis", sect. 6.1 (Schur complement).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["reduced_normals", "star_values"]


@compiled
def reduced_normals(rows: Any, start: npt.NDArray[Any], anchors: Any, number: int) -> Any:
    """Normal equations of the parameters after elimination of the stars.

    Parameters
    ----------
    rows : tuple of ndarray
        Columns (n, k) and design (n, k) of the parameters of every measurement, values (n, m) and
        weights (n,); sorted by star.
    start : ndarray of int64, shape (stars + 1,)
        First measurement of each star [number].
    anchors : tuple of ndarray
        Weights (stars,) and values (stars, m) of what is known of the stars beforehand.
    number : int
        Number of parameters.

    Returns
    -------
    normal : ndarray of float64, shape (number, number)
        Normal matrix.
    right : ndarray of float64, shape (number, m)
        Right-hand sides.
    """
    sides = rows[2].shape[1]
    normal, right = np.zeros((number, number)), np.zeros((number, sides))
    gathered, seen = np.zeros(number), np.zeros(number, np.bool_)
    touched, mean = np.empty(number, np.int64), np.empty(sides)
    for s in range(start.size - 1):
        total, count = anchors[0][s], 0
        mean[:] = total * anchors[1][s]
        for r in range(start[s], start[s + 1]):
            if rows[3][r] != 0.0:
                total += rows[3][r]
                mean += rows[3][r] * rows[2][r]
                count = _note(rows, r, gathered, seen, touched, count)
                _add_measurement(rows, r, normal, right)
        for i in range(count):
            column = touched[i]
            share = gathered[column] / total
            for j in range(count):
                normal[column, touched[j]] -= share * gathered[touched[j]]
            right[column] -= share * mean
        for i in range(count):
            gathered[touched[i]] = 0.0
            seen[touched[i]] = False
    return normal, right


@compiled
def _note(rows: Any, r: int, gathered: Any, seen: Any, touched: Any, count: int) -> int:
    """Add a measurement to the sum over its star; returns how many parameters that touches."""
    columns, design, _, weight = rows
    for k in range(columns.shape[1]):
        column = columns[r, k]
        if not seen[column]:
            seen[column] = True
            touched[count] = column
            count += 1
        gathered[column] += weight[r] * design[r, k]
    return count


@compiled
def _add_measurement(rows: Any, r: int, normal: Any, right: Any) -> None:
    """Add a measurement to the normal equations of the parameters."""
    columns, design, values, weight = rows
    for k in range(columns.shape[1]):
        column, a = columns[r, k], weight[r] * design[r, k]
        for j in range(columns.shape[1]):
            normal[column, columns[r, j]] += a * design[r, j]
        for q in range(values.shape[1]):
            right[column, q] += a * values[r, q]


@compiled
def star_values(
    rows: Any, start: npt.NDArray[Any], anchors: Any, parameters: npt.NDArray[Any]
) -> Any:
    """Weighted mean of every star, given the parameters.

    Parameters
    ----------
    rows : tuple of ndarray
        Columns (n, k), design (n, k), values (n, m) and weights (n,); sorted by star.
    start : ndarray of int64, shape (stars + 1,)
        First measurement of each star [number].
    anchors : tuple of ndarray
        Weights (stars,) and values (stars, m) of what is known of the stars beforehand.
    parameters : ndarray of float64, shape (number, m)
        The solution [unit of the values].

    Returns
    -------
    stars : ndarray of float64, shape (stars, m)
        Values of the stars; NaN for those without weight.
    fitted : ndarray of float64, shape (n, m)
        Part of the parameters in every value.
    """
    columns, design, values, weight = rows
    sides = values.shape[1]
    stars = np.empty((start.size - 1, sides))
    fitted = np.zeros(values.shape)
    for s in range(start.size - 1):
        total = anchors[0][s]
        for q in range(sides):
            stars[s, q] = total * anchors[1][s, q]
        for r in range(start[s], start[s + 1]):
            total += weight[r]
            for q in range(sides):
                for k in range(columns.shape[1]):
                    fitted[r, q] += design[r, k] * parameters[columns[r, k], q]
                stars[s, q] += weight[r] * (values[r, q] - fitted[r, q])
        for q in range(sides):
            stars[s, q] = stars[s, q] / total if total > 0.0 else np.nan
    return stars, fitted
