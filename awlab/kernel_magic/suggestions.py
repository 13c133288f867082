"""What may stand at a place behind ``%awe``: the kind of place is the ``metavar`` in the parser.

The database is asked only where one is connected: a TAB starts none.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from typing import Any

from awlab.backend.database import (
    DBObject,
    Query,
    class_named,
    context,
    current_database,
    database_is_open,
    registered_classes,
)
from awlab.backend.datamodel import Chip, Filter, Instrument, RawFrame
from awlab.backend.process import Pars, lpu, parameter_names
from awlab.kernel_magic.config import prompt

__all__ = ["suggest", "suggest_sql"]

_PATH_METHODS = ("between(", "in_(", "is_null()", "like(")
_MOST = 300
# A night is added by an ingest, perhaps elsewhere: what was read is good for so long [s].
_FRESH = 30.0


def suggest(
    action: argparse.Action, before: list[str], last: str, variables: dict[str, Any]
) -> list[str]:
    """Return the words that fit a place and begin with what is typed.

    Parameters
    ----------
    action : Action
        The argument the word is for.
    before : list of str
        The words between the verb and this one.
    last : str
        What is typed of the word.
    variables : dict
        The user's variables.
    """
    if action.choices is not None:
        return [str(choice) for choice in action.choices if str(choice).startswith(last)]
    kind = str(action.metavar)
    if kind in ("OBJECT", "OBJECTS"):
        fitting = DBObject if kind == "OBJECT" else DBObject | Query
        names = (name for name, value in variables.items() if isinstance(value, fitting))
        return sorted(name for name in names if name.startswith(last) and name[0] != "_")
    found = _KINDS.get(kind)
    return [] if found is None else found(before, last)


# -- classes -------------------------------------------------------------------------------


def _classes(last: str, *, targets: bool = False) -> list[str]:
    return sorted(
        name
        for name, cls in registered_classes().items()
        if name.startswith(last) and (not targets or (hasattr(cls, "plan") and not cls._abstract))
    )


def _chain(path: str) -> list[str]:
    """Continue an attribute chain behind a class: ``BiasFrame.chip.na``."""
    first, *steps = path.split(".")
    begin = steps.pop()
    here: Any = class_named(first)
    for name in steps:
        attribute = getattr(here, "_attributes", {}).get(name)
        if attribute is None:
            return []
        here = attribute.type
    attributes = getattr(here, "_attributes", None)
    # Behind a plain value there is no attribute, but there are the questions one can ask of it.
    names = sorted(attributes) if attributes is not None else []
    names += _PATH_METHODS if steps else ()
    return [".".join([first, *steps, name]) for name in names if name.startswith(begin)]


def _query(before: list[str], last: str) -> list[str]:
    opening, word = re.match(r"^([(~]*)(.*)$", last).groups()  # type: ignore[union-attr]
    if "." in word and "=" not in word:
        return [opening + found for found in _chain(word)]
    if before and class_named(before[0]) is not None:
        return _key(before, last)
    return [opening + found for found in _classes(word)]


def _sequence(_: list[str], last: str) -> list[str]:
    before, arrow, begin = last.rpartition(">")
    classes = registered_classes().values()
    names = sorted({str(cls.SEQUENCE) for cls in classes if getattr(cls, "SEQUENCE", "")})
    return [before + arrow + name for name in names if name.startswith(begin)]


# -- keys ----------------------------------------------------------------------------------


def _key(before: list[str], last: str) -> list[str]:
    """Suggest names of a key, then values."""
    name, found, begin = last.partition("=")
    if found:
        values = _values(name, before)
        return [f"{name}={_quoted(value)}" for value in values if value.startswith(begin)]
    given = {word.partition("=")[0] for word in before if "=" in word}
    names = _parameters(before) if "." in last else _names(before)
    return [f"{name}=" for name in names if name.startswith(last) and name not in given]


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"\s", value) else value


def _names(before: list[str]) -> list[str]:
    cls: Any = class_named(before[0]) if before else None
    if cls is None:
        return ["instrument", "chip", "filter", "date", "object", "raw", "filename"]
    attributes = cls._attributes
    names = [name for name in ("instrument", "chip", "filter") if name in attributes]
    names += ["date"] if "night" in attributes else []
    names += ["object"] if "OBJECT" in attributes else []
    if not hasattr(cls, "plan"):
        return names + [n for n, a in attributes.items() if a.kind == "value" and n not in names]
    if "raw" in attributes:
        return [*names, "raw", "filename"]
    # A target of the user's own is asked for by what it is made from.
    made_from = [n for n, a in attributes.items() if a.is_link and a.dependency]
    return names or [name for name in made_from if name != "process_params"]


def _parameters(before: list[str]) -> list[str]:
    cls = class_named(before[0]) if before else None
    if cls is None or not hasattr(cls, "plan"):
        return []
    pars = Pars(cls)
    return [
        f"{target}.process_params.{name}"
        for target in pars._targets
        for name in parameter_names(getattr(pars, target).process_params._cls)
    ]


def _context(_: list[str], last: str) -> list[str]:
    name, found, begin = last.partition("=")
    if not found:
        return [
            f"{key}=" for key in ("project", "privileges", "instrument") if key.startswith(last)
        ]
    values = _values(name, [])
    return [f"{name}={value}" for value in values if value.startswith(begin)]


# -- values, from the database -------------------------------------------------------------


def _values(name: str, before: list[str]) -> list[str]:
    if name == "privileges":
        return ["1", "2", "3", "4", "5"]
    read = _READERS.get(name)
    if read is None or not database_is_open():
        return []
    given = dict(word.split("=", 1) for word in before if "=" in word)
    memory = current_database().memory.setdefault("suggestions", {})
    key = (name, given.get("instrument"), context.project, current_database().epoch)
    found, when = memory.get(key, ([], None))
    if when is None or time.monotonic() - when > _FRESH:
        found = read(given.get("instrument"))
        memory[key] = (found, time.monotonic())
    return list(found)


def _named(cls: Any) -> Callable[[str | None], list[str]]:
    def read(instrument: str | None) -> list[str]:
        query = cls.select(instrument=instrument) if "instrument" in cls._attributes else Query(cls)
        return _distinct(query, "name")

    return read


def _nights(instrument: str | None) -> list[str]:
    return _distinct(RawFrame.select(instrument=instrument).order_by("-night"), "night")[::-1]


def _objects(instrument: str | None) -> list[str]:
    return _distinct(RawFrame.select(instrument=instrument), "OBJECT")


def _distinct(query: Query, path: str) -> list[str]:
    values = query.limit(50_000).columns(path)[path]
    return sorted({str(value) for value in values.tolist() if value})[-_MOST:]


_READERS: dict[str, Callable[[str | None], list[str]]] = {
    "chip": _named(Chip),
    "filter": _named(Filter),
    "instrument": lambda _: _distinct(Query(Instrument), "name"),
    "date": _nights,
    "night": _nights,
    "object": _objects,
    "OBJECT": _objects,
    "project": lambda _: context.projects,
}


def _jobs(_: list[str], last: str) -> list[str]:
    numbers = [str(row["id"]) for row in lpu.jobs(_MOST)] if database_is_open() else []
    return [number for number in numbers if number.startswith(last)]


def _settings(before: list[str], last: str) -> list[str]:
    known = prompt.as_dict()
    if not before:
        return [name for name in known if name.startswith(last)]
    is_switch = isinstance(known.get(before[0]), bool)
    return [word for word in ("on", "off") if is_switch and word.startswith(last)]


def _calibrations(last: str) -> list[str]:
    known = registered_classes()
    return [n for n in _classes(last, targets=True) if getattr(known[n], "_is_calibration", False)]


def _attribute(before: list[str], last: str) -> list[str]:
    """Suggest an attribute of the class that is named, or a key behind it."""
    if not before or class_named(before[0]) is None:
        return []
    if "=" in last or len(before) > 1:
        return _key(before, last)
    numbers = _chain(f"{before[0]}.{last}")
    return [name.partition(".")[2] for name in numbers if not name.endswith("(")]


_KINDS: dict[str, Callable[[list[str], str], list[str]]] = {
    "CALIBRATION": lambda _, last: _calibrations(last),
    "ATTRIBUTE": _attribute,
    "QUERY": _query,
    "CLASS": lambda _, last: _classes(last),
    "TARGET": lambda _, last: _classes(last, targets=True),
    "SEQUENCE": _sequence,
    "NAME=VALUE": _key,
    "CONTEXT": _context,
    "JOB": _jobs,
    "SETTING": _settings,
}


# -- free SQL ------------------------------------------------------------------------------


def suggest_sql(text: str, begin: str) -> list[str]:
    """Return classes, and columns of the classes that a statement names.

    Parameters
    ----------
    text : str
        The whole cell.
    begin : str
        What is typed of the word.
    """
    if not begin:
        return []
    known = registered_classes()
    lowered = {name.lower(): name for name in known}
    named = {lowered[word] for word in re.findall(r"\w+", text.lower()) if word in lowered}
    columns: set[str] = set()
    for name in named:
        for attribute, declared in known[name]._attributes.items():
            if declared.kind == "struct":
                columns |= {f"{attribute}_{inner}" for inner in declared.type._attributes}
            elif declared.kind != "links":
                columns.add(attribute)
    start = begin.lower()
    return sorted(word for word in {*known, *columns} if word.lower().startswith(start))
