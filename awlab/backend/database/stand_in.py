"""Classes this process has no code for, made from their definition in the database.

Somebody's notebook class leaves objects behind that others meet in lineage: they can read them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from awlab.backend.database.attributes import persistent
from awlab.backend.database.class_tables import Catalog, KnownTable
from awlab.backend.database.meta import DBMeta, class_named

__all__ = ["class_of"]

_BASIC = {t.__name__: t for t in (str, int, float, bool, datetime, bytes, list, dict)}


def class_of(known: Catalog, number: int) -> Any:
    """Return the class with that number in the database: its code's, or a stand-in.

    Parameters
    ----------
    known : Catalog
        The classes of the database.
    number : int
        Row of ``dbclass``.
    """
    table = known.by_id(number)
    return class_named(table.name) or _make(table)


def _make(table: KnownTable) -> Any:
    bases = [class_named(name) for name in table.parents]
    base = next(found for found in bases if found is not None)
    namespace: dict[str, Any] = {
        "__module__": "awlab.stand_in",
        "__doc__": f"{table.name}: its code is not loaded in this process; its values are here.",
    }
    for attribute in table.definition["attributes"]:
        name = attribute["name"]
        if name in base._attributes or attribute["kind"] == "struct":
            continue
        basic = _BASIC.get(attribute["type"])
        type_ = basic or class_named(attribute["type"]) or class_named("DBObject")
        many = attribute["kind"] in ("links", "array")
        namespace[name] = persistent(
            attribute["doc"],
            type_,  # type: ignore[arg-type]
            [] if many else None,
            dependency=attribute["dependency"],
            optional=attribute["optional"],
        )
    return DBMeta(table.name, (base,), namespace)
