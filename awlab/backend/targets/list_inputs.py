"""Lists as inputs of other lists: their sources, or the associations that stand for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs import SourceTable, catalog_columns, meaning_of, read_catalog
from awlab.backend.errors import QueryError
from awlab.backend.targets.source import BaseList

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ListInput", "attributes_of", "lists_below", "mean_places", "read_input", "read_rows"]


@dataclass(frozen=True, eq=False)
class ListInput:
    """A list as an association sees it: items with a position, each of one source or of several.

    Attributes
    ----------
    name : str
        Name of the list.
    positions : tuple of ndarray of float64, shape (items,)
        Right ascension and declination of the items [deg].
    SLID, SID : ndarray of int64, shape (n,)
        Sources, those of one item one after the other.
    RA, DEC : ndarray of float64, shape (n,)
        Their positions [deg].
    first : ndarray of int64, shape (items + 1,)
        Row of the first source of every item.
    """

    name: str
    positions: tuple[NDArray[np.float64], NDArray[np.float64]]
    SLID: NDArray[np.int64]
    SID: NDArray[np.int64]
    RA: NDArray[np.float64]
    DEC: NDArray[np.float64]
    first: NDArray[np.int64]

    def rows_of(self, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many sources each of the items has, and their rows."""
        times = self.first[items + 1] - self.first[items]
        start = np.repeat(self.first[items] - np.r_[0, np.cumsum(times)[:-1]], times)
        return times, start + np.arange(int(times.sum()))


def read_input(item: Any, allowed_flags: int) -> ListInput:
    """Read a list, its flagged sources left out.

    Parameters
    ----------
    item : BaseCatalog
        A list of sources, a reference catalogue, or a list of associations.
    allowed_flags : int
        Bits of FLAGS that a source may have; lists without flags are taken whole.
    """
    if not hasattr(item, "associates"):
        rows = read_rows(item, ("FLAGS",))
        if "FLAGS" in rows:
            rows = rows.rows((rows["FLAGS"].astype(np.int64) & ~allowed_flags) == 0)
        first, positions = np.arange(rows.count + 1), (rows["RA"], rows["DEC"])
    else:
        rows = item.associates()
        sizes = np.bincount(rows["AID"]) if rows.count else np.zeros(0, np.int64)
        first, positions = np.r_[0, np.cumsum(sizes)], mean_places(rows, sizes.size)
    columns = {name: rows[name] for name in ("SLID", "SID", "RA", "DEC")}
    return ListInput(item.name, positions, first=first, **columns)


def mean_places(rows: SourceTable, number: int) -> tuple[Any, Any]:
    """Return the mean position of every association of rows with AID, RA and DEC [deg].

    Parameters
    ----------
    rows : SourceTable
        Sources.
    number : int
        Number of associations.

    Returns
    -------
    ra, dec : ndarray of float64, shape (number,)
        Positions [deg].
    """
    a, d = np.radians(rows["RA"]), np.radians(rows["DEC"])
    vectors = (np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d))
    x, y, z = (np.bincount(rows["AID"], axis, number) for axis in vectors)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def read_rows(item: Any, columns: Sequence[str], sids: Any = None) -> SourceTable:
    """Read SLID, SID, RA, DEC and those of the columns that a catalogue has.

    Parameters
    ----------
    item : BaseCatalog
        Catalogue. One that others made and that is no list has its own number as SLID, and its
        rows are counted in the order of the file.
    columns : sequence of str
        Columns wanted beside these.
    sids : sequence of int, optional
        Read these sources only.
    """
    path = item.retrieve()
    known = catalog_columns(path)
    wanted = [n for n in dict.fromkeys(("SLID", "SID", "RA", "DEC", *columns)) if n in known]
    if "SID" in known and "SLID" in known:
        return read_catalog(path, wanted, sids=sids)
    wanted = [name for name in wanted if name not in ("SLID", "SID")]
    rows = read_catalog(path, wanted)
    number = np.arange(rows.count)
    rows = rows.with_columns({"SLID": np.full(rows.count, item._id, np.int64), "SID": number})
    return rows if sids is None else rows.rows(np.sort(np.asarray(sids, np.int64)))


def lists_below(*items: Any) -> dict[int, Any]:
    """Return the catalogues that lists, and lists of associations, have sources of, by SLID."""
    found: dict[int, Any] = {}
    stack = list(items)
    while stack:
        here = stack.pop()
        if hasattr(here, "associates"):
            stack += list(here.input_lists)
        else:
            found[int(here.SLID if isinstance(here, BaseList) else here._id)] = here
    return found


def attributes_of(
    lists: Mapping[int, Any],
    rows: SourceTable,
    columns: Sequence[str],
    *,
    missing: str = "error",
) -> SourceTable:
    """Put columns of the sources beside rows of SLID and SID; lists are read once each.

    Parameters
    ----------
    lists : mapping of int to BaseCatalog
        Catalogues by SLID.
    rows : SourceTable
        With SLID and SID.
    columns : sequence of str
        Columns; a list that has none gives values that are not a number, or 0, or empty texts.
    missing : str
        ``nan`` if a column that no list has shall be empty, ``error`` if that is an error.

    Raises
    ------
    QueryError
        If no list has such a column, or the lists have it in different widths.
    """
    columns = [name for name in columns if name not in rows]
    found: dict[str, Any] = {}
    meanings: dict[str, Any] = {}
    for slid in np.unique(rows["SLID"]).tolist():
        mine = np.flatnonzero(rows["SLID"] == slid)
        sids = rows["SID"][mine]
        part = read_rows(lists[slid], columns, sids)
        order = np.argsort(part["SID"], kind="stable")
        place = order[np.searchsorted(part["SID"], sids, sorter=order)]
        for name in columns:
            if name not in part:
                continue
            values = part[name][place]
            if name not in found:
                found[name] = _blank(rows.count, values)
                meanings[name] = part.meaning(name)
            if found[name].shape[1:] != values.shape[1:]:
                raise QueryError(
                    f"lists have {found[name].shape[1:]} and {values.shape[1:]} values of {name}",
                    "extract them with the same PHOT_APERTURES",
                )
            found[name][mine] = values
    absent = [name for name in columns if name not in found]
    if absent and rows.count and missing == "error":
        raise QueryError(f"none of the lists has a column {absent[0]!r}", "see list.sources()")
    found |= {name: np.full(rows.count, np.nan) for name in absent}
    return rows.with_columns(found, {name: m or meaning_of(name) for name, m in meanings.items()})


def _blank(rows: int, like: NDArray[Any]) -> NDArray[Any]:
    kind = like.dtype if like.dtype.kind != "U" else np.dtype(object)
    fill: Any = np.nan if kind.kind == "f" else "" if kind.kind == "O" else 0
    return np.full((rows, *like.shape[1:]), fill, kind)
