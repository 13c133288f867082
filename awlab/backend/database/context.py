"""The context: who the user is, in which project, and what that lets them see and make.

Privileges of an object: 1 MyDB, 2 project, 3 Astro-WISE, 4 world, 5 published to the VO. One sees
one's own objects at 1, objects of one's projects at 2, everybody's at 3 and above.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from awlab.backend.database.connection import current_database
from awlab.backend.database.registry_tables import awuser, favourite, project, project_member
from awlab.backend.errors import AccessDenied, QueryError
from awlab.backend.settings import load_settings

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = ["PRIVILEGES", "VISIBILITY", "Context", "context", "use_acts", "visible"]

# Columns that `visible` asks for, in this order.
VISIBILITY = ("creator", "project", "privileges")
_NO_RIGHTS = "42501"  # SQLSTATE insufficient_privilege
PRIVILEGES = {1: "MyDB", 2: "project", 3: "Astro-WISE", 4: "world", 5: "VO"}


def now() -> datetime:
    """Return the time as awlab keeps it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class _Standing:
    """Who is connected: user, project, privileges, memberships. Belongs to one `Database`."""

    def __init__(self, database: Database) -> None:
        settings = load_settings()
        self.user = database.user
        self.privileges = settings.privileges
        self.instrument = settings.instrument
        self.project = self.user
        self.memberships: list[str] = []
        _register(database, self.user)
        self.load(database)
        if settings.project:
            self.enter(settings.project, database)

    def load(self, database: Database) -> None:
        """Read the memberships."""
        self.memberships = sorted(row[0] for row in database.rows(_projects_of(self.user)))

    def enter(self, name: str, database: Database) -> None:
        """Work in a project."""
        self.load(database)
        if name not in self.memberships:
            raise AccessDenied(
                f"{self.user} is not a member of project {name!r}",
                f"your projects: {', '.join(self.memberships)}",
            )
        self.project = name
        # What is made here is never above what the project allows.
        self.privileges = min(self.privileges, _maximum(database, name))


def _projects_of(user: str) -> Any:
    mine = sa.select(project_member.c.project).where(project_member.c.member == user)
    open_to_all = sa.select(project.c.name).where(project.c.public == 1)
    return mine.union(open_to_all)


def _maximum(database: Database, name: str) -> int:
    limit = sa.select(project.c.max_privileges).where(project.c.name == name)
    return int(database.scalar(limit))


def _register(database: Database, user: str) -> None:
    """Give a user who comes for the first time a MyDB project of their own name."""
    if database.rows(sa.select(awuser).where(awuser.c.name == user)):
        return
    with database.transaction() as connection:
        values: list[tuple[Any, dict[str, Any]]] = [
            (awuser, {"name": user, "created": now()}),
            (project, _project_row(user, "MyDB", 5)),
            (project_member, {"project": user, "member": user, "manager": 1}),
        ]
        for table, row in values:
            connection.execute(insert(table).values(**row).on_conflict_do_nothing())


def _project_row(name: str, description: str, maximum: int, **more: Any) -> dict[str, Any]:
    row = {"name": name, "description": description, "instrument": "", "public": 0}
    return row | {"max_privileges": maximum} | more


class Context:
    """The context of the connected user; every query and every new object goes through it."""

    @property
    def _standing(self) -> _Standing:
        database = current_database()
        found = database.memory.get("standing")
        if found is None:
            found = database.memory["standing"] = _Standing(database)
        return found

    @property
    def user(self) -> str:
        """Login role of the database connection."""
        return self._standing.user

    @property
    def project(self) -> str:
        """Project that new objects belong to."""
        return self._standing.project

    @property
    def privileges(self) -> int:
        """Privileges that new objects get: 1 MyDB ... 5 VO."""
        return self._standing.privileges

    @property
    def instrument(self) -> str:
        """Instrument taken where a key does not name one; empty for none."""
        return self._standing.instrument

    @property
    def projects(self) -> list[str]:
        """Projects one is a member of, at this moment."""
        self._standing.load(current_database())
        return list(self._standing.memberships)

    def set_project(self, name: str) -> None:
        """Work in another project; privileges above what it allows are lowered to that.

        Raises
        ------
        AccessDenied
            If the user is not a member of it.
        """
        self._standing.enter(name, current_database())
        current_database().outdate_results()

    def set_privileges(self, level: int) -> None:
        """Give new objects other privileges.

        Raises
        ------
        QueryError
            If the level is not 1 ... 5.
        AccessDenied
            If the project's maximum is lower.
        """
        if level not in PRIVILEGES:
            raise QueryError(f"privileges {level!r} do not exist", f"use one of {PRIVILEGES}")
        maximum = _maximum(current_database(), self.project)
        if level > maximum:
            raise AccessDenied(
                f"project {self.project} allows privileges up to {maximum}",
                "ask its manager, or work in another project",
            )
        self._standing.privileges = level

    def set_instrument(self, name: str) -> None:
        """Take this instrument where a key does not name one."""
        self._standing.instrument = name

    def add_project(
        self,
        name: str,
        description: str = "",
        *,
        instrument: str = "",
        max_privileges: int = 4,
        public: bool = False,
    ) -> None:
        """Make a project and become its manager.

        Raises
        ------
        AccessDenied
            If a project of that name exists.
        """
        database = current_database()
        user = self.user
        if database.rows(sa.select(project).where(project.c.name == name)):
            raise AccessDenied(f"project {name!r} exists already", "choose another name")
        row = _project_row(
            name, description, max_privileges, instrument=instrument, public=int(public)
        )
        with database.transaction() as connection:
            connection.execute(project.insert().values(**row))
            member = {"project": name, "member": user, "manager": 1}
            connection.execute(project_member.insert().values(**member))
        self._standing.load(database)

    def add_member(self, name: str, user: str) -> None:
        """Make a user a member of a project that one manages.

        Raises
        ------
        AccessDenied
            If one is not a manager of it.
        """
        database = current_database()
        mine = sa.select(project_member.c.manager).where(
            project_member.c.project == name, project_member.c.member == self.user
        )
        if not database.scalar(mine):
            raise AccessDenied(f"{self.user} does not manage project {name!r}")
        _register(database, user)
        with database.transaction() as connection:
            row = {"project": name, "member": user, "manager": 0}
            connection.execute(insert(project_member).values(**row).on_conflict_do_nothing())

    # -- what is shared --------------------------------------------------------------------

    def publish(
        self, what: Any, level: int, *, dependencies: bool = False, reason: str = ""
    ) -> Any:
        """Give committed objects other privileges, all of them or none; the change is kept.

        Parameters
        ----------
        what : DBObject, list or Query
            The objects.
        level : int
            1 MyDB, 2 project, 3 Astro-WISE, 4 world, 5 published to the VO.
        dependencies : bool
            Raise also everything they were made from; otherwise publishing is refused while
            something of that is more private.
        reason : str, optional
            Why; kept with the change.

        Returns
        -------
        Changed
            How many objects of each class were changed.

        Raises
        ------
        AccessDenied
            If a dependency is more private, something less private was made from them, they are
            not the user's to change, or the project's maximum is lower; it says which.
        QueryError
            If the level does not exist, or an object is not committed.
        """
        return _act("publish", what, level, dependencies=dependencies, reason=reason)

    def migrate(self, what: Any, project: str, *, reason: str = "") -> Any:
        """Move committed objects to another project, with what they were made from.

        Inputs that everybody sees (privileges 3 and above) stay where they are.

        Parameters
        ----------
        what : DBObject, list or Query
            The objects.
        project : str
            A project of the user.
        reason : str, optional
            Why; kept with the change.

        Returns
        -------
        Changed
            How many objects of each class were moved.

        Raises
        ------
        AccessDenied
            If objects are not the user's to move, are above the project's maximum, or something
            else was made from them that would lose sight of them.
        """
        return _act("migrate", what, project, reason=reason)

    def delete(self, what: Any, *, confirm: bool = False, reason: str = "") -> Any:
        """Delete objects that nothing depends on and that are not public; first show what goes.

        Only privileges 1 and 2, and only the user's own objects or those of a project that the
        user manages. Comments and tags on them go too, and their files; a tombstone stays.

        Parameters
        ----------
        what : DBObject, list or Query
            The objects. What was made from one of them keeps it, unless it is deleted too.
        confirm : bool
            False shows what would go, True does it.
        reason : str, optional
            Why; kept on the tombstone.

        Returns
        -------
        Deletion
            What goes, what is kept and why, which files belong to no object then.
        """
        return _act("delete", what, confirm=confirm, reason=reason)

    def favourite(self, obj: Any) -> None:
        """Prefer a calibration in the current project wherever it applies, newer ones or not.

        Raises
        ------
        QueryError
            If it is not a committed object with a validity range.
        """
        number = _calibration_number(obj)
        row = {"project": self.project, "object": number, "member": self.user, "since": now()}
        with current_database().transaction() as connection:
            connection.execute(insert(favourite).values(**row).on_conflict_do_nothing())

    def unfavourite(self, obj: Any) -> None:
        """No longer prefer a calibration in the current project.

        Raises
        ------
        QueryError
            If it is not a committed object with a validity range.
        """
        mine = (favourite.c.project == self.project, favourite.c.object == _calibration_number(obj))
        with current_database().transaction() as connection:
            connection.execute(favourite.delete().where(*mine))

    def __repr__(self) -> str:
        s = self._standing
        level = f"{s.privileges} ({PRIVILEGES[s.privileges]})"
        more = f", instrument {s.instrument}" if s.instrument else ""
        return f"Context: user {s.user}, project {s.project}, privileges {level}{more}"


context = Context()

# What changes or deletes objects stands above (`sharing`, `deletion`) and says so itself.
_acts: dict[str, Callable[..., Any]] = {}


def use_acts(**acts: Callable[..., Any]) -> None:
    """Say how the acts of the context are done: one function per act."""
    _acts.update(acts)


def _act(name: str, *arguments: Any, **options: Any) -> Any:
    try:
        return _acts[name](*arguments, **options)
    except sa.exc.ProgrammingError as exc:
        if getattr(exc.orig, "pgcode", "") != _NO_RIGHTS:
            raise
        reason = str(exc.orig).strip().splitlines()[0]
        raise AccessDenied(
            f"the role {context.user} may not {name} in this database: {reason}",
            "ask the owner of the database for the right to change its tables",
        ) from exc


def _calibration_number(obj: Any) -> int:
    number = getattr(obj, "_id", None)
    if number is None or "timestamp_start" not in type(obj)._attributes:
        raise QueryError(f"{obj!r} cannot be a favourite", "favourites are committed calibrations")
    return int(number)


def visible(creator: Any, project_column: Any, privileges: Any) -> Any:
    """Return the condition of what the connected user may see.

    Parameters
    ----------
    creator, project_column, privileges : ColumnElement
        The columns of the objects asked for.
    """
    user = context.user
    # Read in the same statement, once: whoever joins or leaves a project does so at once.
    projects = sa.func.array(_projects_of(user).scalar_subquery(), type_=sa.ARRAY(sa.Text))
    return sa.or_(
        privileges >= 3,
        sa.and_(privileges == 2, project_column == sa.any_(projects)),
        sa.and_(privileges == 1, creator == user),
    )
