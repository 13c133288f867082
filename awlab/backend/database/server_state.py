"""What the server says of itself: version, size, locks held, triggers in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from awlab.backend.database.connection import current_database
from awlab.backend.database.registry_tables import (
    dbclass,
    dbobject,
    dbrole,
    edge,
    project_member,
    reference,
)

__all__ = ["HeldLock", "ServerState", "held_advisory_locks", "incomplete_objects", "server_state"]


@dataclass(frozen=True, slots=True)
class ServerState:
    """Version and size of the database, and what it did since its server was started.

    ``size`` is in bytes; ``since`` is in UTC; ``transactions`` are those of all sessions since the
    server counts them; ``accounts`` are the members of projects.
    """

    version: str
    major: int
    size: int
    connections: int
    since: datetime
    transactions: int
    accounts: int


@dataclass(frozen=True, slots=True)
class HeldLock:
    """An advisory lock that a session holds."""

    pid: int
    user: str
    since: datetime | None
    is_idle_in_transaction: bool


def server_state() -> ServerState:
    """Ask the server for version, size, connections, age, transactions and accounts."""
    database = current_database()
    name = sa.func.current_database()
    activity = sa.table("pg_stat_activity", sa.column("datname"))
    count = sa.select(sa.func.count()).select_from(activity).where(activity.c.datname == name)
    counters = sa.table("pg_stat_database", sa.column("datname"), sa.column("xact_commit"))
    done = sa.select(sa.func.sum(counters.c.xact_commit)).where(counters.c.datname == name)
    accounts = sa.select(sa.func.count(sa.distinct(project_member.c.member)))
    row = database.rows(
        sa.select(
            sa.func.current_setting("server_version"),
            sa.func.current_setting("server_version_num"),
            sa.func.pg_database_size(name),
            count.scalar_subquery(),
            sa.func.timezone("UTC", sa.func.pg_postmaster_start_time()),
            done.scalar_subquery(),
            accounts.scalar_subquery(),
        )
    )[0]
    counts = (int(value or 0) for value in row[5:])
    return ServerState(str(row[0]), int(row[1]) // 10000, int(row[2]), int(row[3]), row[4], *counts)


def held_advisory_locks() -> list[HeldLock]:
    """Return the advisory locks of this database: targets that are being made."""
    locks = sa.table("pg_locks", sa.column("locktype"), sa.column("pid"), sa.column("granted"))
    activity = sa.table(
        "pg_stat_activity",
        sa.column("pid"),
        sa.column("usename"),
        sa.column("state"),
        sa.column("state_change", sa.DateTime),
        sa.column("datname"),
    )
    statement = (
        sa.select(
            activity.c.pid,
            activity.c.usename,
            sa.cast(activity.c.state_change, sa.DateTime),
            activity.c.state == "idle in transaction",
        )
        .join_from(locks, activity, locks.c.pid == activity.c.pid)
        .where(
            locks.c.locktype == "advisory",
            locks.c.granted,
            activity.c.datname == sa.func.current_database(),
        )
    )
    rows = current_database().rows(statement)
    return [HeldLock(int(r[0]), str(r[1]), r[2], bool(r[3])) for r in rows]


def incomplete_objects() -> dict[str, int]:
    """Count, per class, objects whose row in the root table and in their own table do not match.

    Nothing half-committed can exist, so every number here is a defect; 0 is left out.
    """
    database = current_database()
    found: dict[str, int] = {}
    for name, number in database.rows(sa.select(dbclass.c.name, dbclass.c.id)):
        own = sa.table(name, sa.column("id"))
        root = sa.select(dbobject.c.id).where(dbobject.c.class_id == number).subquery()
        joined = root.outerjoin(own, root.c.id == own.c.id, full=True)
        odd = sa.or_(root.c.id.is_(None), own.c.id.is_(None))
        count = database.scalar(sa.select(sa.func.count()).select_from(joined).where(odd))
        if count:
            found[name] = int(count)
    found |= _loose_ends()
    return found


def _loose_ends() -> dict[str, int]:
    """Count rows that point to nothing: held by triggers a statement at a time, counted here."""
    database = current_database()
    found: dict[str, int] = {}
    for table in (edge, reference):
        for column, other in (("target", dbobject), ("source", dbobject), ("role", dbrole)):
            joined = table.outerjoin(other, table.c[column] == other.c.id)
            lost = sa.select(sa.func.count()).select_from(joined).where(other.c.id.is_(None))
            count = database.scalar(lost)
            if count:
                found[table.name] = found.get(table.name, 0) + int(count)
    joined = dbobject.outerjoin(dbclass, dbobject.c.class_id == dbclass.c.id)
    lost = sa.select(sa.func.count()).select_from(joined).where(dbclass.c.id.is_(None))
    count = database.scalar(lost)
    return found | ({"dbobject": int(count)} if count else {})
