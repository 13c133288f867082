"""What can be made, and what there is to make it from: classes, nights, objects, filters, chips."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import Query, context, read_records, registered_classes
from awlab.backend.datamodel import Chip, Filter, Instrument, RawScienceFrame
from awlab.backend.errors import QueryError
from awlab.backend.process import ProcessTarget, is_keyed_by_raw, is_selection
from awlab.widgets.query_builder.choices import values_of

__all__ = ["choices_of", "key_of", "target_class", "target_classes"]

_PIPELINE, _CALIBRATION = "image pipeline", "calibrations"
# Nights and objects are those of the newest raw frames: others are typed.
_SAMPLE = 5_000
_LONGEST = 200


def target_classes() -> list[dict[str, Any]]:
    """Return the target classes that a key can ask for, products first."""
    found = []
    for name, cls in sorted(registered_classes().items()):
        if cls._abstract or not issubclass(cls, ProcessTarget) or not _has_key(cls):
            continue
        kind = _CALIBRATION if getattr(cls, "_is_calibration", False) else _PIPELINE
        doc = (cls.__doc__ or "").strip().partition("\n")[0]
        by_filter = "filter" in cls._attributes or kind is _PIPELINE
        found.append({"name": name, "kind": kind, "doc": doc, "by_filter": by_filter})
    return sorted(found, key=lambda entry: entry["kind"] == _CALIBRATION)


def _has_key(cls: Any) -> bool:
    is_calibration = getattr(cls, "_is_calibration", False)
    return bool(is_calibration or is_keyed_by_raw(cls) or is_selection(cls))


def target_class(name: Any) -> Any:
    """Return a target class by its name.

    Raises
    ------
    QueryError
        If there is none that a key can ask for.
    """
    cls = registered_classes().get(str(name))
    if cls is None or not issubclass(cls, ProcessTarget) or not _has_key(cls):
        raise QueryError(f"{name!r} is not a target that can be chosen", "choose one of the list")
    return cls


def choices_of(instrument: str) -> dict[str, Any]:
    """Return what there is to choose from for an instrument.

    Parameters
    ----------
    instrument : str
        Its name; empty for all.
    """
    key = {"instrument": instrument} if instrument else {}
    raws: Query = RawScienceFrame.select(**key)
    recent = read_records(raws.order_by("-creation_date").limit(_SAMPLE), ("night", "OBJECT"))
    return {
        "projects": context.projects,
        "project": context.project,
        "instruments": values_of(Instrument, "name")["values"],
        "instrument": instrument,
        "filters": _names(Filter.select(**key)),
        "chips": _names(Chip.select(**key)),
        "nights": sorted({night for night, _ in recent if night}, reverse=True)[:_LONGEST],
        "objects": sorted({title for _, title in recent if title})[:_LONGEST],
    }


def _names(query: Query) -> list[str]:
    return sorted({str(name) for (name,) in read_records(query, ("name",)) if name})


def key_of(cls: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the key of ``Class.plan`` that is meant; what is left open means all.

    Parameters
    ----------
    cls : type
        Target class.
    asked : dict
        ``instrument``, ``date``, ``object``, ``filter`` as text; ``chips`` as a list of names,
        empty for all chips.

    Raises
    ------
    QueryError
        If the chips are no list of names.
    """
    chips = asked.get("chips") or []
    if not isinstance(chips, list) or not all(isinstance(name, str) for name in chips):
        raise QueryError(f"{chips!r} are no chips", "a list of names, empty for all")
    words = {n: str(asked.get(n) or "").strip() for n in ("instrument", "date", "object", "filter")}
    key: dict[str, Any] = {name: text for name, text in words.items() if text}
    if chips:
        key["chip"] = chips[0] if len(chips) == 1 else chips
    if getattr(cls, "_is_calibration", False):
        key.pop("object", None)
        key.setdefault("chip", "*")
        if "filter" in cls._attributes:
            key.setdefault("filter", "*")
        else:
            key.pop("filter", None)
    return key
