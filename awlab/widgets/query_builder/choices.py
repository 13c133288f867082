"""What there is to choose from: classes, attributes at any depth, operators, values."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import (
    DBObject,
    Persistent,
    Query,
    class_named,
    concrete_subclasses,
    registered_classes,
)
from awlab.backend.errors import QueryError
from awlab.backend.process import ProcessParameters, ProcessTarget

__all__ = [
    "OPERATORS",
    "attributes_of",
    "class_list",
    "class_of_name",
    "find_attributes",
    "kind_of",
    "steps_to",
    "values_of",
]

_DEEPEST = 4
_FOUND = 60
_SAMPLE = 5_000
_MOST = 300

_ORDERED = ["==", "!=", "<", "<=", ">", ">=", "between", "in", "is null", "is not null"]
OPERATORS: dict[str, list[str]] = {
    "str": ["==", "!=", "like", "in", "is null", "is not null"],
    "int": _ORDERED,
    "float": _ORDERED,
    "datetime": _ORDERED,
    "bool": ["==", "!=", "is null", "is not null"],
    "link": ["==", "!=", "like", "in", "is null", "is not null"],
    "links": ["is null", "is not null"],
}


def class_list() -> list[dict[str, Any]]:
    """Return the classes one may ask for, each with the first line of its documentation."""
    found = []
    known: dict[str, Any] = dict(registered_classes())
    for name, cls in sorted(known.items()):
        if cls is DBObject or issubclass(cls, ProcessParameters) or not concrete_subclasses(cls):
            continue
        doc = (cls.__doc__ or "").strip().partition("\n")[0]
        found.append({"name": name, "doc": doc, "abstract": bool(cls._abstract)})
    return found


def class_of_name(name: Any) -> Any:
    """Return a persistent class by its name.

    Raises
    ------
    QueryError
        If there is none.
    """
    cls = class_named(str(name))
    if cls is None:
        raise QueryError(f"{name!r} is not a persistent class", "choose one of the list")
    return cls


def attributes_of(cls: Any, path: str = "") -> list[dict[str, Any]]:
    """Return the attributes of a class, or of what a path leads to.

    Parameters
    ----------
    cls : type
        Class asked for.
    path : str
        Path of a link or a group of values; empty for the class itself.
    """
    owner = steps_to(cls, path)[-1].type if path else cls
    attributes: dict[str, Persistent] = getattr(owner, "_attributes", {})
    begin = f"{path}." if path else ""
    # What is special about a class comes before what every object has.
    names = sorted(attributes, key=lambda name: name in ProcessTarget._attributes)
    return [_describe(f"{begin}{name}", attributes[name]) for name in names]


def steps_to(cls: Any, path: str) -> list[Persistent]:
    """Return the declarations along a path.

    Raises
    ------
    UnknownAttribute, QueryError
        If there is no such path.
    """
    steps = []
    chain: Any = cls
    for name in str(path).split("."):
        if not name.isidentifier() or name.startswith("_"):
            raise QueryError(f"{path!r} is not an attribute path")
        chain = getattr(chain, name)
        if not hasattr(chain, "_last"):
            raise QueryError(f"{cls.__name__}.{path} is not an attribute")
        steps.append(chain._last())
    return steps


def kind_of(attribute: Persistent) -> str:
    """Return the key of the operators that fit an attribute; empty where none does."""
    if attribute.kind == "link" and "name" not in attribute.type._attributes:
        return "links"
    if attribute.kind == "value":
        return str(attribute.type.__name__)
    return attribute.kind


def _describe(path: str, attribute: Persistent) -> dict[str, Any]:
    kind = kind_of(attribute)
    inner = attribute.kind in ("link", "links", "struct")
    return {
        "path": path,
        "name": path.rpartition(".")[2],
        "doc": attribute.doc,
        "unit": attribute.unit or "",
        "type": attribute.type.__name__,
        "many": attribute.kind in ("links", "array"),
        "inner": inner,
        "operators": OPERATORS.get(kind, []),
        "column": attribute.kind in ("value", "link"),
    }


def find_attributes(cls: Any, text: str) -> list[dict[str, Any]]:
    """Find attributes at any depth by a part of their path or documentation, nearest first.

    Parameters
    ----------
    cls : type
        Class asked for.
    text : str
        What is typed.
    """
    wanted = str(text).lower().strip()
    found: list[dict[str, Any]] = []
    level = [("", {cls})]
    for _ in range(_DEEPEST):
        below: list[tuple[str, set[Any]]] = []
        for path, above in level:
            for item in attributes_of(cls, path):
                if wanted in item["path"].lower() or wanted in item["doc"].lower():
                    found.append(item)
                kind = steps_to(cls, item["path"])[-1].type if item["inner"] else None
                # A class inside itself (prev.prev.prev) says nothing new.
                if kind is not None and kind not in above and kind is not DBObject:
                    below.append((item["path"], above | {kind}))
        if len(found) >= _FOUND:
            break
        level = below
    return found[:_FOUND]


def values_of(cls: Any, path: str) -> dict[str, Any]:
    """Return values that an attribute has, for completing what is typed.

    Parameters
    ----------
    cls : type
        Class asked for.
    path : str
        Attribute; of a link, names are returned.

    Returns
    -------
    dict
        ``values``, and whether they come from a ``sample`` of the newest objects.
    """
    steps = steps_to(cls, path)
    if steps[-1].kind == "link":
        return values_of(cls, f"{path}.name")
    if steps[-1].kind != "value" or steps[-1].type not in (str, bool):
        return {"values": [], "sample": False}
    if steps[-1].type is bool:
        return {"values": ["True", "False"], "sample": False}
    # A name is a name whoever is linked to it: chips are read from the chips, not from all frames.
    root, rest = cls, path
    if len(steps) > 1 and steps[-2].is_link:
        root, rest = steps[-2].type, steps[-1].name
    if any(step.kind == "links" for step in steps[:-1]) and root is cls:
        return {"values": [], "sample": False}
    query: Query = root.select_all().order_by("-creation_date").limit(_SAMPLE)
    column = query.columns(rest)[rest]
    values = sorted({str(value) for value in column.tolist() if value})
    return {"values": values[:_MOST], "sample": len(column) == _SAMPLE}
