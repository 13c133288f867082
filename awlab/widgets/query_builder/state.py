"""From what was chosen to a query: conditions as plain data in, a `Query` out.

A condition is ``{"path", "op", "value", "high"}``; a group is ``{"join": "and" | "or", "not",
"items"}`` of conditions and groups. All of it comes from a browser and is checked.
"""

from __future__ import annotations

import math
from typing import Any

from awlab.backend.database import AttributePath, Persistent, Query
from awlab.backend.errors import QueryError
from awlab.widgets.query_builder.choices import (
    OPERATORS,
    attributes_of,
    class_list,
    class_of_name,
    find_attributes,
    kind_of,
    steps_to,
    values_of,
)
from awlab.widgets.result_grid import GridState, default_columns

__all__ = ["QueryState", "build_query", "read_value"]

_DEEPEST = 8
_MOST = 200


class QueryState:
    """A query that is being put together.

    Parameters
    ----------
    cls : type
        Class asked for at the beginning.
    """

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.query: Query = cls.select_all()
        self.columns: list[str] = default_columns(cls)
        self.grid = GridState(self.query, self.columns)

    def opening(self) -> dict[str, Any]:
        """Return what is chosen and what there is to choose from."""
        return {"classes": class_list(), "class_name": self.cls.__name__, **self.told()}

    def told(self) -> dict[str, Any]:
        """Return the query as Python and as SQL, and its columns."""
        return {
            "python": str(self.query),
            "sql": self.query.sql(),
            "columns": self.columns,
        }

    def set_class(self, name: str) -> dict[str, Any]:
        """Begin anew with another class."""
        self.__init__(class_of_name(name))  # type: ignore[misc]
        return {"class_name": name, **self.told()}

    def ask(self, group: Any, columns: Any = None, order: str = "") -> dict[str, Any]:
        """Make conditions, columns and order the query.

        Parameters
        ----------
        group : dict
            Conditions.
        columns : list of str, optional
            Paths to show; those that tell objects apart by default.
        order : str
            Path to sort by, ``-`` in front for descending.
        """
        query = build_query(self.cls, group)
        if order:
            query = query.order_by(str(order))
        chosen = [str(path) for path in columns] if columns else default_columns(self.cls)
        self.grid = GridState(query, chosen)
        self.query, self.columns = query, chosen
        return self.told()

    def attributes(self, path: str = "") -> list[dict[str, Any]]:
        """Return the attributes of the class, or of what a path leads to."""
        return attributes_of(self.cls, path)

    def find(self, text: str) -> list[dict[str, Any]]:
        """Find attributes at any depth."""
        return find_attributes(self.cls, text)

    def values(self, path: str) -> dict[str, Any]:
        """Return values to complete with."""
        return values_of(self.cls, path)


def build_query(cls: Any, group: Any) -> Query:
    """Turn conditions into a query.

    Parameters
    ----------
    cls : type
        Class asked for.
    group : dict
        The outermost group.

    Raises
    ------
    QueryError, UnknownAttribute
        If a condition does not fit; the message names it.
    """
    found = _group(cls, group, 0)
    everything: Query = cls.select_all()
    return everything if found is None else found


def _group(cls: Any, group: Any, depth: int) -> Query | None:
    if not isinstance(group, dict) or group.get("join") not in ("and", "or"):
        raise QueryError("a group of conditions is joined by and, or by or")
    items = group.get("items", [])
    if not isinstance(items, list) or len(items) > _MOST or depth > _DEEPEST:
        raise QueryError(
            "too many conditions", f"at most {_MOST} in a group, {_DEEPEST} groups deep"
        )
    result: Query | None = None
    for item in items:
        inner = isinstance(item, dict) and "join" in item
        part = _group(cls, item, depth + 1) if inner else _condition(cls, item)
        if part is None:
            continue
        if result is None:
            result = part
        else:
            result = result & part if group["join"] == "and" else result | part
    return ~result if result is not None and group.get("not") else result


def _condition(cls: Any, item: Any) -> Query | None:
    """Return one condition; None while its value is not typed yet."""
    if not isinstance(item, dict):
        raise QueryError(f"{item!r} is not a condition")
    path, op = str(item.get("path", "")), str(item.get("op", ""))
    attribute = steps_to(cls, path)[-1]
    if op not in OPERATORS.get(kind_of(attribute), []):
        raise QueryError(f"{cls.__name__}.{path} cannot be asked with {op!r}")
    chain: Any = cls
    for name in path.split("."):
        chain = getattr(chain, name)
    value = item.get("value", "")
    if op in ("is null", "is not null"):
        query: Query = chain.is_null()
        return query if op == "is null" else ~query
    if value in ("", None) or (op == "between" and item.get("high") in ("", None)):
        return None
    if op == "between":
        found: Query = chain.between(
            read_value(attribute, value), read_value(attribute, item["high"])
        )
        return found
    return _compared(chain, attribute, op, value)


def _compared(chain: AttributePath, attribute: Persistent, op: str, value: Any) -> Query:
    if op == "in":
        words = value if isinstance(value, list) else str(value).split(",")
        wanted = [read_value(attribute, str(word).strip()) for word in words if str(word).strip()]
        return chain.in_(wanted)
    read = read_value(attribute, value)
    if op == "like":
        return chain.like(read)
    compare = {
        "==": chain.__eq__, "!=": chain.__ne__, "<": chain.__lt__, "<=": chain.__le__,
        ">": chain.__gt__, ">=": chain.__ge__,
    }  # fmt: skip
    return compare[op](read)


def read_value(attribute: Persistent, text: Any) -> Any:
    """Read what was typed as a value of an attribute.

    Parameters
    ----------
    attribute : Persistent
        What it is compared with.
    text : object
        As it came from the browser.

    Raises
    ------
    QueryError
        If it is not such a value.
    """
    kind = attribute.type.__name__ if attribute.kind == "value" else "str"
    typed = str(text).strip()
    try:
        if kind == "int":
            return int(typed)
        if kind == "float":
            number = float(typed)
            if math.isnan(number):
                raise ValueError(typed)
            return number
        if kind == "bool":
            return {"true": True, "false": False, "1": True, "0": False}[typed.lower()]
    except (ValueError, KeyError):
        raise QueryError(f"{attribute.name}: {typed!r} is not a {kind}") from None
    return typed
