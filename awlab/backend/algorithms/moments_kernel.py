"""Kernel of ``moments``: second moments under a Gaussian that is fitted to the source itself.

References
----------
.. [1] Bernstein & Jarvis 2002, AJ 123, 583, section 3 (adaptive Gaussian moments).
.. [2] Hirata & Seljak 2003, MNRAS 343, 459, section 2.1 (iteration).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage
from awlab.backend.algorithms.compiling import compiled

__all__ = ["measure_moments"]

_ITERATIONS = 40


@compiled
def _weighted_sums(
    image: FloatImage, mask: npt.NDArray[Any], shape: npt.NDArray[np.float64]
) -> Any:
    """Sums of light, first and second moments under the weight (x, y, xx, xy, yy)."""
    x0, y0, xx, xy, yy = shape[0], shape[1], shape[2], shape[3], shape[4]
    ny, nx = image.shape
    det = xx * yy - xy * xy
    ixx, ixy, iyy = yy / det, -xy / det, xx / det
    reach_x, reach_y = 4.0 * np.sqrt(xx), 4.0 * np.sqrt(yy)
    light = sx = sy = sxx = sxy = syy = weights = 0.0
    for y in range(max(0, int(y0 - reach_y)), min(ny, int(y0 + reach_y) + 2)):
        dy = y - y0
        for x in range(max(0, int(x0 - reach_x)), min(nx, int(x0 + reach_x) + 2)):
            if mask.shape[0] > 0 and mask[y, x]:
                continue
            dx = x - x0
            rho2 = ixx * dx * dx + 2 * ixy * dx * dy + iyy * dy * dy
            if rho2 < 16.0:
                weight = np.exp(-0.5 * rho2)
                value = weight * image[y, x]
                weights += weight
                light += value
                sx += value * dx
                sy += value * dy
                sxx += value * dx * dx
                sxy += value * dx * dy
                syy += value * dy * dy
    return light, sx, sy, sxx, sxy, syy, weights


@compiled
def _next_shape(shape: npt.NDArray[np.float64], sums: Any) -> bool:
    """Move the weight to match the moments it saw, in place; False if it cannot."""
    light = sums[0]
    mx, my = sums[1] / light, sums[2] / light
    cxx, cxy, cyy = (
        sums[3] / light - mx * mx,
        sums[4] / light - mx * my,
        sums[5] / light - my * my,
    )
    det = cxx * cyy - cxy * cxy
    weight = shape[2] * shape[4] - shape[3] * shape[3]
    if not (cxx > 0 and cyy > 0 and det > 0):
        return False
    # Light times weight has the covariance C: that of the light alone is (1/C - 1/W)^-1.
    ixx, ixy, iyy = (
        cyy / det - shape[4] / weight,
        -cxy / det + shape[3] / weight,
        cxx / det - shape[2] / weight,
    )
    inverse = ixx * iyy - ixy * ixy
    if not (ixx > 0 and iyy > 0 and inverse > 0):
        # Flatter than the weight can show: look through a larger one.
        shape[2], shape[3], shape[4] = 2 * shape[2], 2 * shape[3], 2 * shape[4]
    else:
        shape[2], shape[3], shape[4] = iyy / inverse, -ixy / inverse, ixx / inverse
    shape[0] += 2 * mx
    shape[1] += 2 * my
    return True


@compiled
def measure_moments(
    image: FloatImage,
    mask: npt.NDArray[Any],
    starts: npt.NDArray[np.float64],
    limits: tuple[float, float],
    out: npt.NDArray[np.float64],
) -> None:
    """Adaptive moments of some sources.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background [ADU].
    mask : ndarray of bool, shape (ny, nx) or (0, 0)
        Pixels that do not count [true or false].
    starts : ndarray of float64, shape (n, 3)
        Positions x and y, 0-based, and sigma to start with [pixel].
    limits : tuple of float
        Largest shift of the position and largest sigma [pixel].
    out : ndarray of float64, shape (n, 7)
        x, y [pixel], xx, xy, yy [pixel^2], peak of the Gaussian [ADU], and 1 if it converged.
    """
    shift, size = limits
    shape = np.zeros(5, np.float64)
    for i in range(starts.shape[0]):
        shape[0], shape[1] = starts[i, 0], starts[i, 1]
        shape[2] = shape[4] = max(starts[i, 2], 0.5) ** 2
        shape[3] = 0.0
        out[i] = np.nan
        out[i, 6] = 0.0
        for _ in range(_ITERATIONS):
            sums = _weighted_sums(image, mask, shape)
            before = shape.copy()
            if not sums[0] > 0 or not _next_shape(shape, sums):
                break
            moved = np.hypot(shape[0] - starts[i, 0], shape[1] - starts[i, 1])
            if not (moved <= shift and max(shape[2], shape[4]) < size * size):
                break
            if min(shape[2], shape[4]) < 0.01:
                break
            scale = before[2] + before[4]
            if (
                np.abs(shape[2:] - before[2:]).max() < 1e-4 * scale
                and np.abs(shape[:2] - before[:2]).max() < 1e-3
            ):
                out[i, :5] = shape
                # A Gaussian of peak 1 under its own weight sums to half the weights.
                out[i, 5] = 2 * sums[0] / sums[6]
                out[i, 6] = 1.0
                break
