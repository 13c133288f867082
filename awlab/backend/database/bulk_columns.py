"""From the columns a caller gives to the columns of a table, checked against the class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.attributes import Persistent, as_datetime
from awlab.backend.database.bulk_rows import Field, encoder, fixed_field, packed_field, wire_dtype
from awlab.backend.database.class_tables import catalog
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import dbobject
from awlab.backend.database.resolve import attribute_of, walk_path
from awlab.backend.database.results import fixed_width
from awlab.backend.errors import QueryError, WrongType

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = ["attribute_fields", "check_links", "list_of_links"]

_IDENTITY = ("object_id", "creator", "project", "privileges")

Links = tuple[Persistent, NDArray[Any]]


def attribute_fields(
    cls: Any, columns: Mapping[str, Any], ids: NDArray[Any]
) -> tuple[dict[str, Field | None], list[Links], bool]:
    """Encode the attributes of a class.

    Parameters
    ----------
    cls : type
        Persistent class.
    columns : dict
        Values by attribute path, as `register_bulk` takes them.
    ids : ndarray of int64, shape (n,)
        Row numbers of the new objects.

    Returns
    -------
    fields : dict
        By column name; None for a column that is NULL in all rows.
    links : list of (Persistent, ndarray)
        Row numbers that every link points to, beyond the objects of this very call.
    follows : bool
        Whether a link points to an object of this call.

    Raises
    ------
    UnknownAttribute, WrongType
        If a column does not fit the class.
    """
    fields: dict[str, Field | None] = {}
    links: list[Links] = []
    follows = False
    given = {_column(cls, path): (path, values) for path, values in columns.items()}
    for column, attribute in _declared(cls).items():
        path, values = given.get(column, (column, attribute.default))
        try:
            if attribute.kind == "link":
                numbers = _row_numbers(attribute, values, len(ids))
                links.append((attribute, numbers[numbers > 0]))
                follows = follows or bool((numbers < 0).any())
                numbers = _with_own_rows(cls, attribute, numbers, ids)
                empty = not numbers.any()
                fields[column] = None if empty else fixed_field(numbers, "int", numbers == 0)
            else:
                fields[column] = _encode(attribute, values, one=column not in given)
        except WrongType as exc:
            raise WrongType(f"{cls.__name__}.{path}: {exc.message}", exc.hint) from None
        except (ValueError, TypeError) as exc:
            raise WrongType(f"{cls.__name__}.{path}: {exc}", "give values of its type") from None
    return fields, links, follows


def _declared(cls: Any) -> dict[str, Persistent]:
    """Columns that a caller may give, each with its declaration."""
    found: dict[str, Persistent] = {}
    for name, attribute in cls._attributes.items():
        if attribute.kind == "struct":
            for field, inner in attribute.type._attributes.items():
                found[f"{name}_{field}"] = inner
        elif attribute.kind != "links" and name not in _IDENTITY:
            found[name] = attribute
    return found


def _column(cls: Any, path: str) -> str:
    names = tuple(path.split("."))
    steps = walk_path(cls, names)
    if names[0] in _IDENTITY:
        raise WrongType(f"{cls.__name__}.{path} is filled in by awlab", "leave it out")
    if steps[0].kind == "links":
        raise WrongType(f"{cls.__name__}.{path} is a list of links", "give it in lists=")
    if len(steps) > 1 and steps[0].kind == "link":
        raise WrongType(
            f"{cls.__name__}.{path} belongs to another object", "give the link's row numbers"
        )
    if steps[-1].kind == "struct":
        struct: Any = steps[-1].type
        inner = ", ".join(f"{path}.{name}" for name in struct._attributes)
        raise WrongType(f"{cls.__name__}.{path} is a group of values", f"give {inner}")
    return "_".join(names)


def _row_numbers(attribute: Persistent, values: Any, count: int) -> NDArray[Any]:
    if values is None:
        return np.zeros(count, dtype=np.int64)
    if hasattr(values, "object_id"):
        number = attribute._check_instance(values)._id
        if number is None:
            raise WrongType(f"{values!r} is not committed", "commit() it first")
        return np.full(count, number, dtype=np.int64)
    return _as_row_numbers(values)


def _as_row_numbers(values: Any) -> NDArray[Any]:
    numbers = np.asarray(np.ma.filled(values, 0))
    if numbers.ndim != 1 or (numbers.dtype.kind not in "iu" and numbers.size):
        raise WrongType(
            "a link is an array of whole row numbers, 0 for none", "use what register_bulk returned"
        )
    return numbers.astype(np.int64)


def _with_own_rows(
    cls: Any, attribute: Persistent, numbers: NDArray[Any], ids: NDArray[Any]
) -> NDArray[Any]:
    """Put row numbers where a link counts back to an object of the same call: -1 is the first."""
    own = numbers < 0
    if not own.any():
        return numbers
    place = -numbers[own] - 1
    # Only what comes before: nothing is made from itself, in however many steps.
    if not issubclass(cls, attribute.type) or (place >= np.flatnonzero(own)).any():
        raise WrongType(
            "a negative number is an earlier object of the same call",
            "-1 is the first one; links to other classes are row numbers",
        )
    found = numbers.copy()
    found[own] = ids[place]
    return found


def _encode(attribute: Persistent, values: Any, *, one: bool) -> Field | None:
    kind = fixed_width(attribute)
    if one or not _is_column(attribute, values):
        values = attribute.check(values)
        if values is None:
            return None
        column: Any = np.array([values], dtype=wire_dtype(kind)) if kind else [values]
    else:
        column = values
    if kind is None:
        encode = encoder(attribute.kind, attribute.type)
        packed = [None if _missing(v) else encode(v) for v in _plain(column)]
        return packed_field(packed)
    return _fixed(column, kind)


def _is_column(attribute: Persistent, values: Any) -> bool:
    """Tell whether values are one per object; a text, or None, is one for all."""
    return hasattr(values, "__len__") and not isinstance(values, (str, bytes, dict))


def _plain(column: Any) -> list[Any]:
    """Python values: NumPy's own texts are no plain ``str``."""
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _missing(value: Any) -> bool:
    return value is None or value is np.ma.masked


def _fixed(column: Any, kind: str) -> Field:
    null: NDArray[Any] | None = None
    if isinstance(column, np.ma.MaskedArray):
        null = np.ma.getmaskarray(column)
        column = np.ma.getdata(column)
    values = np.asarray(column)
    if values.dtype == object or values.dtype.kind == "U":
        items = list(column)
        null = np.array([item is None for item in items], dtype=bool)
        zero: Any = "2000-01-01" if kind == "datetime" else 0
        items = [zero if item is None else item for item in items]
        items = [as_datetime(item) for item in items] if kind == "datetime" else items
        values = np.array(items)
    accepted = {"float": "fiub", "int": "iu", "bool": "b", "datetime": "M"}[kind]
    if len(values) == 0:
        values = values.astype(wire_dtype(kind))
    if null is not None and null.all():
        values = np.zeros(len(values), dtype=wire_dtype(kind))
    elif kind == "datetime" and values.dtype == object:
        values = values.astype("datetime64[us]")
    elif values.dtype.kind not in accepted and not (kind == "bool" and null is not None):
        raise WrongType(f"an array of {values.dtype} is not of {kind}s", f"give an array of {kind}")
    if kind == "datetime":
        values, null = _without_nat(values.astype("datetime64[us]"), null)
    return fixed_field(values.astype(wire_dtype(kind)), kind, null)


def _without_nat(
    values: NDArray[Any], null: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Not-a-time is no value."""
    absent = np.isnat(values)
    if not absent.any():
        return values, null
    null = absent if null is None else absent | null
    return np.where(absent, np.datetime64("2000-01-01", "us"), values), null


def list_of_links(
    cls: Any, name: str, pair: tuple[Any, Any], count: int
) -> tuple[Persistent, NDArray[Any], NDArray[Any]]:
    """Check a list of links given as ``(offsets, ids)``.

    Returns
    -------
    attribute : Persistent
        Its declaration.
    offsets : ndarray of int64, shape (count + 1,)
        Where the members of every object begin and end.
    ids : ndarray of int64
        Row numbers of the members.

    Raises
    ------
    WrongType, QueryError
        If the attribute is no list of links, or the offsets do not fit.
    """
    attribute = attribute_of(cls, name)
    if attribute.kind != "links":
        raise WrongType(f"{cls.__name__}.{name} is not a list of links", "give it in columns")
    offsets, ids = (_as_row_numbers(part) for part in pair)
    rising = len(offsets) == count + 1 and offsets[0] == 0 and not (np.diff(offsets) < 0).any()
    if not rising or offsets[-1] != len(ids):
        raise QueryError(
            f"{cls.__name__}.{name}: offsets do not divide {len(ids)} members among {count}"
            " objects",
            "offsets begin with 0, never fall, end with len(ids), and are one more than objects",
        )
    if (ids == 0).any():
        raise QueryError(f"{cls.__name__}.{name}: a list has no empty members", "leave 0 out")
    return attribute, offsets, ids


def check_links(database: Database, links: list[Links]) -> None:
    """Refuse links to what does not exist, is not visible, or is of another class.

    One statement for every class linked to.

    Parameters
    ----------
    database : Database
        Where the objects are.
    links : list of (Persistent, ndarray)
        Row numbers that every link points to; 0 is none.

    Raises
    ------
    QueryError
        If a link is wrong.
    """
    wanted: dict[Any, list[NDArray[Any]]] = {}
    for attribute, numbers in links:
        wanted.setdefault(attribute.type, []).append(numbers)
    known = catalog(database)
    o = dbobject.c
    for cls, parts in wanted.items():
        ids = np.unique(np.concatenate(parts))
        ids = ids[ids != 0]
        if not len(ids):
            continue
        inside = o.id == sa.any_(sa.literal(ids.tolist(), sa.ARRAY(sa.BigInteger)))
        seen = visible(o.creator, o.project, o.privileges)
        statement = sa.select(o.class_id, sa.func.count()).where(inside, seen).group_by(o.class_id)
        found = 0
        counted: Any = database.rows(statement)
        for number, n in counted:
            table = known.by_id(number)
            if cls.__name__ not in (table.name, *table.parents):
                raise QueryError(
                    f"{n} links to a {cls.__name__} are to a {table.name}", "link to its class"
                )
            found += n
        if found != len(ids):
            raise QueryError(
                f"{len(ids) - found} of {len(ids)} links to a {cls.__name__} are to no object"
                " that you may see",
                "link to row numbers that register_bulk or a lineage gave",
            )
