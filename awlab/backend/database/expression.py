"""A condition as plain data: an immutable tree that knows neither SQL nor the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "And",
    "Between",
    "Compare",
    "In",
    "IsNull",
    "Like",
    "Node",
    "Not",
    "Or",
    "WithIds",
    "spell",
]

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """``path op value``; op is one of ``== != < <= > >=``."""

    path: Names
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class In:
    """``path`` equals one of the values."""

    path: Names
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """``low <= path <= high``."""

    path: Names
    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class Like:
    """``path`` fits a pattern with ``*`` and ``?``."""

    path: Names
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """``path`` has no value."""

    path: Names


@dataclass(frozen=True, slots=True)
class WithIds:
    """Be one of the rows with these numbers; ``text`` is the Python that found them."""

    ids: tuple[int, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class And:
    """All items hold; none at all means everything."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one item holds."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not hold: the exact complement, also where values are missing."""

    item: Node


Node = Compare | In | Between | Like | IsNull | WithIds | And | Or | Not


def _value(value: Any) -> str:
    if hasattr(value, "object_id"):
        return f"{type(value).__name__}(object_id={value.object_id!r})"
    return repr(value)


def spell(node: Node, root: str) -> str:
    """Write a condition as the Python expression that makes it.

    Parameters
    ----------
    node : Node
        Condition.
    root : str
        Name of the class queried.
    """
    match node:
        case And(items) | Or(items):
            sign = " & " if isinstance(node, And) else " | "
            return sign.join(f"({text})" for text in (spell(item, root) for item in items))
        case Not(item):
            return f"~({spell(item, root)})"
        case Compare(path, op, value):
            return f"{root}.{'.'.join(path)} {op} {_value(value)}"
        case In(path, values):
            inside = ", ".join(_value(value) for value in values)
            return f"{root}.{'.'.join(path)}.in_([{inside}])"
        case Between(path, low, high):
            return f"{root}.{'.'.join(path)}.between({_value(low)}, {_value(high)})"
        case Like(path, pattern):
            return f"{root}.{'.'.join(path)}.like({pattern!r})"
        case IsNull(path):
            return f"{root}.{'.'.join(path)}.is_null()"
        case WithIds(ids, text):
            return text or f"{root} among {len(ids)} certain objects"
