"""Kernels of ``association``: pairs on the sphere by declination zones, and groups of pairs.

References
----------
.. [1] Gray, Nieto-Santisteban & Szalay 2006, "The zones algorithm for finding points-near-a-point",
   Microsoft Research MSR-TR-2006-52.
.. [2] Tarjan 1975, J. ACM 22, 215 (union-find).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["count_pairs", "fill_pairs", "group_roots", "nearest_neighbours", "sort_into_zones"]


@compiled
def sort_into_zones(
    order: npt.NDArray[Any], dec: npt.NDArray[Any], lowest: float, height: float, number: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Sort positions by zone, keeping the order within: counting sort.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        Indices, by right ascension [number].
    dec : ndarray of float64, shape (n,)
        Declinations [degree].
    lowest, height : float
        Lower edge of the first zone, and height of a zone [degree].
    number : int
        Number of zones.

    Returns
    -------
    sorted : ndarray of int64, shape (n,)
        Indices by zone, then right ascension.
    start : ndarray of int64, shape (number + 1,)
        First place of each zone.
    """
    start = np.zeros(number + 1, np.int64)
    for i in order:
        start[_zone(dec[i], lowest, height, number) + 1] += 1
    for zone in range(number):
        start[zone + 1] += start[zone]
    place = start[:-1].copy()
    by_zone = np.empty(order.size, np.int64)
    for i in order:
        zone = _zone(dec[i], lowest, height, number)
        by_zone[place[zone]] = i
        place[zone] += 1
    return by_zone, start


@compiled
def _zone(dec: float, lowest: float, height: float, number: int) -> int:
    return min(max(int((dec - lowest) / height), 0), number - 1)


@compiled
def _half_width(dec: float, radius: float) -> float:
    """Largest difference in right ascension within a radius [degree]."""
    if abs(dec) + radius >= 89.999999:
        return 180.0
    d, r = math.radians(dec), math.radians(radius)
    wide = math.sin(r) / math.sqrt(math.cos(d - r) * math.cos(d + r))
    # A hair wider than needed: the separation itself decides.
    return math.degrees(math.atan(wide)) * (1.0 + 1e-9) + 1e-11


@compiled
def _first_not_below(values: npt.NDArray[Any], low: int, high: int, wanted: float) -> int:
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _ranges(first: Any, i: int, second: Any, zones: Any, out: npt.NDArray[Any]) -> int:
    """Fill ``out`` with the ranges of places in the second list that may be near source i."""
    ra, dec = first[0][i], first[1][i]
    start, base, height, radius = zones
    number = start.size - 1
    wide = _half_width(dec, radius)
    lowest = _zone(dec - radius - 1e-11, base, height, number)
    highest = _zone(dec + radius + 1e-11, base, height, number)
    count = 0
    for zone in range(lowest, highest + 1):
        low, high = start[zone], start[zone + 1]
        if low == high:
            continue
        if wide >= 180.0:
            out[count] = low, high
            count += 1
            continue
        for turn in (-360.0, 0.0, 360.0):
            left, right = ra - wide + turn, ra + wide + turn
            if right < 0.0 or left >= 360.0:
                continue
            begin = _first_not_below(second[0], low, high, left)
            end = begin
            while end < high and second[0][end] <= right:
                end += 1
            if end > begin:
                out[count] = begin, end
                count += 1
    return count


@compiled
def _chord2(first: Any, i: int, second: Any, j: int) -> float:
    """Square of the chord between two points of the unit sphere."""
    dx = first[2][i, 0] - second[2][j, 0]
    dy = first[2][i, 1] - second[2][j, 1]
    dz = first[2][i, 2] - second[2][j, 2]
    chord2: float = dx * dx + dy * dy + dz * dz
    return chord2


@compiled
def nearest_neighbours(
    first: Any, second: Any, zones: Any, limit: float, index: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Nearest source of the second list for each of the first.

    Parameters
    ----------
    first, second : tuple of ndarray
        Right ascension, declination [degree], unit vectors (n, 3); the second sorted by zone.
    zones : tuple
        Start of each zone; lower edge of the first, height and radius [degree].
    limit : float
        Square of the largest chord.
    index : ndarray of int64, shape (m,)
        Index of each sorted source of the second list; the lower wins a tie [number].

    Returns
    -------
    ndarray of int64, shape (n,)
        Place in the sorted second list, -1 without neighbour.
    """
    number = first[0].size
    found = np.full(number, -1, np.int64)
    ranges = np.empty((3 * zones[0].size, 2), np.int64)
    for i in range(number):
        best = limit
        for k in range(_ranges(first, i, second, zones, ranges)):
            for j in range(ranges[k, 0], ranges[k, 1]):
                distance = _chord2(first, i, second, j)
                tie = distance == best and (found[i] < 0 or index[j] < index[found[i]])
                if distance < best or tie:
                    best = distance
                    found[i] = j
    return found


@compiled
def count_pairs(first: Any, second: Any, zones: Any, limit: float) -> npt.NDArray[Any]:
    """Number of sources of the second list near each of the first.

    Parameters
    ----------
    first, second : tuple of ndarray
        Right ascension, declination [degree], unit vectors (n, 3); the second sorted by zone.
    zones : tuple
        Start of each zone; lower edge of the first, height and radius [degree].
    limit : float
        Square of the largest chord.

    Returns
    -------
    ndarray of int64, shape (n,)
        Numbers.
    """
    number = first[0].size
    counts = np.zeros(number, np.int64)
    ranges = np.empty((3 * zones[0].size, 2), np.int64)
    for i in range(number):
        for k in range(_ranges(first, i, second, zones, ranges)):
            for j in range(ranges[k, 0], ranges[k, 1]):
                if _chord2(first, i, second, j) <= limit:
                    counts[i] += 1
    return counts


@compiled
def fill_pairs(
    first: Any, second: Any, zones: Any, limit: float, total: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Write all pairs down.

    Parameters
    ----------
    first, second : tuple of ndarray
        Right ascension, declination [degree], unit vectors (n, 3); the second sorted by zone.
    zones : tuple
        Start of each zone; lower edge of the first, height and radius [degree].
    limit : float
        Square of the largest chord.
    total : int
        Number of pairs.

    Returns
    -------
    i, j : ndarray of int64, shape (total,)
        Place in the first and in the sorted second list.
    """
    one, other = np.empty(total, np.int64), np.empty(total, np.int64)
    ranges = np.empty((3 * zones[0].size, 2), np.int64)
    at = 0
    for i in range(first[0].size):
        for k in range(_ranges(first, i, second, zones, ranges)):
            for j in range(ranges[k, 0], ranges[k, 1]):
                if _chord2(first, i, second, j) <= limit:
                    one[at], other[at] = i, j
                    at += 1
    return one, other


@compiled
def group_roots(one: npt.NDArray[Any], other: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
    """Connected groups of pairs: union-find with path halving; the lowest member is the root.

    Parameters
    ----------
    one, other : ndarray of int64, shape (n,)
        Members of each pair [number].
    number : int
        Number of members.

    Returns
    -------
    ndarray of int64, shape (number,)
        Lowest member of the group of each.
    """
    parent = np.arange(number)
    for k in range(one.size):
        a, b = one[k], other[k]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for i in range(number):
        parent[i] = parent[parent[i]]
    return parent
