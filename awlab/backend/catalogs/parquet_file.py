"""Catalogues as Parquet files: written once, sorted along the sky, read in parts.

One file holds one catalogue, compressed with zstd and sorted by HEALPix number, so that the
minimum and maximum of every row group tell which groups a cone touches. Units, descriptions and
UCDs stand with the fields, facts of the whole catalogue in the metadata of the file.

References
----------
Apache Parquet format 2.10 (row group statistics). HATS for the name of the spatial column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs.sky_index import INDEX_COLUMN, cone_ranges, separation, spatial_index
from awlab.backend.catalogs.source_columns import ColumnMeaning
from awlab.backend.catalogs.source_table import SourceTable
from awlab.backend.errors import IngestError, QueryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["catalog_columns", "read_catalog", "search_cone", "write_catalog"]

# Small enough that a cone or a source reads little, large enough to compress; few enough that the
# footer of the file, which has an entry for every column of every group, is read at once.
_LEAST_GROUP, _LARGEST_GROUP, _GROUPS = 8_192, 131_072, 64
_FACTS = b"awlab.facts"


def write_catalog(
    path: str | Path, table: SourceTable, index: NDArray[np.int64] | None = None
) -> SourceTable:
    """Write a catalogue.

    Parameters
    ----------
    path : str or Path
        File to write.
    table : SourceTable
        Sources with ``RA`` and ``DEC`` [deg].
    index : ndarray of int64, shape (n,), optional
        Their HEALPix numbers, where they are known already.

    Returns
    -------
    SourceTable
        The catalogue in the order in which it is in the file, with its HEALPix numbers.

    Raises
    ------
    QueryError
        If there are no positions, or one is not on the sky.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if "RA" not in table or "DEC" not in table:
        raise QueryError("a catalogue without RA and DEC cannot be kept", "give both in degrees")
    index = spatial_index(table["RA"], table["DEC"]) if index is None else index
    ordered = table.with_columns({INDEX_COLUMN: index})
    if (np.diff(index) < 0).any():
        ordered = ordered.rows(np.argsort(index, kind="stable"))
    fields, arrays = [], []
    for name, values in ordered.columns.items():
        array = _to_arrow(values)
        arrays.append(array)
        meta = {k: v for k, v in ordered.meaning(name)._asdict().items() if v}
        fields.append(pa.field(name, array.type, metadata=meta or None))
    schema = pa.schema(fields, metadata={_FACTS: json.dumps(_plain(ordered.facts)).encode()})
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        path,
        compression="zstd",
        row_group_size=_group_size(ordered.count),
        **_encodings(schema),
    )
    return ordered


def _group_size(rows: int) -> int:
    """Small where that leaves few groups, so that a cone or a source reads little."""
    return int(np.clip(rows // _GROUPS, _LEAST_GROUP, _LARGEST_GROUP))


def _encodings(schema: Any) -> dict[str, Any]:
    """Measurements do not repeat: dictionaries of them cost three times the time, and space."""
    import pyarrow as pa

    chosen: dict[str, str] = {}
    texts: list[str] = []
    for field in schema:
        if pa.types.is_string(field.type):
            texts.append(field.name)
        elif pa.types.is_int64(field.type) or pa.types.is_int32(field.type):
            chosen[field.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_float64(field.type) or pa.types.is_float32(field.type):
            chosen[field.name] = "BYTE_STREAM_SPLIT"
    return {"use_dictionary": texts or False, "column_encoding": chosen}


def catalog_columns(path: str | Path) -> dict[str, ColumnMeaning]:
    """Return the columns of a catalogue and what they mean, without reading any.

    Raises
    ------
    IngestError
        If the file is no catalogue.
    """
    schema = _open(path).schema_arrow
    return {field.name: _meaning(field) for field in schema}


def read_catalog(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    sids: NDArray[np.int64] | Sequence[int] | None = None,
    where: tuple[str, Sequence[int]] | None = None,
) -> SourceTable:
    """Read a catalogue or a part of it.

    Parameters
    ----------
    path : str or Path
        File.
    columns : sequence of str, optional
        Columns to read; all by default.
    sids : sequence of int, optional
        Read these sources only, by their ``SID``.
    where : (str, sequence of int), optional
        Read the rows only that have one of these numbers in another column.

    Raises
    ------
    QueryError
        If there is no such column.
    IngestError
        If the file is no catalogue.
    """
    asked = ("SID", sids) if sids is not None else where
    if asked is None:
        return _read(path, columns)
    numbers = np.unique(np.asarray(asked[1], np.int64))
    span = (int(numbers[0]), int(numbers[-1])) if numbers.size else (1, 0)
    return _read(path, columns, _Rows(asked[0], [span], lambda values: np.isin(values, numbers)))


def search_cone(
    path: str | Path,
    ra: float,
    dec: float,
    radius: float,
    columns: Sequence[str] | None = None,
) -> SourceTable:
    """Read the sources within a cone, nearest first.

    Parameters
    ----------
    path : str or Path
        File.
    ra, dec : float
        Centre, ICRS [deg].
    radius : float
        Radius [deg].
    columns : sequence of str, optional
        Columns to read beside ``RA`` and ``DEC``; all by default.
    """
    ranges = cone_ranges(ra, dec, radius)
    edges = np.array(ranges).ravel()
    spans = [(first, last - 1) for first, last in ranges]
    # Between the edges of a range the place in the sorted edges is odd.
    where = _Rows(INDEX_COLUMN, spans, lambda v: np.searchsorted(edges, v, side="right") % 2 == 1)
    wanted = None if columns is None else list(dict.fromkeys(["RA", "DEC", *columns]))
    found = _read(path, wanted, where)
    distance = separation(found["RA"], found["DEC"], ra, dec)
    inside = np.flatnonzero(distance <= radius)
    return found.rows(inside[np.argsort(distance[inside], kind="stable")])


def _open(path: str | Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as exc:
        raise IngestError(
            f"{Path(path).name} is not a Parquet catalogue: {str(exc).splitlines()[0]}",
            "give a file that awlab wrote, or ingest yours",
        ) from exc


@dataclass(frozen=True)
class _Rows:
    """Rows by the values of one column: the spans they are in, and the very test."""

    column: str
    spans: list[tuple[int, int]]
    test: Callable[[NDArray[Any]], NDArray[Any]]

    def groups(self, file: Any) -> list[int]:
        """Row groups whose minimum and maximum meet a span."""
        place = file.schema_arrow.get_field_index(self.column)
        groups = range(file.metadata.num_row_groups)
        return [n for n in groups if self._meets(file.metadata.row_group(n).column(place))]

    def _meets(self, chunk: Any) -> bool:
        known = chunk.statistics
        if known is None or not known.has_min_max:
            return True
        return any(known.min <= last and known.max >= first for first, last in self.spans)


def _read(
    path: str | Path, columns: Sequence[str] | None, rows: _Rows | None = None
) -> SourceTable:
    with _open(path) as file:
        schema = file.schema_arrow
        asked = [*(columns or ()), *((rows.column,) if rows else ())]
        unknown = [name for name in asked if name not in schema.names]
        if unknown:
            raise QueryError(
                f"{Path(path).name} has no column {unknown[0]!r}",
                f"it has {', '.join(schema.names)}",
            )
        wanted = list(columns) if columns is not None else None
        table = file.read(wanted) if rows is None else _read_rows(file, wanted, rows)
    arrays = {name: _from_arrow(table.column(name)) for name in table.column_names}
    meanings = {field.name: _meaning(field) for field in schema if field.name in arrays}
    facts = json.loads((schema.metadata or {}).get(_FACTS, b"{}"))
    return SourceTable(arrays, meanings, facts)


def _read_rows(file: Any, columns: list[str] | None, rows: _Rows) -> Any:
    """Read one column of the groups that may have the rows, and all of those that have."""
    groups, masks = [], []
    for number in rows.groups(file):
        values = file.read_row_group(number, [rows.column]).column(0).to_numpy()
        mask = rows.test(values)
        if mask.any():
            groups.append(number)
            masks.append(mask)
    if not groups:
        return file.schema_arrow.empty_table().select(columns or file.schema_arrow.names)
    found = file.read_row_groups(groups, columns)
    return found.take(np.flatnonzero(np.concatenate(masks)))


def _meaning(field: Any) -> ColumnMeaning:
    kept = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return ColumnMeaning(**{k: v for k, v in kept.items() if k in ColumnMeaning._fields})


def _to_arrow(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    # FITS tables are big-endian; Arrow takes native numbers only.
    values = np.asarray(values)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.ndim == 2:
        flat = pa.array(np.ascontiguousarray(values).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    if values.dtype.kind == "O" and len(values) and isinstance(values[0], np.ndarray):
        ends = np.cumsum([len(one) for one in values])
        return pa.ListArray.from_arrays(
            pa.array(np.r_[0, ends].astype(np.int32)), pa.array(np.concatenate(values))
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    return pa.array(values.tolist() if values.dtype.kind in "UO" else np.ascontiguousarray(values))


def _from_arrow(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    array = column.combine_chunks()
    if pa.types.is_fixed_size_list(array.type):
        width = array.type.list_size
        return np.asarray(array.flatten().to_numpy(zero_copy_only=False)).reshape(-1, width)
    if pa.types.is_list(array.type):
        found = np.empty(len(array), dtype=object)
        flat = np.asarray(array.flatten().to_numpy(zero_copy_only=False))
        ends = np.cumsum(np.asarray(array.value_lengths()))
        for row, part in enumerate(np.split(flat, ends[:-1]) if len(array) else ()):
            found[row] = part
        return found
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return np.array(array.to_pylist(), dtype=str)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Numbers of NumPy as numbers of Python, arrays as lists."""
    return {
        name: value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        for name, value in facts.items()
    }
