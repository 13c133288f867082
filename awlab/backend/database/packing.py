"""New objects as plain values, so that one process can make them and another commit them.

What a new object links to travels as a row number if it is committed, and along with it if it is
new as well. Classes travel by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awlab.backend.database.meta import class_named
from awlab.backend.errors import TargetError

__all__ = ["PackedObject", "pack_object", "unpack_object"]


@dataclass(frozen=True, slots=True)
class _Row:
    """A committed object, by its row number."""

    number: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Another new object of the same pack."""

    index: int


@dataclass(frozen=True, slots=True)
class PackedObject:
    """One new object with all new ones that it links to; itself the first.

    Attributes
    ----------
    class_names : tuple of str
        Class of each.
    states : tuple of dict
        Values of each by attribute.
    """

    class_names: tuple[str, ...]
    states: tuple[dict[str, Any], ...]

    @property
    def filenames(self) -> list[str]:
        """Names of the files that the objects have."""
        return [state["filename"] for state in self.states if state.get("filename")]


def pack_object(item: Any) -> PackedObject:
    """Pack an object that is not committed.

    Parameters
    ----------
    item : DBObject
        New object.
    """
    found, places = [item], {id(item): 0}
    states: list[dict[str, Any]] = []
    for each in found:  # grows while it is gone through
        states.append(_state_of(each, found, places))
    return PackedObject(tuple(type(each).__name__ for each in found), tuple(states))


def _state_of(item: Any, found: list[Any], places: dict[int, int]) -> dict[str, Any]:
    def place_of(other: Any) -> Any:
        if other._id is not None:
            return _Row(int(other._id))
        if id(other) not in places:
            places[id(other)] = len(found)
            found.append(other)
        return _Place(places[id(other)])

    values: dict[str, Any] = {}
    for name, value in item._state.items():
        kind = type(item)._attributes[name].kind
        if value is None:
            values[name] = None
        elif kind == "link":
            values[name] = place_of(value)
        elif kind == "links":
            values[name] = [place_of(other) for other in value]
        else:
            values[name] = value.as_dict() if kind == "struct" else value
    return values


class _Committed:
    """A row number that stands for its object in a link that is about to be written."""

    def __init__(self, number: int) -> None:
        self._id = number


def unpack_object(packed: PackedObject) -> Any:
    """Return the object again, to be committed: what it links to is known by number alone.

    Raises
    ------
    TargetError
        If this process has no class of one of the names.
    """
    items = [_blank(name) for name in packed.class_names]

    def linked(value: Any) -> Any:
        return items[value.index] if isinstance(value, _Place) else _Committed(value.number)

    for item, state in zip(items, packed.states, strict=True):
        for name, value in state.items():
            attribute = type(item)._attributes[name]
            if value is None:
                item._state[name] = None
            elif attribute.kind == "link":
                item._state[name] = linked(value)
            elif attribute.kind == "links":
                item._state[name] = [linked(each) for each in value]
            else:
                item._state[name] = attribute.type(**value) if attribute.kind == "struct" else value
    return items[0]


def _blank(name: str) -> Any:
    cls: Any = class_named(name)
    if cls is None:
        raise TargetError(f"this process has no class {name}", "import the module it is in")
    item = cls.__new__(cls)
    item._state = {}
    return item
