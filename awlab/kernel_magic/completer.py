"""Tab completion behind ``%awe``: verbs, classes, attribute chains, chips, filters, nights."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import Query, class_named, registered_classes
from awlab.backend.datamodel import Chip, Filter, Instrument, RawFrame
from awlab.backend.errors import AwlabError
from awlab.kernel_magic.verbs import VERBS

__all__ = ["complete"]

_WITH_CLASS = ("query", "get", "plan")
_KEYS = ("instrument", "chip", "filter", "date", "object")


def complete(line: str) -> list[str]:
    """Return what may stand at the end of a line that begins with ``%awe``; never raises."""
    words = line.split(" ")[1:]
    try:
        return _complete(words)
    except AwlabError:
        return []


def _complete(words: list[str]) -> list[str]:
    last = words[-1] if words else ""
    if len(words) <= 1:
        return [name for name in VERBS if name.startswith(last)]
    if words[0] in _WITH_CLASS and len(words) == 2:
        return _chain(last) if "." in last else _classes(last, words[0])
    if "=" in last:
        name, _, begin = last.partition("=")
        return [f"{name}={value}" for value in _values(name) if value.startswith(begin)]
    if words[0] in (*_WITH_CLASS, "make"):
        return [f"{name}=" for name in _KEYS if name.startswith(last)]
    return []


def _classes(begin: str, verb: str) -> list[str]:
    wanted = registered_classes().items()
    return sorted(
        name
        for name, cls in wanted
        if name.startswith(begin) and (verb == "query" or hasattr(cls, "plan"))
    )


def _chain(path: str) -> list[str]:
    *before, begin = path.split(".")
    here: Any = class_named(before[0])
    for name in before[1:]:
        here = here._attributes[name].type if here and name in here._attributes else None
    attributes = getattr(here, "_attributes", {})
    return [".".join([*before, name]) for name in sorted(attributes) if name.startswith(begin)]


def _values(name: str) -> list[str]:
    if name in ("chip", "filter", "instrument"):
        cls: Any = {"chip": Chip, "filter": Filter, "instrument": Instrument}[name]
        return sorted({item.name for item in Query(cls).limit(200)})
    if name == "date":
        return sorted(set(Query(RawFrame).columns("night")["night"].tolist()))[-50:]
    return []
