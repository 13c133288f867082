"""One source of a list, and what all lists of sources are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs import BaseCatalog, SourceTable, read_catalog
from awlab.backend.database import class_named, context, persistent
from awlab.backend.errors import ObjectNotFound, UnknownAttribute
from awlab.backend.targets.source_path import trace_source
from awlab.backend.targets.source_trace import SourceTrace

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BaseList", "Source"]

# So many rows are shown where a whole list is asked to show itself.
_SHOWN = 10


class Source(Mapping[str, Any]):
    """One source: its values by column, and where in every frame it was seen.

    Made by ``source_list[sid]``. ``source['FLUX_AUTO']`` and ``source.FLUX_AUTO`` are the same.

    Parameters
    ----------
    owner : BaseList
        List that it is in.
    rows : SourceTable
        Catalogue of this source alone.
    """

    def __init__(self, owner: Any, rows: SourceTable) -> None:
        self.list = owner
        self.rows = rows

    def __getitem__(self, name: str) -> Any:
        value = self.rows[name][0]
        return value.item() if isinstance(value, np.generic) else value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.rows:
            raise UnknownAttribute(
                f"the source has no column {name!r}", f"it has {', '.join(self.rows)}"
            )
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def lineage(self) -> SourceTrace:
        """Return where the source is in every frame and calibration that it passed through.

        Returns
        -------
        SourceTrace
            A row per frame: stage, class, object, x, y [pixel], in the frame or not.
        """
        return trace_source(self.list, self)

    def table(self) -> Any:
        """Return an astropy ``QTable`` of one row, with units."""
        return self.rows.table()

    def __repr__(self) -> str:
        place = f"RA {self['RA']:.6f} Dec {self['DEC']:+.6f}"
        return f"<Source SLID {self['SLID']} SID {self['SID']}: {place}>"

    def _repr_html_(self) -> str:
        return self.rows._repr_html_()


class BaseList(BaseCatalog, abstract=True):
    """A list of sources, each known by the number of the list (SLID) and its own (SID)."""

    SLID = persistent("Number of this list in the rows of all lists", int)

    # A list without sources is a list all the same: `if source_list` asks whether there is one.
    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return int(self.nsources)

    def __getitem__(self, sid: int) -> Source:
        """Return one source by its SID, in one read of its part of the file.

        Raises
        ------
        ObjectNotFound
            If the list has no such source.
        """
        found = self.sources(sids=[int(sid)])
        if not found.count:
            raise ObjectNotFound(
                f"{self!r} has no source {sid}",
                f"it has {self.nsources}; SID counts from 0" if self.nsources else "it is empty",
            )
        return Source(self, found)

    def __iter__(self) -> Iterator[Source]:
        rows = self.sources()
        order = np.argsort(rows["SID"], kind="stable")
        return (Source(self, rows.rows(order[[n]])) for n in range(rows.count))

    def sources(
        self, columns: Any = None, *, sids: NDArray[np.int64] | list[int] | None = None
    ) -> SourceTable:
        """Read the sources, in the order in which they lie along the sky.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read; all by default.
        sids : sequence of int, optional
            These sources only.
        """
        return read_catalog(self.retrieve(), columns, sids=sids)

    def collection(self) -> Any:
        """Return the sources as a `SourceCollection`, from which others are derived."""
        wrappers: Any = class_named("SourceListWrapper")
        return wrappers(sourcelist=self)

    def table(self, columns: Any = None) -> Any:
        """Return an astropy ``QTable`` with units, by SID.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read; all by default.
        """
        wanted = None if columns is None else list(dict.fromkeys(["SID", *columns]))
        rows = self.sources(wanted)
        found = rows.rows(np.argsort(rows["SID"], kind="stable")).table()
        return found if columns is None else found[list(columns)]

    def _repr_html_(self) -> str:
        import html

        head = f"{type(self).__name__} {self.name}: {self.nsources:,} sources"
        head += f", SLID {self.SLID}; by {self.creator or context.user}"
        shown = self.sources(sids=list(range(_SHOWN)))._repr_html_() if self.file_sha256 else ""
        return f"<div>{html.escape(head)}</div>{shown}"
