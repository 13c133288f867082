"""SourceCollections: catalogues that are a description of how to get them.

A collection is a source list, or an operation on other collections: some of their sources, some of
their attributes, several together, attributes computed from others. Nothing is computed before
somebody pulls attributes, and then only those, of the sources that are wanted. A collection is
committed as any object, so that it can be derived again, and its parents are its lineage.

References
----------
.. [1] Buddelmeijer, Boxhoorn & Valentijn 2013, Experimental Astronomy 35, 203 (query driven
   visualization in Astro-WISE: SourceCollections, the pulling of attributes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs import ColumnExpression, SourceTable, catalog_columns
from awlab.backend.database import class_named, persistent
from awlab.backend.errors import QueryError, TargetError, UnknownAttribute
from awlab.backend.process import ProcessTarget, code_version
from awlab.backend.targets.external_list import ExternalList, ingest_catalog
from awlab.backend.targets.list_inputs import read_rows
from awlab.backend.targets.source import BaseList

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ConcatenateSources",
    "DerivedCollection",
    "FilterSources",
    "Pull",
    "SelectAttributes",
    "SelectSources",
    "SourceCollection",
    "SourceListWrapper",
    "source_keys",
]

_IDENTITY = ("SLID", "SID")


@dataclass(frozen=True, eq=False)
class Pull:
    """What is wanted of a collection.

    Attributes
    ----------
    columns : tuple of str
        Attributes beside SLID and SID.
    keys : ndarray of int64, shape (n,), or None
        Sources wanted, see `source_keys`; all of the collection by default.
    trust : bool
        Whether calculators of other users may run.
    """

    columns: tuple[str, ...]
    keys: NDArray[np.int64] | None = None
    trust: bool = False


def source_keys(table: Any) -> NDArray[np.int64]:
    """Return one number per source for its SLID and SID: lists have less than 2**31 sources."""
    slid, sid = (np.asarray(table[name], np.int64) for name in _IDENTITY)
    return np.asarray((slid << 31) | sid)


class SourceCollection(ProcessTarget, abstract=True):
    """A catalogue, and the operation that gives it."""

    name = persistent("Name of the collection", str, "")

    @property
    def SCID(self) -> int | None:
        """Number of the collection, None before it is committed."""
        return self._id

    # -- reading ---------------------------------------------------------------------------

    def attributes(self) -> tuple[str, ...]:
        """Return the names of all attributes, beside SLID and SID; nothing is computed."""
        raise TargetError(f"{type(self).__name__} does not say what attributes it has")

    def _pull(self, wanted: Pull) -> SourceTable:
        """Return SLID, SID and the attributes of the sources wanted, in any order."""
        raise TargetError(f"{type(self).__name__} does not say how it is pulled")

    def pull(
        self, columns: Sequence[str] | None = None, *, sources: Any = None, trust: bool = False
    ) -> SourceTable:
        """Derive attributes of some sources: those, and what they need, and no more.

        Parameters
        ----------
        columns : sequence of str, optional
            Attributes; all by default.
        sources : mapping of SLID and SID, optional
            Sources, such as what another pull gave; all of the collection by default.
        trust : bool
            Let attribute calculators run that other users wrote.

        Returns
        -------
        SourceTable
            SLID, SID and the attributes, by SLID and SID.

        Raises
        ------
        UnknownAttribute
            If the collection has no such attribute.
        AccessDenied
            If that needs code of another user and `trust` is not given.
        """
        names = self._known(self.attributes() if columns is None else columns)
        keys = None if sources is None else np.unique(source_keys(sources))
        found = self._pull(Pull(names, keys, trust))
        picked = {name: found[name] for name in (*_IDENTITY, *names)}
        order = np.argsort(source_keys(found), kind="stable")
        return SourceTable(picked, found.meanings).rows(order)

    def sources(self, *, trust: bool = False) -> SourceTable:
        """Return SLID and SID of all sources."""
        return self.pull((), trust=trust)

    def _known(self, columns: Sequence[str]) -> tuple[str, ...]:
        from difflib import get_close_matches

        known = self.attributes()
        for name in columns:
            if name not in known and name not in _IDENTITY:
                near = get_close_matches(name, known, n=3) or known[:12]
                raise UnknownAttribute(
                    f"the collection has no attribute {name!r}", f"it has {', '.join(near)}"
                )
        return tuple(name for name in dict.fromkeys(columns) if name not in _IDENTITY)

    # -- deriving others -------------------------------------------------------------------

    def where(self, condition: str) -> FilterSources:
        """Return the collection of the sources for which a condition is true.

        Parameters
        ----------
        condition : str
            Such as ``"FLUX_AUTO / FLUXERR_AUTO > 5 and FLAGS == 0"``.
        """
        ColumnExpression(condition).columns(self.attributes())
        return FilterSources(parent_collection=self, query=condition)

    def only(self, sources: Any) -> SelectSources:
        """Return the collection of certain sources: a mapping with SLID and SID."""
        slids, sids = (np.asarray(sources[name], np.int64).tolist() for name in _IDENTITY)
        return SelectSources(parent_collection=self, selected_slids=slids, selected_sids=sids)

    def keep(self, *columns: str) -> SelectAttributes:
        """Return the collection with certain attributes."""
        return SelectAttributes(parent_collection=self, selected=list(self._known(columns)))

    def calculate(
        self, function: Callable[..., Any], outputs: Sequence[str], **options: Any
    ) -> Any:
        """Return the collection with attributes that a function computes from others.

        Parameters
        ----------
        function : callable
            Its parameters are named as the attributes it needs; see `AttributeCalculator`.
        outputs : sequence of str
            Names of what it returns.
        **options
            ``units={name: unit}``; whatever else is a parameter of the function that is no
            attribute.
        """
        calculators: Any = class_named("AttributeCalculator")
        return calculators.of(self, function, outputs, **options)

    def __add__(self, other: SourceCollection) -> ConcatenateSources:
        return ConcatenateSources(parent_collections=[self, other])

    def materialise(self, name: str, *, trust: bool = False) -> ExternalList:
        """Compute all of it, and keep it as a list of sources whose parent is this collection."""
        self.commit()
        return ingest_catalog(self.pull(trust=trust), name, parents=[self])

    # -- being a target --------------------------------------------------------------------

    def make(self) -> None:
        """Compute nothing: attributes are computed when they are pulled."""

    def _before_commit(self) -> None:
        self.process_status = 1
        self.code_version = code_version(type(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.SCID or 'not committed'}: {self._told()}>"

    def _told(self) -> str:
        return str(self.name)


class SourceListWrapper(SourceCollection):
    """The collection of all sources of a list."""

    sourcelist = persistent("The list", BaseList)

    def attributes(self) -> tuple[str, ...]:
        """Return the columns of the list."""
        known = catalog_columns(self.sourcelist.retrieve())
        return tuple(name for name in known if name not in _IDENTITY and name[0] != "_")

    def _pull(self, wanted: Pull) -> SourceTable:
        sids = None
        if wanted.keys is not None:
            mine = wanted.keys >> 31 == self.sourcelist.SLID
            sids = wanted.keys[mine] & (2**31 - 1)
        return read_rows(self.sourcelist, wanted.columns, sids)

    def _told(self) -> str:
        return f"{self.sourcelist.nsources:,} sources of {self.sourcelist.name}"


class DerivedCollection(SourceCollection, abstract=True):
    """A collection that is derived from one other."""

    parent_collection = persistent("Collection that it is derived from", SourceCollection)

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes of the parent."""
        found: tuple[str, ...] = self.parent_collection.attributes()
        return found


class FilterSources(DerivedCollection):
    """The sources of a collection for which a condition is true."""

    query = persistent("Condition on attributes", str, "")

    def set_query(self, condition: str) -> None:
        """Set the condition of a collection that is being made."""
        self.query = condition

    def _pull(self, wanted: Pull) -> SourceTable:
        condition = ColumnExpression(self.query)
        needed = condition.columns(self.attributes())
        parent = self.parent_collection
        table: SourceTable = parent._pull(replace(wanted, columns=needed))
        mask = np.asarray(condition.evaluate(table))
        if mask.dtype != np.bool_ or mask.shape not in ((), (table.count,)):
            raise QueryError(f"{self.query!r} is not true or false", "compare: FLUX_AUTO > 5")
        table = table.rows(np.broadcast_to(mask, (table.count,)))
        if set(wanted.columns) <= set(table):
            return table
        # The rest is computed for the sources that passed, and for no others.
        found: SourceTable = parent._pull(replace(wanted, keys=np.unique(source_keys(table))))
        return found

    def _told(self) -> str:
        return f"{self.parent_collection!r} where {self.query}"


class SelectSources(DerivedCollection):
    """Certain sources of a collection, by their numbers."""

    selected_slids = persistent("SLID of every source", int, [])
    selected_sids = persistent("SID of every source", int, [])

    def _pull(self, wanted: Pull) -> SourceTable:
        mine = source_keys({"SLID": self.selected_slids, "SID": self.selected_sids})
        keys = np.unique(mine)
        if wanted.keys is not None:
            keys = np.intersect1d(keys, wanted.keys)
        found: SourceTable = self.parent_collection._pull(replace(wanted, keys=keys))
        return found

    def _told(self) -> str:
        return f"{len(self.selected_sids):,} sources of {self.parent_collection!r}"


class SelectAttributes(DerivedCollection):
    """Certain attributes of a collection."""

    selected = persistent("Names of the attributes", str, [])

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes selected."""
        return tuple(self.selected)

    def _pull(self, wanted: Pull) -> SourceTable:
        found: SourceTable = self.parent_collection._pull(wanted)
        return found

    def _told(self) -> str:
        return f"{', '.join(self.selected)} of {self.parent_collection!r}"


class ConcatenateSources(SourceCollection):
    """The sources of several collections, with the attributes that all of them have."""

    parent_collections = persistent("Collections", SourceCollection, [])

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes that all parents have, in the order of the first."""
        first, *others = [parent.attributes() for parent in self.parent_collections]
        return tuple(name for name in first if all(name in known for known in others))

    def _pull(self, wanted: Pull) -> SourceTable:
        parts, seen = [], np.zeros(0, np.int64)
        for parent in self.parent_collections:
            part = parent._pull(wanted)
            keys = source_keys(part)
            # A source that is in several parents is there once.
            part = part.rows(~np.isin(keys, seen))
            seen = np.union1d(seen, keys)
            parts.append(part)
        names = (*_IDENTITY, *wanted.columns)
        try:
            columns = {n: np.concatenate([part[n] for part in parts]) for n in names}
        except ValueError as exc:
            raise QueryError(
                f"the collections cannot be put together: {exc}", "keep() what fits"
            ) from exc
        return SourceTable(columns, parts[0].meanings)

    def _told(self) -> str:
        return " + ".join(repr(parent) for parent in self.parent_collections)
