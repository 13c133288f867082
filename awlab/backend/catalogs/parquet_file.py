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
from collections.abc import Sequence
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

# Small enough that a cone of a few minutes reads little of a large file, large enough to compress.
_ROW_GROUP = 65_536
_FACTS = b"awlab.facts"


def write_catalog(path: str | Path, table: SourceTable) -> SourceTable:
    """Write a catalogue.

    Parameters
    ----------
    path : str or Path
        File to write.
    table : SourceTable
        Sources with ``RA`` and ``DEC`` [deg].

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
    index = spatial_index(table["RA"], table["DEC"])
    order = np.argsort(index, kind="stable")
    ordered = table.with_columns({INDEX_COLUMN: index}).rows(order)
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
        row_group_size=_ROW_GROUP,
    )
    return ordered


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
        return _read(path, columns, None)
    name, numbers = asked[0], np.unique(np.asarray(asked[1], np.int64))
    if not numbers.size:
        return _read(path, columns, [(name, "in", [])])
    # The range lets the reader skip row groups, which a list of numbers alone does not.
    limits: list[Any] = [(name, ">=", int(numbers[0])), (name, "<=", int(numbers[-1]))]
    if numbers[-1] - numbers[0] + 1 > numbers.size:
        limits.append((name, "in", numbers))
    return _read(path, columns, limits)


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
    where = [
        [(INDEX_COLUMN, ">=", first), (INDEX_COLUMN, "<", last)]
        for first, last in cone_ranges(ra, dec, radius)
    ]
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


def _read(path: str | Path, columns: Sequence[str] | None, where: Any) -> SourceTable:
    import pyarrow.parquet as pq

    schema = _open(path).schema_arrow
    unknown = [name for name in columns or () if name not in schema.names]
    if unknown:
        raise QueryError(
            f"{Path(path).name} has no column {unknown[0]!r}", f"it has {', '.join(schema.names)}"
        )
    wanted = list(columns) if columns is not None else None
    table = pq.read_table(path, columns=wanted, filters=where)
    arrays = {name: _from_arrow(table.column(name)) for name in table.column_names}
    meanings = {field.name: _meaning(field) for field in schema if field.name in arrays}
    facts = json.loads((schema.metadata or {}).get(_FACTS, b"{}"))
    return SourceTable(arrays, meanings, facts)


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
