"""Who may see what: raise or lower privileges, move objects to another project.

Whoever sees an object sees what it was made from: a step that would break this is refused, with
the list of what stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from awlab.backend.database.amend import change_rows, lock_objects
from awlab.backend.database.chosen import counted, labels, numbers_of, seen_by_all
from awlab.backend.database.class_tables import catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import PRIVILEGES, context, use_acts
from awlab.backend.database.registry_tables import project, project_member
from awlab.backend.database.walks import Direction, closure
from awlab.backend.errors import AccessDenied, QueryError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

__all__ = ["Changed", "ObjectRow", "Standing", "migrate_project", "publish", "standing_of"]

_PUBLIC = 3


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """What decides who may see an object and who may change it."""

    id: int
    class_name: str
    creator: str
    project: str
    privileges: int
    object_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the user is in the projects, as the database says at this moment."""

    user: str
    member: frozenset[str]
    manager: frozenset[str]
    public: frozenset[str]
    maximum: dict[str, int]

    def may_see(self, row: ObjectRow) -> bool:
        """Tell whether the user sees an object."""
        return (
            row.privileges >= _PUBLIC
            or (row.privileges == 2 and row.project in self.member)
            or (row.privileges == 1 and row.creator == self.user)
        )

    def may_change(self, row: ObjectRow) -> bool:
        """Tell whether the user may raise the privileges of an object, or move it."""
        return row.creator == self.user or (row.project in self.member and self.may_see(row))

    def manages(self, row: ObjectRow) -> bool:
        """Tell whether the user may withdraw or delete an object."""
        return row.creator == self.user or (row.project in self.manager and self.may_see(row))


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed.

    Attributes
    ----------
    counts : dict
        Number of objects by class.
    text : str
        What happened to them.
    """

    counts: dict[str, int]
    text: str

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __repr__(self) -> str:
        told = ", ".join(f"{n:,} {name}" for name, n in self.counts.items())
        return f"<{told or 'nothing'} {self.text}>"


def standing_of(connection: Connection) -> Standing:
    """Read memberships and limits: two statements."""
    p = project.c
    projects = connection.execute(sa.select(p.name, p.max_privileges, p.public)).all()
    m = project_member.c
    mine = connection.execute(sa.select(m.project, m.manager).where(m.member == context.user)).all()
    public = frozenset(name for name, _, is_public in projects if is_public)
    return Standing(
        user=context.user,
        member=frozenset(name for name, _ in mine) | public,
        manager=frozenset(name for name, manager in mine if manager),
        public=public,
        maximum={name: maximum for name, maximum, _ in projects},
    )


def rows_among(database: Database, rows: Iterable[Any]) -> dict[int, ObjectRow]:
    """Name the classes of rows that `lock_objects` gave; by row number."""
    known = catalog(database)
    return {
        r.id: ObjectRow(
            r.id, known.by_id(r.class_id).name, r.creator, r.project, r.privileges, r.object_id
        )
        for r in rows
    }


def _beyond(connection: Connection, ids: list[int], direction: Direction) -> set[int]:
    met = closure(np.array(ids, dtype=np.int64), direction)
    return {row[0] for row in connection.execute(sa.select(met.c.id))} - set(ids)


def _refuse(title: str, rows: list[ObjectRow], standing: Standing, hint: str) -> None:
    """Refuse because of objects: how many of each class, and the names of the first few."""
    if not rows:
        return
    seen = [row for row in rows if standing.may_see(row)]
    parts = [counted(row.class_name for row in seen)] if seen else []
    hidden = len(rows) - len(seen)
    parts += [f"{hidden:,} that you may not see"] if hidden else []
    first = f" ({'; '.join(labels([row.id for row in seen]))})" if seen else ""
    raise AccessDenied(f"{title}: {' and '.join(parts)}{first}", hint)


def publish(what: Any, level: int, *, dependencies: bool = False, reason: str = "") -> Changed:
    """Give objects other privileges; see `Context.publish`."""
    if level not in PRIVILEGES:
        raise QueryError(f"privileges {level!r} do not exist", f"use one of {PRIVILEGES}")
    database = current_database()
    ids = numbers_of(what)
    with database.transaction() as connection:
        upstream = _beyond(connection, ids, "upstream")
        downstream = _beyond(connection, ids, "downstream")
        locked = lock_objects(connection, sorted({*ids, *upstream, *downstream}))
        found = rows_among(database, locked)
        standing = standing_of(connection)
        chosen = [found[i] for i in ids if i in found]
        _check_named(chosen)
        raised = [row for row in chosen if row.privileges < level]
        lowered = [row for row in chosen if row.privileges > level]
        inputs = [found[i] for i in upstream if i in found]
        if raised:
            raised += _inputs_to_raise(inputs, level, raised, standing, dependencies=dependencies)
        if lowered:
            _check_dependents(
                [found[i] for i in downstream if i in found], level, lowered, standing
            )
        _check_may(raised, lowered, level, standing)
        why = reason.strip() or f"published at {level} ({PRIVILEGES[level]})"
        _change(connection, [*raised, *lowered], ("privileges", level), why)
    _refresh(what, {row.id for row in (*raised, *lowered)}, {"privileges": level})
    return _changed([*raised, *lowered], f"now at privileges {level} ({PRIVILEGES[level]})")


def _check_named(rows: list[ObjectRow]) -> None:
    for row in rows:
        if seen_by_all(row.class_name):
            raise QueryError(
                f"{row.class_name} {row.object_id} is seen by everybody, whatever its privileges",
                "leave it out",
            )


def _inputs_to_raise(
    inputs: list[ObjectRow],
    level: int,
    raised: list[ObjectRow],
    standing: Standing,
    *,
    dependencies: bool,
) -> list[ObjectRow]:
    """Return the inputs to be raised too; refuse where they are not to be, or cannot."""
    inputs = [row for row in inputs if not seen_by_all(row.class_name)]
    private = [row for row in inputs if row.privileges < level]
    if not dependencies:
        _refuse(
            f"what they were made from is more private than {level} ({PRIVILEGES[level]})",
            private,
            standing,
            "publish(..., dependencies=True) raises these too",
        )
    if level == 2:
        # Privileges 2 are those of a project: of another one they do not help.
        projects = {row.project for row in raised}
        strange = [
            row
            for row in inputs
            if row.privileges <= 2 and row.project not in standing.public | projects
        ]
        _refuse(
            f"what they were made from belongs to another project than {', '.join(projects)}",
            strange,
            standing,
            "context.migrate() it, or publish it at 3",
        )
    return private


def _check_dependents(
    dependents: list[ObjectRow], level: int, lowered: list[ObjectRow], standing: Standing
) -> None:
    mine = {row.id for row in lowered}
    wider = [row for row in dependents if row.privileges > level and row.id not in mine]
    _refuse(
        f"something less private than {level} ({PRIVILEGES[level]}) was made from them",
        wider,
        standing,
        "lower that first",
    )


def _check_may(
    raised: list[ObjectRow], lowered: list[ObjectRow], level: int, standing: Standing
) -> None:
    hint = "ask their creators, or a manager of the project"
    others = [row for row in raised if not standing.may_change(row)]
    _refuse("not yours to publish", others, standing, hint)
    # What everybody may have used already is withdrawn by its creator or a manager alone.
    right: Callable[[ObjectRow], bool] = standing.may_change
    taken = [
        row
        for row in lowered
        if not (standing.manages(row) if row.privileges >= _PUBLIC else right(row))
    ]
    _refuse("not yours to withdraw", taken, standing, hint)
    for row in raised:
        maximum = standing.maximum.get(row.project, 5)
        if level > maximum:
            raise AccessDenied(
                f"project {row.project} allows privileges up to {maximum}, not {level}",
                "ask its manager, or context.migrate() to another project",
            )


def _change(
    connection: Connection, rows: list[ObjectRow], change: tuple[str, Any], reason: str
) -> None:
    by_class: dict[str, list[int]] = {}
    for row in rows:
        by_class.setdefault(row.class_name, []).append(row.id)
    for name, ids in sorted(by_class.items()):
        change_rows(connection, name, ids, change, reason)


def _changed(rows: list[ObjectRow], text: str) -> Changed:
    counts: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row.class_name):
        counts[row.class_name] = counts.get(row.class_name, 0) + 1
    return Changed(counts, text)


def _refresh(what: Any, ids: set[int], values: dict[str, Any]) -> None:
    """Let the objects at hand keep up; others read the database again."""
    items = [what] if hasattr(what, "_id") else what if isinstance(what, (list, tuple)) else []
    for item in items:
        if item._id in ids:
            item._state = (item._state or {}) | values


def migrate_project(what: Any, name: str, *, reason: str = "") -> Changed:
    """Move objects and what they were made from to another project; see `Context.migrate`."""
    database = current_database()
    ids = numbers_of(what)
    with database.transaction() as connection:
        upstream = _beyond(connection, ids, "upstream")
        locked = lock_objects(connection, sorted({*ids, *upstream}))
        found = rows_among(database, locked)
        standing = standing_of(connection)
        if name not in standing.member:
            raise AccessDenied(
                f"{standing.user} is not a member of project {name!r}",
                f"your projects: {', '.join(sorted(standing.member))}",
            )
        _check_named([found[i] for i in ids if i in found])
        # Inputs that everybody sees stay where they are.
        moved = [
            row
            for row in found.values()
            if row.project != name
            and not seen_by_all(row.class_name)
            and (row.id in ids or row.privileges < _PUBLIC)
        ]
        _check_moves(connection, database, moved, name, standing)
        _change(connection, moved, ("project", name), reason.strip() or f"moved to {name}")
    _refresh(what, {row.id for row in moved}, {"project": name})
    return _changed(moved, f"now in project {name}")


def _check_moves(
    connection: Connection,
    database: Database,
    moved: list[ObjectRow],
    name: str,
    standing: Standing,
) -> None:
    others = [row for row in moved if not standing.may_change(row)]
    _refuse("not yours to move", others, standing, "ask their creators")
    maximum = standing.maximum.get(name, 5)
    above = [row for row in moved if row.privileges > maximum]
    _refuse(
        f"project {name} allows privileges up to {maximum}, and these are above",
        above,
        standing,
        "lower them first, or choose another project",
    )
    if not moved or name in standing.public:
        return
    private = [row.id for row in moved if row.privileges == 2]
    later = _beyond(connection, private, "downstream") if private else set()
    users = rows_among(database, lock_objects(connection, sorted(later))).values()
    mine = {row.id for row in moved}
    stranded = [
        row for row in users if row.id not in mine and row.project != name and row.privileges >= 2
    ]
    _refuse(
        f"something outside project {name} was made from them, and would lose sight of them",
        stranded,
        standing,
        "move that too, or publish these at 3 first",
    )


use_acts(publish=publish, migrate=migrate_project)
