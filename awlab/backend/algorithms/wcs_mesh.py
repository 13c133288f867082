"""Where each grid pixel lies in a frame: exact every 32 pixels, cubic between.

An exact transformation of ten million positions would take longer than the interpolation of the
image. Between nodes 32 pixels apart a cubic through four of them is exact to 1e-6 pixel for any
distortion of a camera.

The mesh also holds the number of frame pixels per grid pixel, the determinant of the same
transformation. This is the only place where the area of pixels enters.

References
----------
.. [1] Abramowitz & Stegun 1972, 25.2.13 (Lagrange's cubic) and 25.3.6 (central differences).
.. [2] Bertin et al. 2002, ASP Conf. 281, 228 (SWarp approximates its projections alike).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray
from awlab.backend.algorithms.frame_wcs import sky_to_pixels
from awlab.backend.algorithms.grid import GridWindow, TanGrid

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["STEP", "WcsMesh", "cubic_coefficients", "make_mesh"]

STEP = 32  # distance of the nodes [grid pixel]
# One node more on either side for the cubic, two more for the central differences.
_MARGIN = 3


@dataclass(frozen=True, eq=False, slots=True)
class WcsMesh:
    """Positions in a frame of grid pixels, on a mesh of nodes.

    Node (j, i) stands at x = offset + STEP (i - 1), y = offset + STEP (j - 1) of the window.

    Attributes
    ----------
    x, y : ndarray of float64, shape (rows, columns)
        Positions in the frame, counted from 0 [pixel].
    area : ndarray of float64, shape (rows, columns)
        Frame pixels per grid pixel [pixel].
    oversampling : int
        Samples per grid pixel and axis that the mesh is made for.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    area: npt.NDArray[np.float64]
    oversampling: int

    @property
    def offset(self) -> float:
        """Position of the first sample of the window [grid pixel]."""
        return 0.5 / self.oversampling - 0.5


def make_mesh(
    grid: TanGrid,
    window: GridWindow,
    wcs: WCS,
    shape: tuple[int, int],
    *,
    oversampling: int = 1,
) -> WcsMesh:
    """Transform the nodes of a window exactly.

    Parameters
    ----------
    grid : TanGrid
        The grid.
    window : GridWindow
        What is transformed.
    wcs : astropy.wcs.WCS
        World coordinate system of the frame.
    shape : tuple of int
        Shape (ny, nx) of the frame [pixel].
    oversampling : int
        Samples per grid pixel and axis.

    Returns
    -------
    WcsMesh
        Positions and areas.

    Raises
    ------
    BadArray
        If the distortion of the frame has no inverse where the frame is.
    """
    offset = 0.5 / oversampling - 0.5
    rows, columns = (
        offset + STEP * (np.arange(math.ceil(size / STEP) + 1 + 2 * _MARGIN) - _MARGIN)
        for size in window.shape
    )
    across, down = np.meshgrid(columns, rows)
    sky = grid.wcs(window).wcs_pix2world(across.ravel(), down.ravel(), 0)
    x, y = (values.reshape(across.shape) for values in sky_to_pixels(wcs, *sky))
    _replace_lost(x, y, wcs, sky, shape)
    area = np.abs(_slope(x, 1) * _slope(y, 0) - _slope(x, 0) * _slope(y, 1))
    return WcsMesh(_trimmed(x), _trimmed(y), _trimmed(area), oversampling)


def _replace_lost(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    wcs: WCS,
    sky: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    shape: tuple[int, int],
) -> None:
    """Let nodes off the frame that have no position follow the linear part of the WCS."""
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if not lost.any():
        return
    linear = wcs.wcs_world2pix(sky[0][lost.ravel()], sky[1][lost.ravel()], 0)
    x[lost], y[lost] = linear
    ny, nx = shape
    near = (abs(linear[0] - nx / 2) < nx / 2 + STEP) & (abs(linear[1] - ny / 2) < ny / 2 + STEP)
    if near.any() or not np.isfinite(linear).all():
        raise BadArray(
            f"the WCS has no inverse at {int(lost.sum())} of {lost.size} positions",
            "its distortion polynomial folds over inside the frame: solve with a lower order",
        )


def _slope(values: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Derivative at the nodes, to fourth order; the two outer nodes are not used."""
    one = np.roll(values, -1, axis) - np.roll(values, 1, axis)
    two = np.roll(values, -2, axis) - np.roll(values, 2, axis)
    slope: npt.NDArray[np.float64] = (8.0 * one - two) / (12.0 * STEP)
    return slope


def _trimmed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(values[_MARGIN - 1 : 1 - _MARGIN, _MARGIN - 1 : 1 - _MARGIN])


def cubic_coefficients(samples: int) -> npt.NDArray[np.float64]:
    """Coefficients of the cubic through nodes at -1, 0, 1 and 2, for t from 0 to below 1.

    Parameters
    ----------
    samples : int
        Number of equidistant t.

    Returns
    -------
    ndarray of float64, shape (4, samples)
        Factor of each node [dimensionless].
    """
    t = np.arange(samples) / samples
    return np.array(
        [
            -t * (t - 1.0) * (t - 2.0) / 6.0,
            (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
            -(t + 1.0) * t * (t - 2.0) / 2.0,
            (t + 1.0) * t * (t - 1.0) / 6.0,
        ]
    )
