"""The rows of a binary ``COPY ... FROM``, made column by column without a loop over the rows.

Rows are laid out as if every field had its largest width, and the bytes that a field does not
have (the rest of a shorter text, the value of a NULL) are cut out in one step.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database.attributes import as_datetime, coerce
from awlab.backend.database.transfer import FIXED_WIDTH, encode_header

__all__ = ["Field", "copy_stream", "fixed_field", "packed_field", "uuid_field", "wire_dtype"]

_EPOCH = datetime(2000, 1, 1)
_CHUNK = 16 * 2**20
_TRAILER = b"\xff\xff"

# PostgreSQL's numbers of the element types of arrays.
_OID: dict[type, int] = {str: 25, int: 20, float: 701, bool: 16, datetime: 1114, bytes: 17}


@dataclass(frozen=True, slots=True)
class Field:
    """One column on the wire.

    Attributes
    ----------
    values : ndarray of uint8, shape (n, width) or (1, width)
        Bytes of every row, left-aligned; one row stands for all.
    lengths : ndarray of int32, shape (n,) or (1,)
        Bytes that count; -1 is NULL.
    """

    values: NDArray[Any]
    lengths: NDArray[Any]

    @property
    def width(self) -> int:
        """Largest number of bytes of a value."""
        return int(self.values.shape[1])


def _bytes_of(values: NDArray[Any]) -> NDArray[Any]:
    flat = np.ascontiguousarray(values).view(np.uint8)
    return flat.reshape(len(values), values.dtype.itemsize)


def fixed_field(values: NDArray[Any], kind: str, null: NDArray[Any] | None) -> Field:
    """Encode a column of numbers, truth values or dates.

    Parameters
    ----------
    values : ndarray, shape (n,)
        float64, int64, bool or datetime64[us].
    kind : str
        Key of `transfer.FIXED_WIDTH`.
    null : ndarray of bool, shape (n,), optional
        True where there is no value.
    """
    if kind == "datetime":
        values = (values - np.datetime64(_EPOCH, "us")).astype(np.int64)
    wire = _bytes_of(values.astype(FIXED_WIDTH[kind].format))
    lengths = np.full(len(wire), wire.shape[1], dtype=np.int32)
    if null is not None:
        lengths[null] = -1
    return Field(wire, lengths)


def uuid_field(values: NDArray[Any]) -> Field:
    """Encode identifiers given as bytes, shape (n, 16)."""
    return Field(values, np.full(len(values), 16, dtype=np.int32))


def packed_field(pieces: list[bytes | None]) -> Field:
    """Encode a column whose values have been encoded one by one; None is NULL."""
    lengths = np.array([-1 if p is None else len(p) for p in pieces], dtype=np.int32)
    width = max(int(lengths.max(initial=0)), 1)
    # NumPy pads bytes with zeros to one width; the lengths know what is padding.
    joined = np.array([p or b"" for p in pieces], dtype=f"S{width}")
    return Field(_bytes_of(joined), lengths)


def encoder(kind: str, type_: type) -> Callable[[Any], bytes]:
    """Return what encodes one value of a type that has no fixed width.

    Parameters
    ----------
    kind : str
        ``value`` or ``array``.
    type_ : type
        ``str``, ``bytes``, ``list`` or ``dict``; for arrays any basic type.
    """
    if kind == "array":
        return lambda items: _array(items, type_)
    if type_ is str:
        return lambda text: str(coerce(str, text)).encode()
    if type_ is bytes:
        return lambda value: bytes(coerce(bytes, value))
    # jsonb: a version number, then the text.
    return lambda value: b"\x01" + json.dumps(coerce(type_, value)).encode()


def _scalar(value: Any, type_: type) -> bytes:
    value = coerce(type_, value)
    if type_ is str:
        return str(value).encode()
    if type_ is bytes:
        return bytes(value)
    if type_ is datetime:
        return struct.pack(">q", round((as_datetime(value) - _EPOCH).total_seconds() * 1e6))
    return struct.pack({int: ">q", float: ">d", bool: ">?"}[type_], value)


def _array(items: Any, type_: type) -> bytes:
    packed = [None if item is None else _scalar(item, type_) for item in items]
    if not packed:
        return struct.pack(">iiI", 0, 0, _OID[type_])
    head = struct.pack(">iiIii", 1, int(None in packed), _OID[type_], len(packed), 1)
    fields = (struct.pack(">i", -1) if p is None else struct.pack(">i", len(p)) + p for p in packed)
    return head + b"".join(fields)


def wire_dtype(kind: str) -> str:
    """NumPy type in which a fixed-width kind is given to `fixed_field`."""
    return {"float": "f8", "int": "i8", "bool": "?", "datetime": "datetime64[us]"}[kind]


def _rows(fields: list[Field], start: int, stop: int) -> bytes:
    count = stop - start
    width = 2 + sum(4 + field.width for field in fields)
    rows = np.empty((count, width), dtype=np.uint8)
    keep: NDArray[Any] | None = None
    rows[:, 0], rows[:, 1] = divmod(len(fields), 256)
    at = 2
    for field in fields:
        one = len(field.lengths) == 1
        part = slice(0, 1) if one else slice(start, stop)
        lengths = field.lengths[part]
        rows[:, at : at + 4] = _bytes_of(lengths.astype(">i4"))
        at += 4
        rows[:, at : at + field.width] = field.values[part]
        if (lengths < field.width).any():
            if keep is None:
                keep = np.ones((count, width), dtype=bool)
            keep[:, at : at + field.width] = np.arange(field.width) < lengths[:, None]
        at += field.width
    return rows.tobytes() if keep is None else rows[keep].tobytes()


def _pieces(fields: list[Field], count: int) -> Iterator[bytes]:
    yield encode_header()
    width = 2 + sum(4 + field.width for field in fields)
    step = max(1, _CHUNK // width)
    for start in range(0, count, step):
        yield _rows(fields, start, min(start + step, count))
    yield _TRAILER


class _Stream:
    """A file that psycopg2 reads: the pieces one after another, at most one in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most ``size``; nothing at the end."""
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        size = len(self._left) if size < 0 else size
        part, self._left = bytes(self._left[:size]), self._left[size:]
        return part


def copy_stream(fields: list[Field], count: int) -> _Stream:
    """Return a binary COPY of ``count`` rows as a file to be read once.

    Parameters
    ----------
    fields : list of Field
        In the order of the columns.
    count : int
        Number of rows.
    """
    return _Stream(_pieces(fields, count))
