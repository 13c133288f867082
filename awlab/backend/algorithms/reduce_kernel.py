"""Kernels of ``reduce``: everything done to a row while it is in the cache.

References
----------
.. [1] Astro-WISE ReducedScienceFrame: image = (raw - overscan - bias) / flat - scale * fringe.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray  # type: ignore[attr-defined]

from awlab.backend.algorithms.compiling import compiled, image_at

__all__ = ["Outputs", "Steps", "inverse_variance_rows", "reduce_rows"]

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HUGE = np.float32(3.0e38)


class Steps(NamedTuple):
    """What is done to a raw frame; an array of shape (0, 0) leaves its step out."""

    raw: npt.NDArray[Any]  # (NAXIS2, NAXIS1) uint16 or float32 [ADU]
    origin: tuple[int, int]  # first row and column of the image area [pixel]
    rows: npt.NDArray[np.float32]  # (ny,) overscan per row [ADU]
    columns: npt.NDArray[np.float32]  # (nx,) or (0,) overscan per column [ADU]
    bias: npt.NDArray[np.float32]  # [ADU]
    dark: npt.NDArray[np.float32]  # [ADU/second]
    exposure_time: np.float32  # [second]
    flat: npt.NDArray[np.float32]
    least_flat: np.float32  # pixels with less response have no data
    fringe: npt.NDArray[np.float32]  # [ADU]
    fringe_scale: np.float32
    maps: npt.NDArray[np.uintp]  # (m,) addresses of uint8 maps (ny, nx)
    map_like: npt.NDArray[np.uint8]  # any map, for type and shape
    bits: npt.NDArray[np.uint16]  # (m,) flag of each map
    no_data: np.uint16  # flag of pixels without data
    edge: int  # width of the edge that is flagged [pixel]
    edge_bit: np.uint16


class Outputs(NamedTuple):
    """Where the results go, each (ny, nx)."""

    image: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint16]


@compiled
def _subtract(steps: Steps, y: int, out: npt.NDArray[Any]) -> None:
    """Raw minus overscan, bias and dark, one row."""
    nx = out.shape[0]
    line = steps.raw[steps.origin[0] + y, steps.origin[1] : steps.origin[1] + nx]
    offset = steps.rows[y]
    for x in range(nx):
        out[x] = np.float32(line[x]) - offset
    if steps.columns.shape[0] > 0:
        for x in range(nx):
            out[x] -= steps.columns[x]
    if steps.bias.shape[0] > 0:
        taken = steps.bias[y]
        for x in range(nx):
            out[x] -= taken[x]
    if steps.dark.shape[0] > 0:
        taken = steps.dark[y]
        for x in range(nx):
            out[x] -= steps.exposure_time * taken[x]


@compiled
def _divide(steps: Steps, y: int, out: npt.NDArray[Any], weight: npt.NDArray[Any]) -> None:
    """Divide by the flat; the weight goes with it; pixels without data are 0 in both."""
    nx = out.shape[0]
    # Conditions are joined by &, which has no branch: a branch keeps the loop from being
    # vectorised.
    if steps.flat.shape[0] > 0:
        flat = steps.flat[y]
        for x in range(nx):
            value = out[x] / flat[x]
            good = (flat[x] > steps.least_flat) & (abs(value) < _HUGE)
            weight[x] = flat[x] if good else _ZERO
            out[x] = value if good else _ZERO
    else:
        for x in range(nx):
            good = abs(out[x]) < _HUGE
            weight[x] = _ONE if good else _ZERO
            out[x] = out[x] if good else _ZERO


@compiled
def _flag(steps: Steps, y: int, flags: npt.NDArray[Any]) -> None:
    """Add the bits of all pixel maps, and of the edge, to one row."""
    nx = flags.shape[0]
    ny = steps.rows.shape[0]
    for i in range(steps.maps.shape[0]):
        row = carray(image_at(steps.maps[i], steps.map_like), steps.map_like.shape)[y]
        bit = steps.bits[i]
        for x in range(nx):
            flags[x] |= bit if row[x] == 0 else np.uint16(0)
    if steps.edge > 0:
        if y < steps.edge or y >= ny - steps.edge:
            for x in range(nx):
                flags[x] |= steps.edge_bit
        else:
            for k in range(min(steps.edge, nx)):
                flags[k] |= steps.edge_bit
                flags[nx - 1 - k] |= steps.edge_bit


@compiled
def reduce_rows(steps: Steps, outputs: Outputs, first: int, last: int) -> int:
    """Reduce some rows.

    Parameters
    ----------
    steps : Steps
        What is done.
    outputs : Outputs
        Where the results go.
    first, last : int
        First row and the row after the last [pixel].

    Returns
    -------
    int
        Number of pixels with weight 0.
    """
    nx = outputs.image.shape[1]
    bad = 0
    for y in range(first, last):
        out, weight, flags = outputs.image[y], outputs.weight[y], outputs.flags[y]
        _subtract(steps, y, out)
        _divide(steps, y, out, weight)
        if steps.fringe.shape[0] > 0:
            fringe = steps.fringe[y]
            for x in range(nx):
                out[x] -= steps.fringe_scale * fringe[x] if weight[x] > _ZERO else _ZERO
        for x in range(nx):
            flags[x] = steps.no_data if weight[x] == _ZERO else np.uint16(0)
        _flag(steps, y, flags)
        lost = np.uint32(0)
        for x in range(nx):
            weight[x] = _ZERO if flags[x] else weight[x]
        for x in range(nx):
            lost += np.uint32(flags[x] != 0)
        bad += int(lost)
    return bad


@compiled
def inverse_variance_rows(
    arrays: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    noise: tuple[np.float32, np.float32],
    out: npt.NDArray[Any],
    first: int,
    last: int,
) -> None:
    """Inverse variance of sky and read noise, for some rows.

    Parameters
    ----------
    arrays : tuple of ndarray of float32, each of shape (ny, nx)
        Weight and flat [relative response].
    noise : tuple of float
        Square of the read noise, sky / gain [ADU^2].
    out : ndarray of float32, shape (ny, nx)
        Where the inverse variance goes [1/ADU^2].
    first, last : int
        First row and the row after the last [pixel].
    """
    weight, flat = arrays
    read_variance, sky_per_gain = noise
    for y in range(first, last):
        for x in range(out.shape[1]):
            response = flat[y, x]
            variance = read_variance + sky_per_gain * response
            value = response * response / variance
            out[y, x] = value if weight[y, x] > _ZERO else _ZERO
