"""A catalogue in memory: columns of equal length, with units, descriptions and UCDs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs.source_columns import ColumnMeaning, meaning_of
from awlab.backend.errors import QueryError, UnknownAttribute

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SourceTable"]


@dataclass(frozen=True)
class SourceTable(Mapping[str, Any]):
    """Columns of a catalogue.

    Parameters
    ----------
    columns : dict of str to ndarray, shape (n,) or (n, k)
        Values; a column of shape (n, k) has k values for each source, such as fluxes in apertures,
        one of arrays any number of values, such as a light curve.
    meanings : dict of str to ColumnMeaning, optional
        Unit, description and UCD of columns; those of `SOURCE_COLUMNS` are known by themselves.
    facts : dict, optional
        What holds for the whole catalogue: aperture sizes, zeropoint, epoch.

    Raises
    ------
    QueryError
        If columns have different lengths.
    """

    columns: dict[str, NDArray[Any]]
    meanings: dict[str, ColumnMeaning] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            spelled = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise QueryError(f"columns of a catalogue have different lengths: {spelled}")

    @property
    def count(self) -> int:
        """Number of sources."""
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            from difflib import get_close_matches

            near = get_close_matches(name, self.columns, n=3) or list(self.columns)
            raise UnknownAttribute(
                f"the catalogue has no column {name!r}", f"it has {', '.join(near)}"
            )
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def meaning(self, name: str) -> ColumnMeaning:
        """Return unit, description and UCD of a column."""
        return self.meanings.get(name) or meaning_of(name)

    def rows(self, which: NDArray[Any]) -> SourceTable:
        """Return some of the sources.

        Parameters
        ----------
        which : ndarray of bool or int
            Mask, or row numbers in the order wanted.
        """
        picked = {name: values[which] for name, values in self.columns.items()}
        return SourceTable(picked, self.meanings, self.facts)

    def with_columns(
        self,
        columns: Mapping[str, NDArray[Any]],
        meanings: Mapping[str, ColumnMeaning] | None = None,
    ) -> SourceTable:
        """Return the catalogue with more columns, or with others in place of its own."""
        more = dict(self.columns) | dict(columns)
        return SourceTable(more, self.meanings | dict(meanings or {}), self.facts)

    def digest(self, name: str = "", leave_out: Sequence[str] = ()) -> str:
        """Return the SHA-256 of the sources: the same content is the same catalogue.

        Parameters
        ----------
        name : str
            Goes into it, where catalogues of other names shall differ.
        leave_out : sequence of str
            Columns that do not count.
        """
        found = hashlib.sha256(name.encode())
        for column, values in sorted(self.columns.items()):
            if column not in leave_out:
                found.update(column.encode())
                found.update(_bytes_of(values))
        return found.hexdigest()

    def table(self) -> Any:
        """Return an astropy ``QTable`` with units and descriptions."""
        from astropy import units as u
        from astropy.table import QTable

        found = QTable(meta=dict(self.facts))
        for name, values in self.columns.items():
            meaning = self.meaning(name)
            is_number = values.dtype.kind in "fiu"
            unit = u.Unit(meaning.unit) if meaning.unit and is_number else None
            found[name] = values * unit if unit is not None else np.asarray(values)
            found[name].info.description = meaning.doc
            if meaning.ucd:
                found[name].info.meta = {"ucd": meaning.ucd}
        return found

    def __repr__(self) -> str:
        names = ", ".join(list(self.columns)[:8]) + (" ..." if len(self.columns) > 8 else "")
        return f"<SourceTable {self.count:,} sources: {names}>"

    def _repr_html_(self) -> str:
        shown = self.rows(np.arange(min(self.count, 20))).table()
        html: str = shown._repr_html_()
        return html


def _bytes_of(values: NDArray[Any]) -> bytes:
    """Return what a column holds, the same on every machine."""
    if values.dtype.kind == "O" and any(isinstance(item, np.ndarray) for item in values):
        # Light curves: an array in every row, each of its own length.
        parts = [np.atleast_1d(np.asarray(item)) for item in values]
        lengths = np.array([part.size for part in parts])
        return _bytes_of(lengths) + _bytes_of(np.concatenate(parts))
    plain = values.astype(str) if values.dtype.kind in "OU" else values
    # FITS is big-endian; what a file is written in does not make other sources.
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(plain).tobytes()
