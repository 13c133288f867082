"""``DBObject``: what every persistent object has."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
import uuid_utils

from awlab.backend.database.attributes import Persistent, persistent
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, visible
from awlab.backend.database.lineage_objects import Lineage, inverse_objects, lineage_of
from awlab.backend.database.meta import DBMeta
from awlab.backend.database.query import Query
from awlab.backend.database.registry_tables import dbobject, tombstone
from awlab.backend.database.resolve import attribute_of
from awlab.backend.database.results import objects_with_ids
from awlab.backend.errors import ObjectNotFound, QueryError

__all__ = ["DBObject"]


class DBObject(metaclass=DBMeta):
    """A persistent object: type, identity and state.

    Parameters
    ----------
    **values
        Attributes of a new object. ``object_id=`` alone gets a committed object back.

    Raises
    ------
    UnknownAttribute, WrongType
        If a value does not fit the declaration.
    ObjectNotFound
        If no visible object has that ``object_id``.
    """

    # Instruments, chips and filters only name things: links to them are not lineage.
    _lineage_node = True
    # Came from a telescope: where a walk upstream ends.
    _raw_data = False
    # Attributes that make an object the same as one that exists already.
    _unique_on: tuple[str, ...] = ()
    # Visible to everybody whatever the context it was made in.
    _named_for_all = False
    # Link by which the objects of a class are remarks on others, and are deleted with them.
    _remark_on = ""
    # Further indexes of the table: tuples of column names.
    _indexes: tuple[tuple[str, ...], ...] = ()
    _state: dict[str, Any] | None = None
    _block: Any = None
    _row = 0
    _id: int | None = None

    object_id = persistent("The object identifier", str)
    creation_date = persistent("When the object was made, UTC", datetime)
    creator = persistent("User who made it", str)
    project = persistent("Project it belongs to", str)
    privileges = persistent("1 MyDB, 2 project, 3 Astro-WISE, 4 world, 5 published to the VO", int)

    def __init__(self, **values: Any) -> None:
        self._state = {"object_id": str(uuid_utils.uuid7())}
        for name, value in values.items():
            attribute_of(type(self), name)
            setattr(self, name, value)

    # -- identity --------------------------------------------------------------------------

    @property
    def is_committed(self) -> bool:
        """True once the object is in the database."""
        return self._id is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DBObject):
            return NotImplemented
        if self._id is not None and other._id is not None:
            return self._id == other._id
        return self is other

    def __hash__(self) -> int:
        return hash(self._id) if self._id is not None else id(self)

    def __repr__(self) -> str:
        shown = [
            f"{name}={value!r}"
            for name in ("name", "filename", "OBJECT", "night")
            if name in type(self)._attributes and (value := getattr(self, name)) is not None
        ]
        identity = self.object_id if self.is_committed else "not committed"
        return f"<{type(self).__name__} {identity}{' ' if shown else ''}{' '.join(shown)}>"

    # -- storing and finding ---------------------------------------------------------------

    def commit(self) -> Self:
        """Write the object and its uncommitted dependencies in one transaction, or nothing.

        Raises
        ------
        SchemaMismatch, AccessDenied
            If its class does not fit the database.
        FileMissing
            If a file it describes is not on the data server.
        """
        from awlab.backend.database.commit import commit_objects

        commit_objects([self])
        return self

    # -- lineage ---------------------------------------------------------------------------

    def upstream(self, *, depth: int | None = None) -> Lineage:
        """Return everything the object was made from, down to the raw data, in one statement.

        Parameters
        ----------
        depth : int, optional
            Steps at most; 1 is the direct inputs.

        Raises
        ------
        QueryError
            If the object is not committed.
        """
        return lineage_of([self], "upstream", depth=depth)

    def downstream(self, *, depth: int | None = None) -> Lineage:
        """Return everything that was made from the object, in one statement.

        Parameters
        ----------
        depth : int, optional
            Steps at most; 1 is what was made from it directly.

        Raises
        ------
        QueryError
            If the object is not committed.
        """
        return lineage_of([self], "downstream", depth=depth)

    def inverse_objects(self) -> Lineage:
        """Return the objects that refer to this one directly, by any link.

        Besides what was made from it these are objects that only name it: the frames of a chip,
        the comments on a frame.

        Raises
        ------
        QueryError
            If the object is not committed.
        """
        return inverse_objects(self)

    def _before_commit(self) -> None:
        """Refuse to be committed; derived classes check what the database cannot."""

    @classmethod
    def _load(cls, object_id: Any) -> Any:
        """Get a committed object back; called by ``Class(object_id=...)``."""
        text = str(object_id)
        try:
            uuid.UUID(text)
        except ValueError:
            raise ObjectNotFound(
                f"{text!r} is not an object_id",
                "it looks like 0192f0c1-7d3e-7abc-8def-0123456789ab",
            ) from None
        database = current_database()
        o = dbobject.c
        seen = visible(o.creator, o.project, o.privileges)
        statement = sa.select(o.id).where(o.object_id == text, seen)
        number = database.scalar(statement)
        if number is not None:
            found = objects_with_ids(database, np.array([number], dtype=np.int64), DBObject)[0]
            if isinstance(found, cls):
                return found
        _raise_if_deleted(text)
        raise ObjectNotFound(
            f"no {cls.__name__} with object_id {text} is visible in project {context.project}",
            "check the id, the project and the privileges (%awe context)",
        )

    @classmethod
    def select_all(cls) -> Query:
        """Return all visible objects of the class."""
        return Query(cls)

    @classmethod
    def select(cls, **key: Any) -> Query:
        """Return the objects whose attributes equal the given values.

        Parameters
        ----------
        **key
            Attribute values; a text given for a link means the link's ``name``, a text with ``*``
            or ``?`` is a pattern.
        """
        query = Query(cls)
        for name, value in key.items():
            if value is not None:
                query = query & cls._select_by(name, value)
        return query

    @classmethod
    def _select_by(cls, name: str, value: Any) -> Query:
        first, *rest = name.split(".")
        attribute_of(cls, first)
        path = getattr(cls, first)
        for step in rest:
            path = getattr(path, step)
        if isinstance(value, str) and ("*" in value or "?" in value):
            return path.like(value)  # type: ignore[no-any-return]
        found = path.in_(value) if isinstance(value, (list, tuple, set)) else path == value
        if not isinstance(found, Query):
            raise QueryError(f"{cls.__name__}.{name} cannot be selected by {value!r}")
        return found

    @classmethod
    def get_persistent_properties(cls) -> dict[str, dict[str, Any]]:
        """List the attributes of the class: documentation, type and unit of each."""
        return {name: _properties(a) for name, a in sorted(cls._attributes.items())}


def _properties(attribute: Persistent) -> dict[str, Any]:
    many = attribute.kind in ("links", "array")
    kind = f"list of {attribute.type.__name__}" if many else attribute.type.__name__
    return {"doc": attribute.doc, "type": kind, "unit": attribute.unit}


def _raise_if_deleted(object_id: str) -> None:
    """Say who deleted an object, and why, to those who could see it."""
    t = tombstone.c
    statement = sa.select(t.class_name, t.member, t.made, t.reason).where(
        t.object_id == object_id, visible(t.creator, t.project, t.privileges)
    )
    for name, member, made, reason in current_database().rows(statement):
        why = f": {reason}" if reason else ""
        raise ObjectNotFound(
            f"{name} {object_id} was deleted by {member} on {made:%Y-%m-%d}{why}",
            "what is deleted is gone for good",
        )
