"""Sort n values per pixel, many pixels at a time, with a sorting network.

A sorting network is a list of compare-exchange pairs that depends on n alone: no branches, so a
vector register sorts eight pixels at once. Up to ``UNROLLED`` values the whole network runs in
registers; beyond that each pair is applied to a tile of pixels that stays in the cache.

References
----------
.. [1] Batcher 1968, "Sorting networks and their applications", AFIPS 32, 307.
.. [2] Knuth 1998, The Art of Computer Programming 3, 5.2.2, algorithm M.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from awlab.backend.algorithms.compiling import compiled

__all__ = ["LANES", "UNROLLED", "network", "network_steps", "sort_tile"]

LANES = 8
UNROLLED = 16


def network(n: int) -> list[tuple[int, int]]:
    """Compare-exchange pairs that sort n values (Batcher's merge exchange).

    Parameters
    ----------
    n : int
        Number of values.

    Returns
    -------
    list of tuple of int
        Positions (lower, higher), in order of application.
    """
    pairs = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, j + min(k, n - j - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        pairs.append((i, i + k))
            k //= 2
        p *= 2
    return pairs


def network_steps(n: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The network as steps between rows of a tile with two spare rows.

    A step reads two rows and writes two others: written in place, the compiler could not prove
    that the rows are distinct and would not use vector registers.

    Parameters
    ----------
    n : int
        Number of values; the tile has n + 2 rows.

    Returns
    -------
    steps : ndarray of int32, shape (m, 4)
        Rows (first, second, where the lower goes, where the higher goes).
    ranks : ndarray of int32, shape (n,)
        Row in which the value of each rank ends.
    """
    place = list(range(n))
    spare = [n, n + 1]
    steps = []
    for i, j in network(n) if n > UNROLLED else []:
        first, second = place[i], place[j]
        steps.append((first, second, spare[0], spare[1]))
        place[i], place[j] = spare
        spare = [first, second]
    return np.array(steps, np.int32).reshape(-1, 4), np.array(place, np.int32)


def _emit_network(builder: Any, base: Any, row_bytes: Any, n: int) -> None:
    """Emit loads, the compare-exchange pairs in registers, and stores, for LANES pixels."""
    vector = ir.VectorType(ir.FloatType(), LANES)
    pointers = []
    for i in range(n):
        offset = builder.mul(row_bytes, ir.Constant(row_bytes.type, i))
        pointers.append(builder.inttoptr(builder.add(base, offset), vector.as_pointer()))
    values = [builder.load(pointer, align=4, typ=vector) for pointer in pointers]
    for i, j in network(n):
        below = builder.fcmp_ordered("<", values[i], values[j])
        low = builder.select(below, values[i], values[j])
        values[j] = builder.select(below, values[j], values[i])
        values[i] = low
    for pointer, value in zip(pointers, values, strict=True):
        builder.store(value, pointer, align=4)


def _sort_lanes(typingctx: Any, base: Any, row_bytes: Any, n: Any) -> Any:
    """Sort n values of LANES neighbouring pixels in registers, n <= UNROLLED (intrinsic)."""
    signature = types.void(types.uintp, types.uintp, types.intp)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address, stride, count = args
        done = builder.append_basic_block("sorted")
        choice = builder.switch(count, done)
        for size in range(2, UNROLLED + 1):
            block = builder.append_basic_block(f"sort{size}")
            choice.add_case(ir.Constant(count.type, size), block)
            builder.position_at_end(block)
            _emit_network(builder, address, stride, size)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


_sort_lanes_in_registers: Any = intrinsic(_sort_lanes)


@compiled
def sort_tile(tile: npt.NDArray[Any], n: int, steps: npt.NDArray[Any]) -> None:
    """Sort the first n rows of a C-contiguous tile, pixel by pixel, ascending.

    Parameters
    ----------
    tile : ndarray of float32, shape (n + 2, width)
        Values [any unit]; the width is a multiple of LANES, the last two rows are scratch.
    n : int
        Number of values.
    steps : ndarray of int32, shape (m, 4)
        From ``network_steps`` [row]; afterwards rank r is in row ``ranks[r]``.
    """
    width = tile.shape[1]
    if n <= UNROLLED:
        for k in range(0, width, LANES):
            _sort_lanes_in_registers(tile.ctypes.data + 4 * k, 4 * width, n)
        return
    for p in range(steps.shape[0]):
        first, second = tile[steps[p, 0]], tile[steps[p, 1]]
        low, high = tile[steps[p, 2]], tile[steps[p, 3]]
        for k in range(width):
            a = first[k]
            b = second[k]
            low[k] = a if a < b else b
            high[k] = b if a < b else a
