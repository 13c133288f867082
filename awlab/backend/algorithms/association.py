"""Association of source lists on the sky: pairs, nearest neighbours, and groups over many lists.

Separations are chords between unit vectors, so poles and the turn of right ascension need no
care; declination zones only say which sources are worth a look.

References
----------
.. [1] Gray, Nieto-Santisteban & Szalay 2006, "The zones algorithm for finding points-near-a-point",
   Microsoft Research MSR-TR-2006-52.
.. [2] Astro-WISE AssociateList: chain, master and matched association; rows (AID, SLID, SID, FLAG).
.. [3] Huchra & Geller 1982, ApJ 257, 423 (friends of friends).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import Any

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers

__all__ = [
    "Association",
    "AssociationFlag",
    "AssociationMode",
    "Pairs",
    "associate",
    "match_mutual",
    "match_nearest",
    "match_pairs",
    "mean_positions",
    "position_columns",
    "unit_vectors",
]

# Zones lower than this would be more numerous than useful [degree].
_LEAST_HEIGHT = 1.0 / 3600.0
Positions = tuple[Floats, Floats]


class AssociationMode(Enum):
    """How lists are associated; the numbers are those of Astro-WISE's associatelisttype."""

    CHAIN = 1
    MASTER = 2
    MATCHED = 3


class AssociationFlag(IntFlag):
    """What is remarkable about a member of an association."""

    AMBIGUOUS = 1  # the association has more than one source of a list
    INCOMPLETE = 2  # some list has no source in the association


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of sources of two lists, in the order of the first list, then of the second.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n,)
        Indices in the two lists.
    separation : ndarray of float64, shape (n,)
        Separation on the sky [arcsec].
    """

    first: Integers
    second: Integers
    separation: Floats


@dataclass(frozen=True, eq=False)
class Association:
    """Rows of an association, sorted by AID, list and source.

    Attributes
    ----------
    AID : ndarray of int64, shape (n,)
        Identifier of the association, from 0.
    list_index : ndarray of int64, shape (n,)
        Which of the lists given.
    SID : ndarray of int64, shape (n,)
        Index of the source in its list.
    FLAG : ndarray of int64, shape (n,)
        Bits of ``AssociationFlag``.
    """

    AID: Integers
    list_index: Integers
    SID: Integers
    FLAG: Integers


def match_nearest(first: Positions, second: Positions, radius: float) -> tuple[Integers, Floats]:
    """Nearest source of the second list for each source of the first.

    Parameters
    ----------
    first, second : tuple of ndarray of float64, shape (n,)
        Right ascension and declination [degree]; sources that are not finite match nothing.
    radius : float
        Largest separation, included [arcsec].

    Returns
    -------
    index : ndarray of int64, shape (n,)
        Index in the second list; -1 without neighbour. The lower index wins a tie.
    separation : ndarray of float64, shape (n,)
        Separation; NaN without neighbour [arcsec].

    Raises
    ------
    BadArray
        If the lists are not 1-d or the radius is not positive.
    """
    from awlab.backend.algorithms.association_kernel import nearest_neighbours

    index = np.full(np.size(first[0]), -1, np.int64)
    separation = np.full(index.size, np.nan)
    search = _Search(first, second, radius)
    if search.worthwhile:
        place = nearest_neighbours(
            search.first, search.second, search.zones, search.limit, search.second_index
        )
        found = place >= 0
        rows = search.first_index[found]
        index[rows] = search.second_index[place[found]]
        separation[rows] = _separation(search, np.flatnonzero(found), place[found])
    return index, separation


def match_pairs(first: Positions, second: Positions, radius: float) -> Pairs:
    """All pairs within a radius; symmetric in the two lists.

    Parameters
    ----------
    first, second : tuple of ndarray of float64, shape (n,)
        Right ascension and declination [degree]; sources that are not finite match nothing.
    radius : float
        Largest separation, included [arcsec].

    Raises
    ------
    BadArray
        If the lists are not 1-d or the radius is not positive.
    """
    from awlab.backend.algorithms.association_kernel import count_pairs, fill_pairs

    search = _Search(first, second, radius)
    if not search.worthwhile:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    work = search.first, search.second, search.zones, search.limit
    one, other = fill_pairs(*work, int(count_pairs(*work).sum()))
    separation = _separation(search, one, other)
    one, other = search.first_index[one], search.second_index[other]
    order = np.lexsort((other, one))
    return Pairs(one[order], other[order], separation[order])


def match_mutual(first: Positions, second: Positions, radius: float) -> Pairs:
    """Pairs in which each source is the nearest of the other; symmetric in the two lists.

    Parameters
    ----------
    first, second : tuple of ndarray of float64, shape (n,)
        Right ascension and declination [degree]; sources that are not finite match nothing.
    radius : float
        Largest separation, included [arcsec].

    Raises
    ------
    BadArray
        If the lists are not 1-d or the radius is not positive.
    """
    there, separation = match_nearest(first, second, radius)
    back, _ = match_nearest(second, first, radius)
    one = np.flatnonzero(there >= 0)
    one = one[back[there[one]] == one]
    return Pairs(one, there[one], separation[one])


def associate(
    lists: Sequence[Positions],
    radius: float = 1.0,
    mode: AssociationMode = AssociationMode.CHAIN,
) -> Association:
    """Associate the sources of any number of lists.

    CHAIN: friends of friends; sources of different lists within the radius belong together, also
    through a third. Every source is in one association, alone if need be.
    MASTER: every source of the first list, with the mutually nearest one of each other list.
    MATCHED: the associations of CHAIN that have sources of all lists.

    Parameters
    ----------
    lists : sequence of tuple of ndarray of float64, shape (n,)
        Right ascension and declination of each list [degree]; an association is used as a list
        through ``mean_positions``. Sources that are not finite are left out.
    radius : float
        Largest separation of a pair, included [arcsec].
    mode : AssociationMode
        Kind of association.

    Raises
    ------
    BadArray
        If the lists are not 1-d or the radius is not positive.
    """
    owner = np.repeat(np.arange(len(lists)), [np.size(one[0]) for one in lists])
    sid = np.concatenate([np.arange(np.size(one[0])) for one in lists] or [np.empty(0, np.int64)])
    if mode is AssociationMode.MASTER:
        root = _master_roots(lists, radius)
    else:
        root = _chain_roots(lists, owner, radius)
    kept = root >= 0
    owner, sid, root = owner[kept], sid[kept], root[kept]
    # Groups are numbered in the order of their roots, which lie among the members.
    is_root = np.zeros(int(root.max(initial=-1)) + 1, np.bool_)
    is_root[root] = True
    aid = (np.cumsum(is_root) - 1)[root]
    number = int(aid.max(initial=-1)) + 1
    present = np.bincount(aid * len(lists) + owner, minlength=number * len(lists))
    present = present.reshape(number, len(lists))
    complete: Any = (present > 0).all(axis=1)
    ambiguous: Any = (present > 1).any(axis=1)
    flag = np.where(complete, 0, int(AssociationFlag.INCOMPLETE))
    flag = flag | np.where(ambiguous, int(AssociationFlag.AMBIGUOUS), 0)
    # Sources come by list and number already; a stable sort keeps them so.
    rows = np.argsort(aid, kind="stable")
    if mode is AssociationMode.MATCHED:
        rows = rows[complete[aid[rows]]]
        aid = (np.cumsum(complete) - 1)[aid]
        flag = flag[complete]
    return Association(aid[rows], owner[rows], sid[rows], flag[aid[rows]])


def mean_positions(association: Association, lists: Sequence[Positions]) -> Positions:
    """Mean position of every association, by AID.

    Parameters
    ----------
    association : Association
        Rows over these lists.
    lists : sequence of tuple of ndarray of float64, shape (n,)
        Right ascension and declination of each list [degree].

    Returns
    -------
    ra, dec : ndarray of float64, shape (number of associations,)
        Positions [degree].
    """
    number = int(association.AID.max(initial=-1)) + 1
    total = np.zeros((number, 3))
    for k, one in enumerate(lists):
        rows = association.list_index == k
        vectors = unit_vectors(*position_columns(one))[association.SID[rows]]
        for axis in range(3):
            total[:, axis] += np.bincount(association.AID[rows], vectors[:, axis], number)
    ra = np.mod(np.degrees(np.arctan2(total[:, 1], total[:, 0])), 360.0)
    return ra, np.degrees(np.arctan2(total[:, 2], np.hypot(total[:, 0], total[:, 1])))


def _chain_roots(lists: Sequence[Positions], owner: Integers, radius: float) -> Integers:
    """Root of the group of every source; -1 for sources without position."""
    from awlab.backend.algorithms.association_kernel import group_roots

    if not lists:
        return np.empty(0, np.int64)
    columns = [position_columns(one) for one in lists]
    ra, dec = (np.concatenate([one[axis] for one in columns]) for axis in (0, 1))
    if len(lists) == 2:
        # Two lists need no pairs within a list, and every pair but once.
        one, other = _unordered_pairs(columns[0], columns[1], radius)
        root = group_roots(one, other + columns[0][0].size, ra.size)
    else:
        one, other = _unordered_pairs((ra, dec), (ra, dec), radius)
        linked = (one < other) & (owner[one] != owner[other])
        root = group_roots(one[linked], other[linked], ra.size)
    return _only_finite((ra, dec), root)


def _unordered_pairs(
    first: Positions, second: Positions, radius: float
) -> tuple[Integers, Integers]:
    """Indices of all pairs within the radius, in the order in which they are met."""
    from awlab.backend.algorithms.association_kernel import count_pairs, fill_pairs

    search = _Search(first, second, radius)
    if not search.worthwhile:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    work = search.first, search.second, search.zones, search.limit
    one, other = fill_pairs(*work, int(count_pairs(*work).sum()))
    return search.first_index[one], search.second_index[other]


def _master_roots(lists: Sequence[Positions], radius: float) -> Integers:
    """Index of the master of every source; -1 for sources without one."""
    roots = []
    for k, one in enumerate(lists):
        if k == 0:
            columns = position_columns(one)
            root = _only_finite(columns, np.arange(columns[0].size))
        else:
            pairs = match_mutual(lists[0], one, radius)
            root = np.full(np.size(one[0]), -1, np.int64)
            root[pairs.second] = pairs.first
        roots.append(root)
    return np.concatenate(roots or [np.empty(0, np.int64)])


def position_columns(positions: Positions) -> Positions:
    """Return positions as arrays of the kernels' kind.

    Parameters
    ----------
    positions : tuple of ndarray of float64, shape (n,)
        Right ascension and declination [degree].

    Raises
    ------
    BadArray
        If they are not 1-d or of different lengths.
    """
    ra, dec = (np.ascontiguousarray(column, np.float64) for column in positions)
    if ra.ndim != 1 or ra.shape != dec.shape:
        raise BadArray(
            f"positions have the shapes {ra.shape} and {dec.shape}", "give 1-d arrays of one length"
        )
    return ra, dec


def unit_vectors(ra: Floats, dec: Floats) -> Floats:
    """Return positions as vectors.

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Right ascension and declination [degree].

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Unit vectors.
    """
    a, d = np.radians(ra), np.radians(dec)
    cos_d = np.cos(d)
    return np.stack([cos_d * np.cos(a), cos_d * np.sin(a), np.sin(d)], axis=-1)


class _Search:
    """Two lists made ready for the kernels: finite rows, sorted by zone and right ascension."""

    def __init__(self, first: Positions, second: Positions, radius: float) -> None:
        if not 0.0 < radius <= 324000.0:
            raise BadArray(f"the radius {radius} arcsec is not within 0 and 90 degrees", "mend it")
        first, second = position_columns(first), position_columns(second)
        height = max(radius / 3600.0, _LEAST_HEIGHT)
        dec = second[1][_finite(second)]
        lowest, highest = dec.min(initial=90.0), dec.max(initial=-90.0)
        zones = float(lowest), height, max(int((highest - lowest) / height), 0) + 1
        self.first, self.first_index, _ = _zone_sorted(first, zones)
        self.second, self.second_index, start = _zone_sorted(second, zones)
        self.zones = start, zones[0], height, radius / 3600.0
        self.limit = (2.0 * np.sin(np.radians(radius / 7200.0))) ** 2
        self.worthwhile = self.first_index.size > 0 and self.second_index.size > 0


def _separation(search: _Search, one: Integers, other: Integers) -> Floats:
    """Separations of sorted pairs [arcsec]."""
    chord = np.linalg.norm(search.first[2][one] - search.second[2][other], axis=-1)
    return np.asarray(np.degrees(2.0 * np.arcsin(0.5 * chord)) * 3600.0)


def _finite(positions: Positions) -> Integers:
    return np.flatnonzero(np.isfinite(positions[0]) & (np.abs(positions[1]) <= 90.0))


def _only_finite(positions: Positions, root: Integers) -> Integers:
    """The roots, -1 for sources without a position."""
    kept = np.full(root.size, -1, np.int64)
    finite = _finite(positions)
    kept[finite] = root[finite]
    return kept


def _zone_sorted(
    positions: Positions, zones: tuple[float, float, int]
) -> tuple[Any, Integers, Integers]:
    from awlab.backend.algorithms.association_kernel import sort_into_zones

    finite = _finite(positions)
    ra, dec = np.mod(positions[0][finite], 360.0), positions[1][finite]
    order, start = sort_into_zones(np.argsort(ra, kind="stable"), dec, *zones)
    ra, dec = ra[order], dec[order]
    return (ra, dec, unit_vectors(ra, dec)), finite[order], start
