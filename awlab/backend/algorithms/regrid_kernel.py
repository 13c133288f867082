"""Kernels of ``regrid``: fill bad pixels, find positions on the mesh, interpolate.

The 6 x 6 pixels under a Lanczos-3 kernel are six loads of a vector register each (two lanes have
the coefficient 0), so a grid pixel costs six multiplications, not thirty-six.

References
----------
.. [1] Duchon 1979, J. Appl. Meteorology 18, 1016 (Lanczos filtering).
.. [2] Bertin et al. 2002, ASP Conf. 281, 228 (Lanczos-3 in SWarp).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from awlab.backend.algorithms.compiling import compiled

__all__ = ["LANES", "Mesh", "Prepared", "Products", "fill_rows", "prepare_rows", "regrid_rows"]

LANES = 8
TAPS = 6
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HUGE = np.float32(3.0e38)
# A pixel with less of the kernel than this has no say in whether the result is good.
_NOTHING = 1e-4


class Prepared(NamedTuple):
    """A frame ready for interpolation."""

    image: npt.NDArray[np.float32]  # (ny, nx + LANES) background off, bad pixels filled [ADU]
    weight: npt.NDArray[np.float32]  # (ny, nx), 0 for bad pixels


class Mesh(NamedTuple):
    """Positions of grid pixels, and the coefficients between the nodes."""

    x: npt.NDArray[np.float64]  # (rows, columns) [pixel]
    y: npt.NDArray[np.float64]
    area: npt.NDArray[np.float64]  # (rows, columns) factor of the values
    cubic: npt.NDArray[np.float64]  # (4, samples between two nodes)
    lanczos: npt.NDArray[np.float32]  # (phases + 1, LANES), each row adds up to 1
    oversampling: int


class Products(NamedTuple):
    """Where the results go, each (ny, nx)."""

    image: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


@compiled
def prepare_rows(
    arrays: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]],
    level: np.float32,
    prepared: Prepared,
    first: int,
    last: int,
) -> int:
    """Copy some rows, without background; bad pixels are 0 in image and weight.

    Parameters
    ----------
    arrays : tuple of ndarray of float32, each of shape (ny, nx) or (0, 0)
        Image [ADU], weight [relative], background [ADU]; without weight all are equal.
    level : float
        Constant to take off [ADU].
    prepared : Prepared
        Where the copies go.
    first, last : int
        First row and the row after the last [pixel].

    Returns
    -------
    int
        Number of bad pixels.
    """
    image, weight, background = arrays
    nx = image.shape[1]
    bad = 0
    for y in range(first, last):
        out, good = prepared.image[y, :nx], prepared.weight[y]
        line = image[y]
        if background.shape[0] > 0:
            taken = background[y]
            for x in range(nx):
                out[x] = line[x] - taken[x] - level
        else:
            for x in range(nx):
                out[x] = line[x] - level
        if weight.shape[0] > 0:
            good[:] = weight[y]
        else:
            good[:] = _ONE
        lost = np.uint32(0)
        for x in range(nx):
            keep = (abs(out[x]) < _HUGE) & (good[x] > _ZERO) & (good[x] < _HUGE)
            out[x] = out[x] if keep else _ZERO
            good[x] = good[x] if keep else _ZERO
            lost += np.uint32(0) if keep else np.uint32(1)
        bad += int(lost)
    return bad


@compiled
def _nearest(
    prepared: Prepared, place: tuple[int, int], step: tuple[int, int], reach: int
) -> tuple[float, float]:
    """Value of the first good pixel in a direction, and 1 / distance^2; zeros if there is none."""
    ny, nx = prepared.weight.shape
    y, x = place
    for distance in range(1, reach + 1):
        y += step[0]
        x += step[1]
        if y < 0 or y >= ny or x < 0 or x >= nx:
            break
        if prepared.weight[y, x] > _ZERO:
            return np.float64(prepared.image[y, x]), 1.0 / (distance * distance)
    return 0.0, 0.0


@compiled
def fill_rows(prepared: Prepared, sky: float, reach: int, first: int, last: int) -> None:
    """Give bad pixels the mean of the good ones left, right, below and above, in place.

    Only good pixels are read, so the order of the rows does not matter.

    Parameters
    ----------
    prepared : Prepared
        The frame.
    sky : float
        Value where no good pixel is near [ADU].
    reach : int
        How far to look [pixel].
    first, last : int
        First row and the row after the last [pixel].
    """
    for y in range(first, last):
        for x in range(prepared.weight.shape[1]):
            if prepared.weight[y, x] > _ZERO:
                continue
            total = 0.0
            share = 0.0
            for step in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                value, weight = _nearest(prepared, (y, x), step, reach)
                total += weight * value
                share += weight
            prepared.image[y, x] = np.float32(total / share if share > 0.0 else sky)


def _weighted_patch(typingctx: Any, image: Any, pitch: Any, across: Any, down: Any) -> Any:
    """Sum of 6 rows of LANES pixels times coefficients, given by addresses (Numba intrinsic)."""
    signature = types.float32(types.uintp, types.uintp, types.uintp, types.uintp)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector, index = ir.VectorType(ir.FloatType(), LANES), ir.IntType(32)
        address, stride, along_x, along_y = args

        def load(place: Any) -> Any:
            pointer = builder.inttoptr(place, vector.as_pointer())
            return builder.load(pointer, align=4, typ=vector)

        factors, undefined = load(along_y), ir.Constant(vector, ir.Undefined)
        total = None
        for row in range(TAPS):
            lane = ir.Constant(ir.VectorType(index, LANES), [row] * LANES)
            part = builder.fmul(load(address), builder.shuffle_vector(factors, undefined, lane))
            total = part if total is None else builder.fadd(total, part)
            address = builder.add(address, stride)
        total = builder.fmul(total, load(along_x))
        half = LANES // 2
        while half:  # lanes are added as a tree: the same order on every machine
            moved = [(i + half) % LANES for i in range(LANES)]
            other = builder.shuffle_vector(
                total, undefined, ir.Constant(ir.VectorType(index, LANES), moved)
            )
            total = builder.fadd(total, other)
            half //= 2
        return builder.extract_element(total, ir.Constant(index, 0))

    return signature, generate


_patch_sum: Any = intrinsic(_weighted_patch)


@compiled
def _positions(
    nodes: npt.NDArray[Any],
    cubic: npt.NDArray[Any],
    place: tuple[int, int],
    line: npt.NDArray[Any],
    out: npt.NDArray[Any],
) -> None:
    """Interpolate one row of the mesh: first between its rows, then between its columns."""
    row, phase = place
    for i in range(line.shape[0]):
        line[i] = (
            cubic[0, phase] * nodes[row, i]
            + cubic[1, phase] * nodes[row + 1, i]
            + cubic[2, phase] * nodes[row + 2, i]
            + cubic[3, phase] * nodes[row + 3, i]
        )
    width = cubic.shape[1]
    c0, c1, c2, c3 = cubic[0], cubic[1], cubic[2], cubic[3]
    for cell in range((out.shape[0] + width - 1) // width):
        part = out[cell * width : (cell + 1) * width]
        a, b, c, d = line[cell], line[cell + 1], line[cell + 2], line[cell + 3]
        for k in range(part.shape[0]):
            part[k] = a * c0[k] + b * c1[k] + c * c2[k] + d * c3[k]


@compiled
def _near_weight(weight: npt.NDArray[Any], place: tuple[int, int], fx: float, fy: float) -> Any:
    """Weight between four pixels; 0 as soon as one that counts is bad."""
    y, x = place
    a, b = weight[y, x], weight[y, x + 1]
    c, d = weight[y + 1, x], weight[y + 1, x + 1]
    if min(a, b, c, d) == _ZERO:
        left, right = fx < 1.0 - _NOTHING, fx > _NOTHING
        below, above = fy < 1.0 - _NOTHING, fy > _NOTHING
        lost = (
            (below & left & (a == _ZERO))
            | (below & right & (b == _ZERO))
            | (above & left & (c == _ZERO))
            | (above & right & (d == _ZERO))
        )
        if lost:
            return _ZERO
    across, up = np.float32(fx), np.float32(fy)
    low, high = a + across * (b - a), c + across * (d - c)
    return low + up * (high - low)


@compiled
def _sample_row(
    prepared: Prepared,
    mesh: Mesh,
    positions: npt.NDArray[Any],
    image: npt.NDArray[Any],
    weight: npt.NDArray[Any],
) -> None:
    """Interpolate at the positions of one row of samples: image and weight, 0 outside."""
    ny, nx = prepared.weight.shape
    phases = mesh.lanczos.shape[0] - 1
    base, table = np.uintp(prepared.image.ctypes.data), np.uintp(mesh.lanczos.ctypes.data)
    pitch, entry = np.uintp(4 * prepared.image.shape[1]), np.uintp(4 * LANES)
    px, py, area = positions[0], positions[1], positions[2]
    for k in range(image.shape[0]):
        # Only where the whole kernel lies on the frame; false for positions that are not finite.
        if not (2.0 <= px[k] < nx - 3.0 and 2.0 <= py[k] < ny - 3.0):
            image[k] = _ZERO
            weight[k] = _ZERO
            continue
        x, y = int(px[k]), int(py[k])
        fx, fy = px[k] - x, py[k] - y
        corner = base + np.uintp(y - 2) * pitch + np.uintp(4 * (x - 2))
        across = table + np.uintp(int(fx * phases + 0.5)) * entry
        down = table + np.uintp(int(fy * phases + 0.5)) * entry
        factor = np.float32(area[k])
        image[k] = factor * _patch_sum(corner, pitch, across, down)
        weight[k] = _near_weight(prepared.weight, (y, x), fx, fy) / (factor * factor)


@compiled
def regrid_rows(prepared: Prepared, mesh: Mesh, products: Products, first: int, last: int) -> int:
    """Interpolate some rows of the window.

    Parameters
    ----------
    prepared : Prepared
        The frame.
    mesh : Mesh
        Where the grid pixels lie in it.
    products : Products
        Where the results go.
    first, last : int
        First row and the row after the last [pixel].

    Returns
    -------
    int
        Number of pixels with weight.
    """
    nx = products.image.shape[1]
    s = mesh.oversampling
    between = mesh.cubic.shape[1]
    positions = np.zeros((3, nx * s), np.float64)
    line = np.zeros(mesh.x.shape[1], np.float64)
    values, shares = np.zeros(nx * s, np.float32), np.zeros(nx * s, np.float32)
    good = 0
    for y in range(first, last):
        image, weight = products.image[y], products.weight[y]
        for sub in range(s):
            place = ((y * s + sub) // between, (y * s + sub) % between)
            _positions(mesh.x, mesh.cubic, place, line, positions[0])
            _positions(mesh.y, mesh.cubic, place, line, positions[1])
            _positions(mesh.area, mesh.cubic, place, line, positions[2])
            _sample_row(prepared, mesh, positions, values, shares)
            _gather(values, shares, (sub, s), image, weight)
        for x in range(nx):
            good += 1 if weight[x] > _ZERO else 0
    return good


@compiled
def _gather(
    values: npt.NDArray[Any],
    shares: npt.NDArray[Any],
    turn: tuple[int, int],
    image: npt.NDArray[Any],
    weight: npt.NDArray[Any],
) -> None:
    """Add samples up to grid pixels: mean value, sum of weights, 0 as soon as one is 0."""
    sub, s = turn
    if s == 1:
        image[:] = values
        weight[:] = shares
        return
    part = np.float32(1.0 / (s * s))
    for x in range(image.shape[0]):
        total, share = _ZERO, _ZERO
        lost = sub > 0 and weight[x] == _ZERO
        for k in range(x * s, (x + 1) * s):
            total += part * values[k]
            share += shares[k]
            lost = lost | (shares[k] == _ZERO)
        image[x] = total if sub == 0 else image[x] + total
        share = share if sub == 0 else weight[x] + share
        weight[x] = _ZERO if lost else share
