"""The whole archive in a few statements: objects and files by class, project, instrument, night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import KnownTable, catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import dbclass, dbobject

__all__ = ["FileCount", "GrowthDay", "NewObject", "ObjectCount", "survey_archive"]

_FILE_COLUMNS = (
    *("file_sha256", "file_size", "creator", "project", "privileges", "creation_date"),
)


@dataclass(frozen=True, slots=True)
class ObjectCount:
    """Visible objects of one class in one project."""

    class_name: str
    project: str
    objects: int
    flagged: int
    invalid: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class FileCount:
    """Files of one class, instrument and night that were stored on one day.

    ``instrument`` and ``night`` are empty where the class has none; ``size`` is in bytes.
    """

    class_name: str
    instrument: str
    night: str
    day: date
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class GrowthDay:
    """Objects of one class that were made on one day."""

    day: date
    class_name: str
    objects: int


@dataclass(frozen=True, slots=True)
class NewObject:
    """One of the objects made last."""

    object_id: str
    class_name: str
    creator: str
    project: str
    is_valid: int
    quality_flags: int
    creation_date: datetime


def survey_archive(
    newest: int = 20, *, flagged_only: bool = False
) -> tuple[list[ObjectCount], list[FileCount], list[GrowthDay], list[NewObject]]:
    """Count what the context sees of the archive: four statements, whatever its size.

    Parameters
    ----------
    newest : int
        How many of the objects made last are named.
    flagged_only : bool
        Whether those are the ones that are flagged or invalid.

    Returns
    -------
    tuple of list
        Objects by class and project, files by class, instrument and night, growth by day and
        class, and the objects made last.
    """
    return _objects(), _files(), _growth(), _newest(newest, flagged_only=flagged_only)


def _seen() -> Any:
    o = dbobject.c
    return visible(o.creator, o.project, o.privileges)


def _named(*columns: Any) -> Any:
    return sa.select(*columns).join_from(dbobject, dbclass, dbobject.c.class_id == dbclass.c.id)


def _objects() -> list[ObjectCount]:
    o = dbobject.c
    statement = (
        _named(
            dbclass.c.name,
            o.project,
            sa.func.count(),
            sa.func.count().filter(o.quality_flags != 0),
            sa.func.count().filter(o.is_valid <= 0),
            sa.func.max(o.creation_date),
        )
        .where(_seen())
        .group_by(dbclass.c.name, o.project)
        .order_by(dbclass.c.name, o.project)
    )
    return [ObjectCount(*row) for row in current_database().rows(statement)]


def _growth() -> list[GrowthDay]:
    o = dbobject.c
    day = sa.cast(o.creation_date, sa.Date)
    statement = (
        _named(day, dbclass.c.name, sa.func.count())
        .where(_seen())
        .group_by(day, dbclass.c.name)
        .order_by(day, dbclass.c.name)
    )
    return [GrowthDay(*row) for row in current_database().rows(statement)]


def _newest(count: int, *, flagged_only: bool) -> list[NewObject]:
    o = dbobject.c
    statement = _named(
        o.object_id,
        dbclass.c.name,
        o.creator,
        o.project,
        o.is_valid,
        o.quality_flags,
        o.creation_date,
    ).where(_seen())
    if flagged_only:
        statement = statement.where(sa.or_(o.quality_flags != 0, o.is_valid <= 0))
    rows = current_database().rows(statement.order_by(o.id.desc()).limit(count))
    return [NewObject(str(row[0]), *row[1:]) for row in rows]


def _files() -> list[FileCount]:
    known = catalog(current_database())
    tables = [known.get(name) for name in known.names()]
    instruments = known.get("Instrument")
    parts = [
        _files_of(table, instruments)
        for table in tables
        if table is not None and "file_sha256" in table.columns
    ]
    if not parts:
        return []
    rows = current_database().rows(sa.union_all(*parts))
    return [FileCount(r[0], r[1], r[2], r[3], int(r[4]), int(r[5])) for r in rows]


def _files_of(table: KnownTable, instruments: KnownTable | None) -> Any:
    """Count the files of one class by what its table has of instrument and night."""
    names = [*_FILE_COLUMNS, "instrument", "night"]
    here = sa.table(table.name, *(sa.column(n) for n in names if n in table.columns))
    source: Any = here
    instrument: Any = sa.literal("", sa.Text)
    night: Any = sa.literal("", sa.Text)
    if "instrument" in table.columns and instruments is not None:
        named = sa.table(instruments.name, sa.column("id"), sa.column("name")).alias()
        source = here.outerjoin(named, here.c.instrument == named.c.id)
        instrument = sa.func.coalesce(named.c.name, "")
    if "night" in table.columns:
        night = sa.func.coalesce(here.c.night, "")
    size = sa.func.coalesce(sa.func.sum(here.c.file_size), 0)
    day = sa.cast(here.c.creation_date, sa.Date)
    grouped = [c for c in (instrument, night, day) if not isinstance(c, sa.BindParameter)]
    return (
        sa.select(sa.literal(table.name), instrument, night, day, sa.func.count(), size)
        .select_from(source)
        .where(here.c.file_sha256 != "", visible(here.c.creator, here.c.project, here.c.privileges))
        .group_by(*grouped)
    )
