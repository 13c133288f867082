"""Looking closer at one object, and changing its verdict or its validity with foresight."""

from __future__ import annotations

from typing import Any

from awlab.backend.datamodel import Judged
from awlab.backend.errors import QueryError
from awlab.backend.lineage import facts_of, label_of
from awlab.backend.process import what_if
from awlab.widgets.calibration_timeline.state import time_text

__all__ = ["Change", "portrait"]

_SHOWN = 200
_REMARKS = 50
_TIMES = ("timestamp_start", "timestamp_end")


def portrait(item: Any) -> dict[str, Any]:
    """Return everything the panel says of an object, and what of it may be changed.

    Parameters
    ----------
    item : Judged
        Committed object.
    """
    sections = [[title, list(rows.items())] for title, rows in facts_of(item).items() if rows]
    has_validity = _TIMES[0] in type(item)._attributes
    return {
        "id": item.object_id,
        "title": type(item).__name__,
        "name": label_of(item),
        "sections": sections,
        "python": f"{type(item).__name__}(object_id={item.object_id!r})",
        "is_valid": item.is_valid,
        "has_validity": has_validity,
        "start": time_text(item.timestamp_start) if has_validity else "",
        "end": time_text(item.timestamp_end) if has_validity else "",
        "remarks": _remarks(item),
    }


def _remarks(item: Judged) -> list[str]:
    """Comments and changes, the newest first."""
    told = [
        (e.made, f"{e.member} changed {e.attribute} from {e.old} to {e.new}: {e.reason}")
        for e in item.history()
    ]
    comments = item.comments().order_by("-creation_date").limit(_REMARKS)
    told += [(c.creation_date, f"{c.creator}: {c.content}") for c in comments]
    return [f"{time_text(when)}  {text}" for when, text in sorted(told, reverse=True)[:_REMARKS]]


class Change:
    """Another verdict or another validity of one object, as it came from the browser.

    Parameters
    ----------
    item : Judged
        Committed object.
    asked : dict
        ``is_valid``, ``start``, ``end``; what is missing or as it is stays.

    Raises
    ------
    QueryError, WrongType
        If a value has no meaning, or nothing is changed.
    """

    def __init__(self, item: Any, asked: Any) -> None:
        if not isinstance(asked, dict):
            raise QueryError(f"{asked!r} is no change")
        self.item = item
        self.values: dict[str, Any] = {}
        verdict = asked.get("is_valid", item.is_valid)
        if verdict not in (0, 1, 2):
            raise QueryError(f"{verdict!r} is no verdict", "0 bad, 1 valid, 2 qualified")
        if verdict != item.is_valid:
            self.values["is_valid"] = int(verdict)
        for name, word in zip(_TIMES, ("start", "end"), strict=True):
            text = asked.get(word)
            if text in (None, "") or name not in type(item)._attributes:
                continue
            value = type(item)._attributes[name].check(text)
            if value != getattr(item, name):
                self.values[name] = value
        if not self.values:
            raise QueryError("nothing is changed", "give another verdict, or another validity")

    def words(self) -> list[str]:
        """Say what changes."""
        return [
            f"{name}: {_word(getattr(self.item, name))} → {_word(value)}"
            for name, value in self.values.items()
        ]

    def foresee(self) -> dict[str, Any]:
        """Return which products would become outdated; nothing is changed."""
        found = what_if(self.item, **self.values)
        return {
            "words": self.words(),
            "outdated": [_product(item, why) for item, why in found.outdated[:_SHOWN]],
            "outdated_total": len(found.outdated),
            "restored": [_product(item, []) for item in found.restored[:_SHOWN]],
            "restored_total": len(found.restored),
        }

    def commit(self, reason: str) -> None:
        """Make the change.

        Parameters
        ----------
        reason : str
            Why; kept with the change.

        Raises
        ------
        QueryError
            If there is no reason, or the validity would be empty.
        AccessDenied
            If the object is not one's own.
        """
        item, new = self.item, self.values
        if set(_TIMES) & set(new):
            start, end = (new.get(name, getattr(item, name)) for name in _TIMES)
            item.set_timestamps(start, end, str(reason))
        if "is_valid" in new:
            item.set_valid(new["is_valid"], str(reason))


def _product(item: Any, reasons: list[str]) -> dict[str, Any]:
    name = type(item).__name__
    python = f"{name}(object_id={item.object_id!r})"
    return {"class_name": name, "label": label_of(item), "reasons": reasons, "python": python}


def _word(value: Any) -> str:
    return str(value) if isinstance(value, int) else time_text(value)
