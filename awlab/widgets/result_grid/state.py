"""What a grid shows of a query, as plain data: columns with units, pages by key, a capped count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from awlab.backend.database import (
    Persistent,
    Query,
    class_named,
    concrete_subclasses,
    read_page,
)
from awlab.backend.datamodel import QualityFlags
from awlab.backend.errors import QueryError

__all__ = [
    "CAP",
    "PAGE",
    "GridState",
    "cell_text",
    "checked_key",
    "default_columns",
    "describe_column",
]

PAGE = 200
CAP = 10_000
# What tells objects apart comes first, verdicts last; so many columns fit on a screen.
_FIRST = ("name", "OBJECT", "night", "chip", "filter", "EXPTIME", "imstat")
_LAST = ("is_valid", "quality_flags", "creation_date")
_KNOWN = frozenset({"object_id", "creator", "project", "privileges", "filename", "file_sha256"})
_MOST = 10
_CLASS = {
    "path": "class", "unit": "", "doc": "What kind of object it is", "number": False,
    "sortable": False,
}  # fmt: skip
_LONGEST = 200


class GridState:
    """The rows of a query.

    Parameters
    ----------
    query : Query
        What to show; at most one path of its order is kept.
    columns : sequence of str, optional
        Attribute paths; those that tell objects apart by default.

    Raises
    ------
    QueryError, UnknownAttribute
        If a column does not exist.
    """

    def __init__(self, query: Query, columns: Sequence[str] | None = None) -> None:
        self.query = query if len(query.order) < 2 else query.order_by(query.order[0])
        self.paths = list(columns) if columns else default_columns(query.root)
        self.columns = [describe_column(query.root, path) for path in self.paths]
        # What is asked of a base class is of several kinds: every row says which.
        self.is_mixed = len(concrete_subclasses(query.root)) > 1

    def page(self, after: Sequence[Any] | None = None, order: str = "") -> dict[str, Any]:
        """Return the next rows as text.

        Parameters
        ----------
        after : (value, int), optional
            Key that the last page ended with.
        order : str
            Path to order by, ``-`` in front for descending; the order of the query by default.
        """
        query = self.query.order_by(order) if order else self.query
        found = read_page(query, self.paths, after=after, limit=PAGE)
        rows = [
            self._cells(row, name) for row, name in zip(found.rows, found.class_names, strict=True)
        ]
        key = found.after
        if key is not None and isinstance(key[0], datetime):
            key = (key[0].isoformat(), key[1])
        return {
            "columns": [_CLASS, *self.columns] if self.is_mixed else self.columns,
            "order": query.order[0] if query.order else "",
            "rows": rows,
            "object_ids": found.object_ids,
            "class_names": found.class_names,
            "after": key,
        }

    def _cells(self, row: Sequence[Any], name: str) -> list[str]:
        """Return a row as text; the flags of a row are those of its own class."""
        cls = class_named(name) or self.query.root
        cells = [cell_text(value, cls, path) for value, path in zip(row, self.paths, strict=True)]
        return [name, *cells] if self.is_mixed else cells

    def count(self) -> dict[str, Any]:
        """Count the rows, up to a cap."""
        found = self.query.count(cap=CAP + 1)
        return {"count": min(found, CAP), "more": found > CAP}


def describe_column(root: Any, path: str) -> dict[str, Any]:
    """Return path, unit, documentation and kind of a column.

    Raises
    ------
    UnknownAttribute
        If there is no such path.
    """
    chain: Any = root
    for name in path.split("."):
        chain = getattr(chain, name)
    attribute: Persistent = chain._last()
    numbers = attribute.kind == "value" and attribute.type in (int, float)
    return {
        "path": path,
        "unit": attribute.unit or "",
        "doc": attribute.doc,
        "number": numbers and path != "quality_flags",
        "sortable": attribute.kind == "value" and attribute.type not in (bytes, list, dict),
    }


def default_columns(root: Any) -> list[str]:
    """Return the paths that tell the objects of a class apart."""
    attributes = root._attributes
    first = [path for name in _FIRST if name in attributes for path in _spread(attributes, name)]
    last = [name for name in _LAST if name in attributes]
    plain = [
        name
        for name, attribute in attributes.items()
        if attribute.kind == "value"
        and attribute.type not in (bytes, list, dict)
        and name not in {*first, *last, *_KNOWN}
    ]
    room = max(0, _MOST - len(first) - len(last))
    found = [*first, *plain[:room], *last]
    return found if first else ["object_id", *found]


def _spread(attributes: Any, name: str) -> list[str]:
    attribute = attributes[name]
    if attribute.kind == "link":
        return [f"{name}.name"] if "name" in attribute.type._attributes else []
    if attribute.kind == "struct":
        return [f"{name}.{f}" for f in ("mean", "stdev") if f in attribute.type._attributes]
    return [name]


def cell_text(value: Any, root: Any = None, path: str = "") -> str:
    """Return a value as a cell shows it.

    Parameters
    ----------
    value : object
        What the database gave.
    root : type, optional
        Class whose flags ``quality_flags`` are.
    path : str
        Attribute path.
    """
    if value is None:
        return "–"
    if path == "quality_flags" and root is not None and hasattr(root, "FLAGS"):
        return repr(QualityFlags(int(value), root))
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes | memoryview):
        return f"{len(value):,} bytes"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def checked_key(after: Any) -> Sequence[Any] | None:
    """Return a key of a page as it came from the browser.

    Raises
    ------
    QueryError
        If it is none.
    """
    if after is None:
        return None
    if not isinstance(after, list) or len(after) != 2:
        raise QueryError(f"{after!r} is not the key of a page")
    return after
