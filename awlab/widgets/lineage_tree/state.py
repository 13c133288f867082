"""What a lineage tree shows, as plain data; every step is a bounded number of statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from awlab.backend.database import (
    DBObject,
    Neighbour,
    NeighbourGroup,
    Query,
    WithIds,
    class_named,
    current_database,
    neighbour_groups,
    neighbours,
    objects_with_ids,
    verdicts_of,
)
from awlab.backend.datamodel import DataObject
from awlab.backend.errors import AwlabError, QueryError
from awlab.backend.lineage import explain, export_prov, facts_of, label_of
from awlab.widgets.lineage_tree.paths import Ancestry
from awlab.widgets.lineage_tree.portrait import plain_difference, small_picture

__all__ = ["PAGE", "LineageState"]

PAGE = 100
_FOUND = 50
_DIRECTIONS = ("upstream", "downstream")


class LineageState:
    """The lineage of one object, step by step.

    Parameters
    ----------
    item : DBObject
        Committed object at the root.

    Raises
    ------
    QueryError
        If the object is not committed.
    """

    def __init__(self, item: Any) -> None:
        if getattr(item, "_id", None) is None:
            raise QueryError(f"{item!r} has no lineage yet: it is not committed", "commit() it")
        self.item = item
        self._objects: dict[str, Any] = {item.object_id: item}
        self._above: dict[int, Ancestry] = {}

    # -- the tree --------------------------------------------------------------------------

    def opening(self) -> dict[str, Any]:
        """Return the root, its direct neighbours by class, and all its ancestors counted."""
        groups = self.groups(self.item.object_id)
        above = self._ancestry(self.item)
        return {
            "root": self._cards([_as_neighbour(self.item)])[0],
            "groups": groups,
            "ancestors": above.counts,
            "total": len(above.lineage),
            "hidden": above.lineage.hidden,
        }

    def groups(self, object_id: str) -> list[dict[str, Any]]:
        """Return the direct neighbours of an object, counted by role and class."""
        return [asdict(group) for group in neighbour_groups(self.object(object_id))]

    def members(
        self, object_id: str, direction: str, role: str, class_name: str, after: int = 0
    ) -> dict[str, Any]:
        """Return the next page of the objects of a group.

        Parameters
        ----------
        object_id : str
            Object they stand next to.
        direction, role, class_name : str
            Which group.
        after : int
            Row number of the last one that was shown.
        """
        group = _group(direction, role, class_name)
        found = neighbours(self.object(object_id), group, after=int(after), limit=PAGE + 1)
        return {"items": self._cards(found[:PAGE]), "more": len(found) > PAGE}

    def _cards(self, found: list[Neighbour]) -> list[dict[str, Any]]:
        ids = np.array([one.id for one in found], dtype=np.int64)
        rows = objects_with_ids(current_database(), ids, DBObject)
        cards = []
        for one, item in zip(found, rows, strict=True):
            known = self._objects.setdefault(one.object_id, item)
            cards.append(
                {
                    "id": one.object_id,
                    "row": one.id,
                    "class_name": one.class_name,
                    "label": short_label(known),
                    "name": label_of(known),
                    "state": registry_state(one, type(known)),
                    "raw": bool(type(known)._raw_data),
                }
            )
        return cards

    def object(self, object_id: str) -> Any:
        """Return an object of the tree; one never shown is read from the database."""
        found = self._objects.get(object_id)
        if found is None:
            found = self._objects[str(object_id)] = DBObject(object_id=object_id)
        return found

    # -- states ----------------------------------------------------------------------------

    def judge(self, object_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Say of targets whether they are up to date, and why not: one plan for each class."""
        by_class: dict[Any, list[Any]] = {}
        for object_id in list(object_ids)[:PAGE]:
            item = self.object(object_id)
            if hasattr(type(item), "outdated"):
                by_class.setdefault(type(item), []).append(item)
        found: dict[str, dict[str, Any]] = {}
        for cls, items in by_class.items():
            query = Query(cls, WithIds(tuple(item._id for item in items)))
            reasons = {item.object_id: why for item, why in cls.outdated(query)}
            registered = {one.object_id: one for one in verdicts_of(items)}
            for item in items:
                state = registry_state(registered[item.object_id], cls)
                why = reasons.get(item.object_id, [])
                if state == "not checked":
                    state = "outdated" if why else "up to date"
                found[item.object_id] = {"state": state, "reasons": why}
        return found

    # -- looking closer --------------------------------------------------------------------

    def portrait(self, object_id: str) -> dict[str, Any]:
        """Return everything the side panel says of an object."""
        item = self.object(object_id)
        sections = [[title, list(rows.items())] for title, rows in facts_of(item).items() if rows]
        return {
            "title": f"{type(item).__name__}",
            "name": label_of(item),
            "sections": sections,
            "python": python_of(item),
            "has_image": ".fits" in str(getattr(item, "filename", None) or ""),
        }

    def thumbnail(self, object_id: str) -> tuple[dict[str, Any], list[bytes]]:
        """Return a small picture of an object, or why there is none."""
        return small_picture(self.object(object_id))

    def difference(self, first: str, second: str) -> dict[str, Any]:
        """Say why two objects of one class differ: inputs, parameters, code, key, results.

        Parameters
        ----------
        first, second : str
            Their identities.

        Raises
        ------
        QueryError
            If they are of different classes.
        """
        one, other = self.object(first), self.object(second)
        found = plain_difference(explain(one, other))
        return found | {"python": f"explain({python_of(one)}, {python_of(other)})"}

    def path_to(self, object_id: str) -> dict[str, Any]:
        """Return the shortest way between the root and an object, and all that lies between.

        Raises
        ------
        QueryError
            If the object is neither above nor below the root.
        """
        item = self.object(object_id)
        if item in self._ancestry(self.item).lineage:
            steps, between = self._ancestry(self.item).way(self.item._id, item._id)
            direction = "upstream"
        elif self.item in self._ancestry(item).lineage:
            steps, between = self._ancestry(item).way(item._id, self.item._id)
            steps = [(role, there, here) for role, here, there in reversed(steps)]
            direction = "downstream"
        else:
            raise QueryError(f"{item!r} is not in the lineage of the object at the root")
        numbers = [there for _, _, there in steps]
        cards = self._cards_of_rows(sorted({*numbers, *between}))
        way = [{"direction": direction, "role": role, **cards[there]} for role, _, there in steps]
        return {"steps": way, "between": [card["id"] for card in cards.values()]}

    def _cards_of_rows(self, numbers: list[int]) -> dict[int, dict[str, Any]]:
        rows = objects_with_ids(current_database(), np.array(numbers, dtype=np.int64), DBObject)
        found = verdicts_of(list(rows))
        return {card["row"]: card for card in self._cards(found)}

    def _ancestry(self, item: Any) -> Ancestry:
        found = self._above.get(item._id)
        if found is None:
            found = self._above[item._id] = Ancestry(item)
        return found

    def search(self, text: str) -> list[dict[str, Any]]:
        """Find objects above and below the root by a part of their file name or identity."""
        wanted = " ".join(str(text).split())
        if not wanted:
            return []
        ids = set(self._ancestry(self.item).lineage.ids.tolist())
        ids |= set(self.item.downstream().ids.tolist())
        among = Query(DataObject, WithIds(tuple(sorted(ids))))
        pattern = wanted if "*" in wanted or "?" in wanted else f"*{wanted}*"
        found = list((among & DataObject.filename.like(pattern)).limit(_FOUND))
        try:
            exact = DBObject(object_id=wanted)
            found += [exact] if exact._id in ids else []
        except AwlabError:
            pass  # most texts are no identity
        return self._cards(verdicts_of(found)) if found else []

    # -- taking along ----------------------------------------------------------------------

    def group_query(self, object_id: str, direction: str, role: str, class_name: str) -> Query:
        """Return the objects of a group as a query."""
        item, cls = self.object(object_id), class_named(class_name)
        _group(direction, role, class_name)
        if cls is None:
            raise QueryError(f"{class_name!r} is not a persistent class of this process")
        if direction == "downstream":
            found: Query = getattr(cls, role) == item
            return found
        inputs: Query = item.upstream(depth=1).objects(cls)
        return inputs

    def prov(self) -> str:
        """Return the lineage above the root as PROV-JSON."""
        with TemporaryDirectory() as folder:
            return export_prov(self.item, Path(folder) / "prov.json").read_text(encoding="utf-8")

    def drawing(self) -> str:
        """Return the lineage above the root as an SVG drawing, one box for each class."""
        return self._ancestry(self.item).drawing(type(self.item).__name__)


def _group(direction: str, role: str, class_name: str) -> NeighbourGroup:
    if direction not in _DIRECTIONS:
        raise QueryError(f"{direction!r} is no direction", "upstream or downstream")
    return NeighbourGroup(direction, str(role), str(class_name), 0, False)  # type: ignore[arg-type]


def _as_neighbour(item: Any) -> Neighbour:
    valid, flags = getattr(item, "is_valid", 1), getattr(item, "quality_flags", 0)
    name = type(item).__name__
    return Neighbour(item._id, item.object_id, name, valid, int(flags), item.creation_date)


def registry_state(one: Neighbour, cls: Any) -> str:
    """Say what both verdicts make of an object; whether it is up to date is asked for apart."""
    if one.is_valid <= 0:
        return "invalid"
    if one.quality_flags:
        return "flagged"
    return "raw" if cls._raw_data else "not checked"


def short_label(item: Any) -> str:
    """Return what tells an object from its neighbours: chip, filter, object, time; or its name."""
    attributes = type(item)._attributes
    parts = []
    for name in ("chip", "filter"):
        linked = getattr(item, name) if name in attributes else None
        parts += [linked.name] if linked is not None else []
    title = item.OBJECT or "" if "OBJECT" in attributes else ""
    parts += [title] if title else []
    when = next((getattr(item, n) for n in ("DATE_OBS", "night") if n in attributes), None)
    if isinstance(when, datetime):
        parts.append(f"{when:%Y-%m-%d %H:%M:%S}")
    elif when:
        parts.append(str(when))
    return "  ".join(parts) if len(parts) > 1 else label_of(item)


def python_of(item: Any) -> str:
    """Return the Python that gets an object back."""
    return f"{type(item).__name__}(object_id={item.object_id!r})"
