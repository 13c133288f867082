"""The table of a persistent class: columns, triggers, and its growth when the class grows.

One table per concrete class holds all its attributes. A statement-level trigger on it writes the
object's row in ``dbobject`` and a row in ``edge`` for every dependency: lineage is not written by
anybody, it happens.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from awlab.backend.database.attributes import Persistent
from awlab.backend.database.registry_tables import (
    ID_SEQUENCE,
    dbclass,
    dbrole,
    edge,
    reference,
)

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = [
    "Catalog",
    "KnownTable",
    "catalog",
    "column_types",
    "definition",
    "identity_index",
    "members_table",
    "table_of",
]

# What other processes add to the database is seen after so many seconds at the latest.
_FRESH = 1.0

_SQL_TYPES: dict[type, Any] = {
    str: sa.Text,
    int: sa.BigInteger,
    float: sa.Double,
    bool: sa.Boolean,
    datetime: sa.DateTime,
    bytes: sa.LargeBinary,
    list: JSONB,
    dict: JSONB,
}


def sql_type(attribute: Persistent) -> Any:
    """SQLAlchemy type of the column of a value, array or link."""
    if attribute.name == "object_id":
        return UUID(as_uuid=False)
    if attribute.kind == "link":
        return sa.BigInteger()
    kind = _SQL_TYPES[attribute.type]()
    return sa.ARRAY(kind) if attribute.kind == "array" else kind


def column_types(cls: Any) -> dict[str, Any]:
    """Columns of a class in order of declaration, with their types; lists of links have none."""
    columns: dict[str, Any] = {"id": sa.BigInteger()}
    for name, attribute in cls._attributes.items():
        if attribute.kind == "struct":
            for field, inner in attribute.type._attributes.items():
                columns[f"{name}_{field}"] = sql_type(inner)
        elif attribute.kind != "links":
            columns[name] = sql_type(attribute)
    return columns


def table_of(cls: Any) -> sa.Table:
    """Return the table of a concrete class (made once per class object)."""
    found = cls.__dict__.get("_table")
    if found is None:
        columns = [
            sa.Column(name, kind, primary_key=name == "id", autoincrement=False)
            for name, kind in column_types(cls).items()
        ]
        found = sa.Table(cls.__name__, sa.MetaData(), *columns)
        type.__setattr__(cls, "_table", found)
    table: sa.Table = found
    return table


def members_table(attribute: Persistent) -> sa.Table:
    """Return the table of the members of a list of links: lineage, or names only."""
    return edge if attribute.dependency else reference


def identity_index(cls: Any) -> tuple[str, ...]:
    """Columns by which an object of a class is the same as one that exists; none for most classes.

    What is private is the same for one user only: whether somebody else has such an object is
    theirs to know.
    """
    key: tuple[str, ...] = cls._unique_on
    return (*key, "creator") if key and not cls._named_for_all else key


def definition(cls: Any) -> dict[str, Any]:
    """Describe a class well enough to read its table without its code."""
    attributes = [
        {
            "name": name,
            "kind": a.kind,
            "type": a.type.__name__,
            "doc": a.doc,
            "dependency": a.dependency,
            "optional": a.optional,
        }
        for name, a in cls._attributes.items()
    ]
    columns = {name: str(kind.compile()) for name, kind in column_types(cls).items()}
    return {"attributes": attributes, "columns": columns}


def definition_hash(described: dict[str, Any]) -> str:
    """Content hash of a class's definition, as `definition` gives it."""
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A class as the database knows it."""

    class_id: int
    name: str
    parents: tuple[str, ...]
    hash: str
    definition: dict[str, Any]

    @property
    def columns(self) -> dict[str, str]:
        """Columns of its table, with their SQL types."""
        return dict(self.definition["columns"])


class Catalog:
    """What this process knows of the classes in the database; refreshed when something is missing.

    Parameters
    ----------
    database : Database
        The database described.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_name: dict[str, KnownTable] = {}
        self._by_id: dict[int, KnownTable] = {}
        self._roles: dict[str, int] = {}
        self._loaded = False
        self._epoch, self._read = 0, 0.0

    def refresh(self) -> None:
        """Read classes and roles again: two statements."""
        self._epoch, self._read = self._database.epoch, time.monotonic()
        rows = self._database.rows(sa.select(dbclass))
        self._by_name = {
            row.name: KnownTable(
                row.id, row.name, tuple(row.parents), row.definition_hash, row.definition
            )
            for row in rows
        }
        self._by_id = {known.class_id: known for known in self._by_name.values()}
        self._roles = {row.name: row.id for row in self._database.rows(sa.select(dbrole))}
        self._loaded = True

    def get_known(self, cls: Any) -> KnownTable | None:
        """Return what was last read of a class, without asking again."""
        return self._by_name.get(cls.__name__)

    def get(self, name: str) -> KnownTable | None:
        """Return a class by name, None where it has no table yet."""
        if name not in self._by_name:
            self._look_again()
        return self._by_name.get(name)

    def _look_again(self) -> None:
        """Read again because something is missing, unless that was done just now.

        A base class has many derived ones without a table: a query on it asks for all of them.
        """
        age = time.monotonic() - self._read
        if not self._loaded or self._epoch != self._database.epoch or age > _FRESH:
            self.refresh()

    def by_id(self, class_id: int) -> KnownTable:
        """Return a class by its number."""
        if class_id not in self._by_id:
            self.refresh()
        return self._by_id[class_id]

    def role(self, name: str) -> int:
        """Number of a lineage role; 0, which no edge has, for one never used."""
        if name not in self._roles:
            self._look_again()
        return self._roles.get(name, 0)

    def role_name(self, number: int) -> str:
        """Name of a lineage role."""
        for _ in (1, 2):
            for name, known in self._roles.items():
                if known == number:
                    return name
            self.refresh()
        raise KeyError(number)

    def tables(self) -> list[KnownTable]:
        """Return all classes as they were last read."""
        if not self._loaded:
            self.refresh()
        return list(self._by_name.values())

    def names(self) -> list[str]:
        """Names of all classes that have a table, read afresh."""
        self.refresh()
        return sorted(self._by_name)


def catalog(database: Database) -> Catalog:
    """Return the catalog of a database, one per connection object."""
    found = database.memory.get("catalog")
    if found is None:
        found = database.memory["catalog"] = Catalog(database)
    return found


def quoted(name: str) -> str:
    """Quote an identifier for DDL, which takes no bound values."""
    return '"' + name.replace('"', '""') + '"'


def trigger_ddl(
    name: str, class_id: int, described: dict[str, Any], roles: dict[str, int]
) -> list[str]:
    """DDL of the triggers of a class's table.

    Parameters
    ----------
    name : str
        Name of the class.
    class_id : int
        Its row in ``dbclass``.
    described : dict
        Its `definition`: all columns of the table, also those that this process does not know.
    roles : dict
        Number of every role of the class.
    """
    attributes = {attribute["name"]: attribute for attribute in described["attributes"]}
    table, record, sync = quoted(name), quoted(f"record_{name}"), quoted(f"sync_{name}")
    verdict = ", ".join(
        name if name in attributes else without
        for name, without in (("is_valid", "1"), ("quality_flags", "0"))
    )
    edges = [
        f"SELECT id, {quoted(link)}, {roles[link]}, 0 FROM new_rows WHERE {quoted(link)}"
        " IS NOT NULL"
        for link, attribute in attributes.items()
        if attribute["kind"] == "link" and attribute["dependency"]
    ]
    insert_edges = f"INSERT INTO edge {' UNION ALL '.join(edges)};" if edges else ""
    sync_valid = ", is_valid = n.is_valid" if "is_valid" in attributes else ""
    return [
        f"""CREATE OR REPLACE FUNCTION {record}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO dbobject SELECT id, object_id, {class_id}, creator, project, privileges,
                {verdict}, creation_date FROM new_rows;
            {insert_edges}
            RETURN NULL;
        END $$""",
        f"""CREATE OR REPLACE FUNCTION {sync}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE dbobject o SET project = n.project, privileges = n.privileges{sync_valid}
                FROM new_rows n WHERE o.id = n.id;
            RETURN NULL;
        END $$""",
        f"""CREATE OR REPLACE TRIGGER record AFTER INSERT ON {table}
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {record}()""",
        f"""CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
        f"""CREATE OR REPLACE TRIGGER refuse_loss BEFORE DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_loss()""",
        f"""CREATE OR REPLACE TRIGGER refuse_always BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()""",
        f"""CREATE OR REPLACE TRIGGER sync AFTER UPDATE ON {table}
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {sync}()""",
        f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{ID_SEQUENCE}')",
    ]
