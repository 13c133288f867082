"""The effective-validity timeline: which calibration applies when.

Validity ranges overlap; at every moment the favourite, then the newest wins, and the others are
*eclipsed*. The timeline is the cut of all ranges into pieces that do not overlap: it answers the
choice of a calibration, and it is the picture that CalTS draws.

References
----------
Astro-WISE HOW-TO "Calibration time stamps" (CalTS help): of several valid calibrations the one
with the latest creation date is used.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar

__all__ = ["Piece", "Timeline"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece(Generic[T]):
    """From ``start`` to ``end`` (not included) ``item`` is the one that applies."""

    start: datetime
    end: datetime
    item: T


class Timeline(Generic[T]):
    """The pieces of time and what applies in each.

    Parameters
    ----------
    ranges : iterable of (start, end, rank, item)
        Validity ranges, end not included; of several the one with the highest rank applies.
        Empty and reversed ranges apply never.
    """

    def __init__(self, ranges: Iterable[tuple[datetime, datetime, Any, T]]) -> None:
        self.pieces = _cut([r for r in ranges if r[0] < r[1]])
        self._starts = [piece.start for piece in self.pieces]

    def at(self, time: datetime) -> T | None:
        """Return what applies at a time, None where nothing does."""
        position = bisect_right(self._starts, time) - 1
        if position < 0 or time >= self.pieces[position].end:
            return None
        return self.pieces[position].item


class _Descending:
    """Turns the order of ranks round: heapq gives the smallest first."""

    __slots__ = ("rank",)

    def __init__(self, rank: Any) -> None:
        self.rank = rank

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.rank < self.rank)


def _cut(ranges: list[tuple[datetime, datetime, Any, T]]) -> list[Piece[T]]:
    """Sweep over all starts and ends; the heap holds what has begun, best rank on top."""
    ranges = sorted(ranges, key=lambda r: r[0])
    moments = sorted({r[0] for r in ranges} | {r[1] for r in ranges})
    pieces: list[Piece[T]] = []
    heap: list[tuple[_Descending, int]] = []
    begun = 0
    for moment, following in pairwise(moments):
        while begun < len(ranges) and ranges[begun][0] <= moment:
            heapq.heappush(heap, (_Descending(ranges[begun][2]), begun))
            begun += 1
        while heap and ranges[heap[0][1]][1] <= moment:
            heapq.heappop(heap)
        if not heap:
            continue
        item = ranges[heap[0][1]][3]
        if pieces and pieces[-1].item is item and pieces[-1].end == moment:
            pieces[-1] = Piece(pieces[-1].start, following, item)
        else:
            pieces.append(Piece(moment, following, item))
    return pieces
