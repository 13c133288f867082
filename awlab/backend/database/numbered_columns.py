"""Columns of a query together with the row numbers of its objects, for plots.

Everything of fixed width travels by COPY; a link is the row number of what it points to, because
the names of eight chips need not be sent a million times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database.connection import current_database
from awlab.backend.database.query import Query
from awlab.backend.database.reading import finish, labelled, object_array, prepare
from awlab.backend.database.resolve import split_path, walk_path
from awlab.backend.database.results import fixed_width, never_null
from awlab.backend.errors import QueryError

__all__ = ["read_numbered"]


def read_numbered(
    query: Query, paths: tuple[str, ...]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Read columns and row numbers in one statement.

    Parameters
    ----------
    query : Query
        Objects wanted.
    paths : tuple of str
        Values and links.

    Returns
    -------
    ids : ndarray of int64, shape (n,)
        Row numbers.
    columns : dict of ndarray
        One array per path, shape (n,); a masked array where values are missing. Links are row
        numbers.

    Raises
    ------
    QueryError
        If a path is no plain value and no link.
    """
    database = current_database()
    scope = prepare(database, query)
    wanted = [split_path(path) for path in paths]
    attributes = [walk_path(query.root, names)[-1] for names in wanted]
    for path, attribute in zip(paths, attributes, strict=True):
        if attribute.kind not in ("value", "link"):
            raise QueryError(f"{path} is not a plain value", "name one of its attributes")
    for names in wanted:
        scope.need(names)
    columns = [scope.column(names) for names in wanted]
    kinds = [fixed_width(attribute) for attribute in attributes]
    numeric = [kind for kind in kinds if kind is not None]
    if len(numeric) < len(kinds):
        statement = finish(scope, query, labelled([scope.id(), *columns]))
        rows = database.rows(statement)
        lists = list(zip(*rows, strict=True)) or [()] * (len(paths) + 1)
        values = [object_array(list(v), k) for v, k in zip(lists[1:], kinds, strict=True)]
        return np.array(lists[0], dtype=np.int64), dict(zip(paths, values, strict=True))
    picked = [c for column, k in zip(columns, numeric, strict=True) for c in never_null(column, k)]
    wire = ["int", *(part for kind in numeric for part in (kind, "bool"))]
    statement = finish(scope, query, labelled([scope.id(), *picked]), ordered=bool(query.order))
    ids, *arrays = database.arrays(statement, wire)
    pairs = zip(arrays[0::2], arrays[1::2], strict=True)
    values = [np.ma.masked_array(v, null) if null.any() else v for v, null in pairs]
    return ids, dict(zip(paths, values, strict=True))
