"""Attribute chains on classes: ``ReducedScienceFrame.flat.imstat.stdev > 3``."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from awlab.backend.database.attributes import Persistent, coerce
from awlab.backend.database.expression import Between, Compare, In, IsNull, Like, Node
from awlab.backend.database.query import Query
from awlab.backend.database.resolve import attribute_of, walk_path
from awlab.backend.errors import AmbiguousTruth, QueryError, WrongType

__all__ = ["PATH_METHODS", "AttributePath"]

PATH_METHODS = frozenset({"like", "in_", "between", "is_null"})


class AttributePath:
    """One attribute reached from a class, to be compared with something.

    Parameters
    ----------
    root : type
        Persistent class where the chain begins.
    names : tuple of str
        The steps.
    """

    __slots__ = ("_names", "_root")

    def __init__(self, root: Any, names: tuple[str, ...]) -> None:
        self._root = root
        self._names = names

    def _last(self) -> Persistent:
        return walk_path(self._root, self._names)[-1]

    def __getattr__(self, name: str) -> AttributePath:
        if name.startswith("_"):
            raise AttributeError(name)
        last = self._last()
        if last.kind in ("value", "array"):
            raise QueryError(f"{self} is a plain value", f"it has no attribute {name!r}")
        attribute_of(last.type, name)
        return AttributePath(self._root, (*self._names, name))

    def __dir__(self) -> list[str]:
        last = self._last()
        inner = () if last.kind in ("value", "array") else last.type._attributes
        return sorted({*_methods_of(last), *inner})

    def __str__(self) -> str:
        return f"{self._root.__name__}.{'.'.join(self._names)}"

    def __repr__(self) -> str:
        last = self._last()
        unit = f" [{last.unit}]" if last.unit else ""
        kind = f"list of {last.type.__name__}" if last.kind == "links" else last.type.__name__
        return f"<{self}: {kind}{unit}; {last.doc}>"

    def __bool__(self) -> bool:
        raise AmbiguousTruth(f"{self} is neither true nor false", "compare it with a value")

    __hash__ = None  # type: ignore[assignment]

    def _unbracketed(self, other: object) -> NoReturn:
        # & binds closer than ==: in  a == 1 & b == 2  Python begins with  1 & b.
        raise QueryError(
            f"{self} and {other!r} cannot be combined",
            "put every comparison in parentheses: (a == 1) & (b == 2)",
        )

    __and__ = __rand__ = __or__ = __ror__ = _unbracketed

    def __invert__(self) -> NoReturn:
        raise QueryError(f"{self} cannot be inverted", "compare it first: ~(a == 1)")

    def _query(self, node: Node) -> Query:
        return Query(self._root, node)

    def _operand(self, value: Any) -> Any:
        last = self._last()
        try:
            if last.name == "object_id":
                return _identity_operand(value)
            if last.is_link:
                return _link_operand(last, value)
            if last.kind == "value":
                return coerce(last.type, value)
        except WrongType as exc:
            raise QueryError(f"{self}: {exc.message}", exc.hint) from None
        raise QueryError(f"{self} is a {last.kind} and cannot be compared", _advice(last))

    def _compare(self, op: str, value: Any) -> Query:
        names = self._names
        last = self._last()
        if last.is_link:
            if op not in ("==", "!="):
                raise QueryError(f"{self} is a link: links have no order", _advice(last))
            if isinstance(value, str):
                # A name stands for the thing named, as on the slides: filter == '#841'.
                attribute_of(last.type, "name")
                names = (*names, "name")
                return Query(self._root, Compare(names, op, value))
        if value is None:
            if op not in ("==", "!="):
                raise QueryError(f"{self} cannot be ordered against None")
            query = self.is_null()
            return query if op == "==" else ~query
        return self._query(Compare(names, op, self._operand(value)))

    def __eq__(self, value: object) -> Query:  # type: ignore[override]
        return self._compare("==", value)

    def __ne__(self, value: object) -> Query:  # type: ignore[override]
        return self._compare("!=", value)

    def __lt__(self, value: Any) -> Query:
        return self._compare("<", value)

    def __le__(self, value: Any) -> Query:
        return self._compare("<=", value)

    def __gt__(self, value: Any) -> Query:
        return self._compare(">", value)

    def __ge__(self, value: Any) -> Query:
        return self._compare(">=", value)

    def like(self, pattern: str) -> Query:
        """Fit a text to a pattern in which ``*`` is any text and ``?`` any one character.

        Raises
        ------
        QueryError
            If the attribute or the pattern is not a text.
        """
        last = self._last()
        if last.is_link:
            return AttributePath(self._root, (*self._names, "name")).like(pattern)
        if last.type is not str or last.kind != "value" or not isinstance(pattern, str):
            raise QueryError(f"{self}.like({pattern!r}): both must be texts", _advice(last))
        try:
            return self._query(Like(self._names, coerce(str, pattern)))
        except WrongType as exc:
            raise QueryError(f"{self}.like({pattern!r}): {exc.message}", exc.hint) from None

    def in_(self, values: Any) -> Query:
        """Equal one of ``values``.

        Raises
        ------
        QueryError
            If ``values`` is a text or holds something that cannot be compared.
        """
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise QueryError(f"{self}.in_({values!r}) needs a list", "write in_([...])")
        values = list(values)
        last = self._last()
        if last.is_link and values and all(isinstance(value, str) for value in values):
            return AttributePath(self._root, (*self._names, "name")).in_(values)
        if any(value is None for value in values):
            raise QueryError(f"{self}.in_: None is not a value", "add | path.is_null()")
        return self._query(In(self._names, tuple(self._operand(value) for value in values)))

    def between(self, low: Any, high: Any) -> Query:
        """Lie between two values, both included.

        Raises
        ------
        QueryError
            If a bound does not fit the attribute.
        """
        if self._last().is_link or low is None or high is None:
            raise QueryError(f"{self}.between needs an attribute with an order and two values")
        return self._query(Between(self._names, self._operand(low), self._operand(high)))

    def is_null(self) -> Query:
        """Have no value.

        Raises
        ------
        QueryError
            For a struct, which has no value of its own.
        """
        if self._last().kind == "struct":
            raise QueryError(f"{self} is a struct", _advice(self._last()))
        return self._query(IsNull(self._names))


def _methods_of(last: Persistent) -> frozenset[str]:
    """Return the methods that make sense for an attribute."""
    if last.kind == "struct":
        return frozenset()
    if last.is_link:
        return PATH_METHODS - {"between"} - (set() if _has_name(last) else {"like"})
    return PATH_METHODS if last.type is str else PATH_METHODS - {"like"}


def _has_name(last: Persistent) -> bool:
    return "name" in last.type._attributes


def _identity_operand(value: Any) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise WrongType(
            f"{value!r} is not an object_id",
            "it looks like 0192f0c1-7d3e-7abc-8def-0123456789ab; like() takes a part of it",
        ) from None


def _link_operand(last: Persistent, value: Any) -> Any:
    number = getattr(value, "_id", None)
    if not isinstance(value, last.type) or number is None:
        raise WrongType(
            f"{value!r} is not a committed {last.type.__name__}", "compare with an object or a name"
        )
    return value


def _advice(last: Persistent) -> str:
    if last.kind in ("value", "array"):
        return f"it holds {last.type.__name__}"
    return f"use one of its attributes: {', '.join(sorted(last.type._attributes))}"
