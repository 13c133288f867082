"""AssociateList: which sources of several lists are the same thing on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    Association,
    AssociationFlag,
    AssociationMode,
    associate,
    single_out_closest,
)
from awlab.backend.catalogs import (
    INDEX_COLUMN,
    BaseCatalog,
    SourceTable,
    read_catalog,
    spatial_index,
)
from awlab.backend.database import draw_number, persistent
from awlab.backend.datamodel import Flag
from awlab.backend.errors import ObjectNotFound, TargetError
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.list_inputs import ListInput, attributes_of, lists_below, read_input

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AssociateList", "AssociateListParameters", "associate_inputs"]


class AssociateListParameters(ProcessParameters):
    """Parameters of `AssociateList`."""

    ASSOCIATELISTTYPE = persistent("1 chain, 2 master, 3 matched", int, 1)
    SEARCH_DISTANCE = persistent("Radius of search for associates [arcsec]", float, 1.0)
    SEXTRACTOR_FLAG_MASK = persistent("Extraction flags, as bits, that a source may have", int, 0)
    SINGLE_OUT_CLOSEST_PAIRS = persistent(
        "Keep the closest source of each list in an association", bool, False
    )


class AssociateList(BaseCatalog, ProcessTarget):
    """Associations of the sources of several lists; an association list may be one of them.

    Rows are AID, SLID, SID, FLAG and the position; the bits of FLAG are 1 if a list has several
    sources in the association, 2 if some list has none.

    Type 1, chain: sources of different lists within the distance belong together, also through a
    third; every source is in one association. Type 2, master: the sources of the first list, each
    with the mutually nearest one of the others. Type 3, matched: associations with sources of all.
    """

    _product_code = "AList"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_PAIRS", "no association has more than one source"),
    )

    input_lists = persistent("Lists that were associated, in their order", BaseCatalog, [])
    process_params = persistent("Process parameters", AssociateListParameters)
    ALID = persistent("Number of this list of associations", int)
    associate_count = persistent("Number of associations", int, 0)
    pair_count = persistent("Number of associations with more than one source", int, 0)
    complete_count = persistent("Number of associations with sources of all lists", int, 0)

    @property
    def associatelisttype(self) -> int:
        """1 chain, 2 master, 3 matched."""
        return int(self.process_params.ASSOCIATELISTTYPE)

    @associatelisttype.setter
    def associatelisttype(self, value: int) -> None:
        self.process_params.ASSOCIATELISTTYPE = value

    def set_search_distance(self, distance: float) -> None:
        """Set the radius of search of a list that is being made [arcsec]."""
        self.process_params.SEARCH_DISTANCE = distance

    def make(self) -> None:
        """Associate the lists, and number the associations along the sky."""
        items = list(self.input_lists)
        if len(items) < 2:
            raise TargetError(
                f"{len(items)} input_lists: nothing to associate", "give two or more lists"
            )
        table = associate_inputs(items, self.process_params)
        sizes = np.bincount(table["AID"]) if table.count else np.zeros(0, np.int64)
        incomplete = table["AID"][(table["FLAG"] & AssociationFlag.INCOMPLETE) > 0]
        self.associate_count = int(sizes.size)
        self.pair_count = int((sizes > 1).sum())
        self.complete_count = self.associate_count - int(np.unique(incomplete).size)
        self.ALID = draw_number()
        self.name = self.name or " + ".join(item.name for item in items)[:200]
        rows = SourceTable({name: table[name] for name in _ROW})
        self.content_hash = rows.digest()
        self.keep_sources(rows, work_folder(), table[INDEX_COLUMN])

    # -- reading ---------------------------------------------------------------------------

    def associates(self, columns: Sequence[str] | None = None) -> SourceTable:
        """Return all rows: AID, SLID, SID, FLAG, RA, DEC, by AID.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns of the sources to put beside them; not a number where a list has none.
        """
        found = read_catalog(self.retrieve(), _ROW)
        found = found.rows(np.lexsort((found["SID"], found["SLID"], found["AID"])))
        return found if columns is None else attributes_of(lists_below(self), found, columns)

    def members(self, aid: int, columns: Sequence[str] | None = None) -> SourceTable:
        """Return the rows of one association, in one read of its part of the file.

        Parameters
        ----------
        aid : int
            Association.
        columns : sequence of str, optional
            Columns of the sources to put beside them.

        Raises
        ------
        ObjectNotFound
            If there is no such association.
        """
        found = read_catalog(self.retrieve(), _ROW, where=("AID", [int(aid)]))
        if not found.count:
            raise ObjectNotFound(
                f"{self!r} has no association {aid}",
                f"it has {self.associate_count}; AID counts from 0",
            )
        found = found.rows(np.lexsort((found["SID"], found["SLID"])))
        return found if columns is None else attributes_of(lists_below(self), found, columns)

    def table(self, columns: Sequence[str] | None = None) -> Any:
        """Return all rows as an astropy ``QTable``; `columns` as in `associates`."""
        return self.associates(columns).table()

    def verify(self) -> None:
        """Say so if nothing belongs together, or a list is flagged."""
        if not self.pair_count:
            self.raise_flag("NO_PAIRS")
        if any(item.quality_flags for item in self.input_lists):
            self.raise_flag("FLAGGED_INPUT")

    def _repr_html_(self) -> str:
        import html

        head = f"AssociateList {self.name}: {self.associate_count:,} associations, "
        head += f"{self.pair_count:,} of several sources, ALID {self.ALID}"
        return f"<div>{html.escape(head)}</div>"


_ROW = ("AID", "SLID", "SID", "FLAG", "RA", "DEC")


def associate_inputs(items: Sequence[Any], parameters: AssociateListParameters) -> SourceTable:
    """Associate lists.

    Parameters
    ----------
    items : sequence of BaseCatalog
        Lists.
    parameters : AssociateListParameters
        Distance, mask, kind.

    Returns
    -------
    SourceTable
        Rows AID, SLID, SID, FLAG, RA, DEC and the HEALPix number, in the order of which the
        associations are numbered.

    Raises
    ------
    TargetError
        If a list is among them twice, or there is no such kind of association.
    """
    inputs = [read_input(item, parameters.SEXTRACTOR_FLAG_MASK) for item in items]
    numbers = np.concatenate([np.unique(one.SLID) for one in inputs])
    known, times = np.unique(numbers, return_counts=True)
    if (times > 1).any():
        raise TargetError(
            f"list SLID {known[times > 1][0]} is twice among the input_lists",
            "a list within an association list is there already",
        )
    kind = parameters.ASSOCIATELISTTYPE
    if kind not in [mode.value for mode in AssociationMode]:
        raise TargetError(
            f"ASSOCIATELISTTYPE {kind} has no meaning", "use 1 chain, 2 master, 3 matched"
        )
    positions = [one.positions for one in inputs]
    found = associate(positions, parameters.SEARCH_DISTANCE, AssociationMode(kind))
    if parameters.SINGLE_OUT_CLOSEST_PAIRS:
        found = single_out_closest(found, positions)
    return _rows(found, inputs)


def _rows(found: Association, inputs: list[ListInput]) -> SourceTable:
    """Turn associations of lists into rows of sources, numbered along the sky."""
    parts: dict[str, list[Any]] = {name: [] for name in _ROW}
    for k, one in enumerate(inputs):
        mine = np.flatnonzero(found.list_index == k)
        times, rows = one.rows_of(found.SID[mine])
        parts["AID"].append(np.repeat(found.AID[mine], times))
        parts["FLAG"].append(np.repeat(found.FLAG[mine], times))
        for name in ("SLID", "SID", "RA", "DEC"):
            parts[name].append(getattr(one, name)[rows])
    table = SourceTable({name: np.concatenate(values) for name, values in parts.items()})
    index = spatial_index(table["RA"], table["DEC"])
    order = np.argsort(index, kind="stable")
    table = table.with_columns({INDEX_COLUMN: index}).rows(order)
    return table.with_columns({"AID": _numbered(table["AID"])})


def _numbered(groups: Any) -> Any:
    """Number groups in the order in which they are first met."""
    if not groups.size:
        return groups
    first = np.empty(int(groups.max()) + 1, np.int64)
    # Of several values for one place the last stays: backwards, that is the first met.
    first[groups[::-1]] = np.arange(groups.size)[::-1]
    is_first = np.zeros(groups.size, np.int64)
    is_first[first[groups]] = 1
    return (np.cumsum(is_first) - 1)[first[groups]]
