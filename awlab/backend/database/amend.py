"""The few things that may change on a committed object, each change with its history.

``is_valid``, ``timestamp_start``, ``timestamp_end``, ``privileges`` and ``project``: who changed
what, when, from which value, and why, stays in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import table_of
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now
from awlab.backend.database.registry_tables import amendment, dbobject
from awlab.backend.database.resolve import attribute_of
from awlab.backend.errors import AccessDenied, ImmutableObject, QueryError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["AMENDABLE", "Amendment", "amend", "change_rows", "history", "lock_objects"]

AMENDABLE = frozenset({"is_valid", "timestamp_start", "timestamp_end", "privileges", "project"})


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of one attribute of a committed object."""

    attribute: str
    old: str | None
    new: str | None
    reason: str
    member: str
    made: datetime


def amend(objects: Sequence[Any], values: dict[str, Any], reason: str) -> None:
    """Change attributes of committed objects in one transaction, and write down why.

    Parameters
    ----------
    objects : sequence of DBObject
        Committed objects.
    values : dict
        New values of amendable attributes, the same for all objects.
    reason : str
        Why; kept with the change.

    Raises
    ------
    ImmutableObject
        If an attribute may not change, or changes with the objects around it (privileges,
        project: `context.publish`, `context.migrate`), or an object is not committed.
    AccessDenied
        If the object belongs to somebody else and to no project of the user.
    QueryError
        If no reason is given.
    """
    if not reason.strip():
        raise QueryError("a change of a committed object needs a reason", "say why in a few words")
    checked: list[tuple[Any, dict[str, Any]]] = []
    projects = set(context.projects)
    for item in objects:
        _check_may_change(item, values, projects)
        checked.append((item, {n: attribute_of(type(item), n).check(v) for n, v in values.items()}))
    database = current_database()
    with database.transaction() as connection:
        lock_objects(connection, [item._id for item, _ in checked])
        for item, new in checked:
            table = table_of(type(item))
            row = connection.execute(
                sa.select(*(table.c[name] for name in new))
                .where(table.c.id == item._id)
                .with_for_update()
            ).one()
            connection.execute(table.update().where(table.c.id == item._id).values(**new))
            for name, old in zip(new, row, strict=True):
                entry = _entry(item._id, name, old, new[name], reason)
                connection.execute(amendment.insert().values(**entry))
    for item, new in checked:
        # This view of the object keeps up; others read the database again.
        item._state = (item._state or {}) | new


def _entry(number: int, name: str, old: Any, new: Any, reason: str) -> dict[str, Any]:
    return {
        "object": number,
        "attribute": name,
        "old": None if old is None else str(old),
        "new": None if new is None else str(new),
        "reason": reason.strip(),
        "member": context.user,
        "made": now(),
    }


def lock_objects(connection: Connection, ids: list[int], *, deleting: bool = False) -> list[Any]:
    """Lock objects until the end of the transaction, always in the same order: no deadlocks.

    Parameters
    ----------
    connection : Connection
        Inside a transaction.
    ids : list of int
        Row numbers.
    deleting : bool
        Also keep others from linking to them.

    Returns
    -------
    list of Row
        ``id, class_id, creator, project, privileges, object_id`` of each, visible or not.
    """
    o = dbobject.c
    statement = (
        sa.select(o.id, o.class_id, o.creator, o.project, o.privileges, o.object_id)
        .where(o.id == sa.any_(sa.literal(ids, sa.ARRAY(sa.BigInteger))))
        .order_by(o.id)
        .with_for_update(key_share=not deleting)
    )
    return list(connection.execute(statement).all())


def change_rows(
    connection: Connection, class_name: str, ids: list[int], change: tuple[str, Any], reason: str
) -> None:
    """Change one attribute of many objects of one class, with its history: two statements.

    Parameters
    ----------
    connection : Connection
        Inside a transaction.
    class_name : str
        Their class; its code need not be known here.
    ids : list of int
        Row numbers, locked.
    change : tuple of (str, object)
        Attribute and new value.
    reason : str
        Why.
    """
    attribute, new = change
    table = sa.table(class_name, sa.column("id", sa.BigInteger), sa.column(attribute))
    mine = table.c.id == sa.any_(sa.literal(ids, sa.ARRAY(sa.BigInteger)))
    old = sa.cast(table.c[attribute], sa.Text)
    rest = [sa.literal(str(new)), sa.literal(reason), sa.literal(context.user)]
    made = sa.literal(now(), sa.DateTime)
    entries = sa.select(table.c.id, sa.literal(attribute), old, *rest, made).where(mine)
    columns = ["object", "attribute", "old", "new", "reason", "member", "made"]
    connection.execute(amendment.insert().from_select(columns, entries))
    connection.execute(sa.update(table).where(mine).values({attribute: new}))


_TOGETHER = {"privileges": "context.publish()", "project": "context.migrate()"}


def _check_may_change(item: Any, values: dict[str, Any], projects: set[str]) -> None:
    together = next((name for name in values if name in _TOGETHER), None)
    if together is not None:
        raise ImmutableObject(
            f"{type(item).__name__}.{together} changes together with what it was made from",
            f"use {_TOGETHER[together]}",
        )
    unknown = set(values) - AMENDABLE
    if unknown or item._id is None:
        what = sorted(unknown)[0] if unknown else "an object that is not committed"
        raise ImmutableObject(
            f"{type(item).__name__}: {what} cannot be amended",
            f"only {', '.join(sorted(AMENDABLE))} of committed objects",
        )
    if item.creator != context.user and item.project not in projects:
        raise AccessDenied(
            f"{item!r} belongs to {item.creator} in project {item.project}",
            "ask its creator, or become a member of the project",
        )


def history(item: Any) -> list[Amendment]:
    """Return all changes of an object, oldest first."""
    a = amendment.c
    statement = (
        sa.select(a.attribute, a.old, a.new, a.reason, a.member, a.made)
        .where(a.object == item._id)
        .order_by(a.id)
    )
    return [Amendment(*tuple(row)) for row in current_database().rows(statement)]
