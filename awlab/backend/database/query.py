"""A query: lazy, immutable, sequence-like. The class is the table, the expression is the query."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from awlab.backend.database.context import context
from awlab.backend.database.expression import And, Compare, Node, Not, Or, spell
from awlab.backend.database.resolve import split_path, walk_path
from awlab.backend.errors import AmbiguousTruth, QueryError, WrongType

if TYPE_CHECKING:
    from awlab.backend.database.results import Rows

__all__ = ["Query", "use_readers"]

# How queries are run is said from above (`reading`): a query itself is data.
_readers: dict[str, Callable[..., Any]] = {}


def use_readers(**readers: Callable[..., Any]) -> None:
    """Say how queries are run: one function per thing that can be read of a query."""
    _readers.update(readers)


_EVERYTHING = And(())


@dataclass(frozen=True, eq=False, repr=False)
class Query:
    """Objects of a class that fulfil a condition and are visible in the context.

    Made by comparing attributes of a class, never by hand. Results are read at the first use and
    kept until this process commits something.

    Attributes
    ----------
    root : type
        Persistent class; objects of derived classes are included.
    where : Node
        Condition.
    order : tuple of str
        Attribute paths, ``-`` in front for descending.
    start, stop : int or None
        Part of the ordered result.
    """

    root: Any
    where: Node = _EVERYTHING
    order: tuple[str, ...] = ()
    start: int = 0
    stop: int | None = None

    # -- combining -------------------------------------------------------------------------

    def _combine(self, other: object, kind: type[And] | type[Or]) -> Query:
        if not isinstance(other, Query):
            raise QueryError(
                f"{other!r} is not a query",
                "put every comparison in parentheses: (a == 1) & (b == 2)",
            )
        if self._cut or other._cut:
            raise QueryError("a query that was cut by limit or slice cannot be combined further")
        roots = (self.root, other.root)
        root = next((r for r in roots if all(issubclass(r, o) for o in roots)), None)
        if root is None:
            names = " and ".join(r.__name__ for r in roots)
            raise QueryError(f"{names} are different classes", "query one class at a time")
        items = [
            item
            for query in (self, other)
            for item in (query.where.items if isinstance(query.where, kind) else (query.where,))
        ]
        return Query(root, kind(tuple(items)), self.order or other.order)

    @property
    def _cut(self) -> bool:
        return self.start != 0 or self.stop is not None

    def __and__(self, other: object) -> Query:
        return self._combine(other, And)

    def __or__(self, other: object) -> Query:
        return self._combine(other, Or)

    def __invert__(self) -> Query:
        if self._cut:
            raise QueryError("a query that was cut by limit or slice cannot be inverted")
        return replace(self, where=Not(self.where))

    def __bool__(self) -> bool:
        raise AmbiguousTruth(
            "a query is neither true nor false",
            "combine queries with & | ~, and ask len(q) or q.exists()",
        )

    def order_by(self, *paths: str) -> Query:
        """Order the result by attribute paths; ``-path`` is descending, missing values come last.

        Raises
        ------
        UnknownAttribute
            If a path does not exist.
        QueryError
            If a path has no order.
        """
        for path in paths:
            steps = walk_path(self.root, split_path(path.removeprefix("-")))
            if steps[-1].kind != "value" or any(step.kind == "links" for step in steps):
                raise QueryError(f"{self.root.__name__}.{path} has no order", "order by a value")
        return replace(self, order=paths)

    def limit(self, n: int) -> Query:
        """Return at most the first ``n`` objects."""
        if n < 0:
            raise QueryError(f"limit({n}) is negative")
        stop = self.start + n
        return replace(self, stop=stop if self.stop is None else min(stop, self.stop))

    def user_only(self) -> Query:
        """Return only what the connected user made."""
        return self & Query(self.root, Compare(("creator",), "==", context.user))

    def project_only(self) -> Query:
        """Return only what belongs to the current project."""
        return self & Query(self.root, Compare(("project",), "==", context.project))

    def valid(self) -> Query:
        """Return only good data: is_valid > 0 and quality_flags == 0.

        Raises
        ------
        UnknownAttribute
            If the class has no verdict.
        """
        good: Query = (self.root.is_valid > 0) & (self.root.quality_flags == 0)
        return self & good

    # -- reading ---------------------------------------------------------------------------

    def _rows(self) -> Rows:
        rows: Rows = _readers["fetch_rows"](self)
        return rows

    def __len__(self) -> int:
        # list(q) asks for the length first: reading the rows, which are needed next, is no waste.
        return len(self._rows())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        if not hasattr(index, "__index__"):
            raise WrongType(
                f"a query has no [{index!r}]",
                "give a number or a slice; columns('imstat.stdev') reads an attribute",
            )
        rows = _readers["cached_rows"](self)
        if rows is None and index >= 0:
            found = self._slice(slice(index, index + 1))._rows()
            if len(found) == 0:
                raise IndexError(f"the query has no object number {index}")
            return found[0]
        rows = self._rows()
        if not -len(rows) <= index < len(rows):
            raise IndexError(f"the query has {len(rows)} objects, not number {index}")
        return rows[index % len(rows)]

    def _slice(self, part: slice) -> Query:
        start, stop = part.start or 0, part.stop
        if part.step not in (None, 1) or start < 0 or (stop is not None and stop < 0):
            raise QueryError("a query is sliced forwards only", "use list(q)[...]")
        new_stop = self.stop if stop is None else self.start + stop
        if self.stop is not None and new_stop is not None:
            new_stop = min(new_stop, self.stop)
        return replace(self, start=self.start + start, stop=new_stop)

    def count(self, cap: int | None = None) -> int:
        """Count the objects without reading them.

        Parameters
        ----------
        cap : int, optional
            Stop counting there.
        """
        return int(_readers["count_rows"](self, cap))

    def exists(self) -> bool:
        """Tell whether there is at least one object."""
        return self.count(cap=1) > 0

    def max(self, path: str) -> Any:
        """Return the object with the largest value of an attribute, None where there is none."""
        return self._extreme(f"-{path}", path)

    def min(self, path: str) -> Any:
        """Return the object with the smallest value of an attribute, None where there is none."""
        return self._extreme(path, path)

    def _extreme(self, order: str, path: str) -> Any:
        from awlab.backend.database.expression import IsNull

        names = split_path(path)
        value = [Not(IsNull(names))]
        if walk_path(self.root, names)[-1].type is float:
            value.append(Not(Compare(names, "==", math.nan)))
        has_value = replace(self, where=And((self.where, *value)))
        found = list(has_value.order_by(order).limit(1))
        return found[0] if found else None

    def columns(self, *paths: str) -> dict[str, Any]:
        """Read attributes as NumPy arrays, in one statement.

        Parameters
        ----------
        *paths : str
            Attribute paths such as ``'flat.imstat.stdev'``; a link gives its ``object_id``.

        Returns
        -------
        dict of ndarray
            One array per path, shape (n,); a masked array where values are missing.
        """
        return dict(_readers["read_columns"](self, paths))

    def table(self, *paths: str) -> Any:
        """Read attributes as an astropy ``QTable`` with units; all plain values by default."""
        return _readers["read_table"](self, paths)

    def sql(self) -> str:
        """Return the one SQL statement that finds the objects."""
        return str(_readers["spell_sql"](self))

    # -- showing ---------------------------------------------------------------------------

    def __str__(self) -> str:
        name = self.root.__name__
        text = f"{name}.select_all()" if self.where == And(()) else spell(self.where, name)
        if self.order or self._cut:
            text = text if text.endswith("()") else f"({text})"
            text += f".order_by({', '.join(map(repr, self.order))})" if self.order else ""
            stop = "" if self.stop is None else self.stop
            text += f"[{self.start}:{stop}]" if self._cut else ""
        return text

    def __repr__(self) -> str:
        return f"<Query {self}>"

    def _repr_html_(self) -> str:
        return str(_readers["html_page"](self))
