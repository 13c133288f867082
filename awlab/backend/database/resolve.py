"""From attribute names to declarations: ``('flat', 'imstat', 'stdev')`` on a class."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any

from awlab.backend.database.attributes import Persistent
from awlab.backend.errors import QueryError, UnknownAttribute

__all__ = ["attribute_of", "column_name", "resolve", "split_path", "walk_path"]


def attribute_of(cls: Any, name: str) -> Persistent:
    """Return the declaration of ``name`` on a persistent class or struct.

    Raises
    ------
    UnknownAttribute
        With the nearest names as the hint.
    """
    attributes: dict[str, Persistent] = cls._attributes
    found = attributes.get(name)
    if found is not None:
        return found
    hint = _hint(name, tuple(attributes))
    raise UnknownAttribute(f"{cls.__name__} has no persistent attribute {name!r}", hint)


# Every `getattr(cls, name, default)` for what a class does not have ends here: the planner asks a
# hundred thousand times, and near names cost half a millisecond.
@lru_cache(maxsize=4096)
def _hint(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    lowered = {attribute.lower(): attribute for attribute in known}
    if name.lower() in lowered:
        near = [lowered[name.lower()]]
    return f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(sorted(known))}"


def split_path(path: str | tuple[str, ...]) -> tuple[str, ...]:
    """``'flat.imstat.stdev'`` -> ``('flat', 'imstat', 'stdev')``.

    Raises
    ------
    QueryError
        If it is not a dotted name.
    """
    names = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
    if not names or not all(name.isidentifier() for name in names):
        raise QueryError(f"{path!r} is not an attribute path", "write for instance 'imstat.stdev'")
    return names


def walk_path(cls: Any, names: tuple[str, ...]) -> tuple[Persistent, ...]:
    """Return the declaration of every step of a path.

    Raises
    ------
    UnknownAttribute
        If a step does not exist.
    QueryError
        If a step that is not last is a plain value.
    """
    steps: list[Persistent] = []
    here = cls
    for position, name in enumerate(names):
        step = attribute_of(here, name)
        steps.append(step)
        if position + 1 < len(names) and step.kind in ("value", "array"):
            raise QueryError(
                f"{cls.__name__}.{'.'.join(names[: position + 1])} is a plain value",
                f"it has no attribute {names[position + 1]!r}",
            )
        here = step.type
    return tuple(steps)


def resolve(cls: Any, path: str | tuple[str, ...]) -> tuple[Persistent, ...]:
    """`walk_path` on a dotted path."""
    return walk_path(cls, split_path(path))


def column_name(steps: tuple[Persistent, ...]) -> str:
    """Name of the column of a value: its own name, behind that of its struct if it has one.

    Parameters
    ----------
    steps : tuple of Persistent
        The steps after the last link: one attribute, or struct and field.
    """
    return "_".join(step.name for step in steps)
