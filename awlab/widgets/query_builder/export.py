"""The rows of a query as a file: CSV, ECSV, VOTable or Parquet, with units where the format has."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from awlab.backend.database import Query
from awlab.backend.errors import QueryError
from awlab.widgets.result_grid import describe_column

__all__ = ["FORMATS", "MOST", "export"]

# Beyond this a browser is the wrong way to carry a table: q.table() in a cell is the right one.
MOST = 200_000
FORMATS: dict[str, tuple[str, str]] = {
    "csv": ("text/csv", "ascii.csv"),
    "ecsv": ("text/plain", "ascii.ecsv"),
    "votable": ("application/x-votable+xml", "votable"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
}


def export(query: Query, columns: list[str], kind: str) -> bytes:
    """Write the rows of a query.

    Parameters
    ----------
    query : Query
        What to write.
    columns : list of str
        Attribute paths.
    kind : str
        One of `FORMATS`.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    QueryError
        If there is no such format, or there are too many rows.
    """
    if kind not in FORMATS:
        raise QueryError(f"{kind!r} is not a format", f"one of {', '.join(FORMATS)}")
    if query.count(cap=MOST + 1) > MOST:
        raise QueryError(
            f"more than {MOST:,} rows are too many for the browser", "use .selection.table(...)"
        )
    values = query.columns("object_id", *(path for path in columns if path != "object_id"))
    if kind == "parquet":
        return _parquet(query.root, values)
    text = io.BytesIO() if kind == "votable" else io.StringIO()
    _table(query.root, values).write(text, format=FORMATS[kind][1])
    content = text.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def _plain(values: Any) -> Any:
    """Times as text, as every format understands them; the rest as it is."""
    if values.dtype.kind != "M":
        return values
    texts = np.datetime_as_string(np.ma.getdata(values), unit="ms")
    return np.ma.masked_array(texts, np.ma.getmaskarray(values))


def _table(root: Any, values: dict[str, Any]) -> Any:
    from astropy.table import Column, MaskedColumn, Table

    table = Table()
    for path, found in values.items():
        told = describe_column(root, path)
        plain = _plain(found)
        masked = np.ma.isMaskedArray(plain) and plain.mask.any()
        make = MaskedColumn if masked else Column
        data = plain if masked else np.ma.getdata(plain)
        table[path] = make(data, unit=told["unit"] or None, description=told["doc"])
    return table


def _parquet(root: Any, values: dict[str, Any]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    arrays, fields = [], []
    for path, found in values.items():
        told = describe_column(root, path)
        array = pa.array(np.ma.getdata(found), mask=np.ma.getmaskarray(found))
        notes = {"unit": told["unit"], "description": told["doc"]}
        arrays.append(array)
        fields.append(pa.field(path, array.type, metadata=notes))
    sink = io.BytesIO()
    parquet.write_table(pa.table(arrays, schema=pa.schema(fields)), sink)
    return sink.getvalue()
