"""Objects in PostgreSQL: persistent classes, queries, context, lineage walks."""

from __future__ import annotations

from awlab.backend.database.attributes import Persistent, as_datetime, persistent
from awlab.backend.database.commit import commit_objects
from awlab.backend.database.connection import (
    Database,
    close_database,
    current_database,
    open_database,
)
from awlab.backend.database.context import PRIVILEGES, Context, context
from awlab.backend.database.meta import (
    DBMeta,
    Struct,
    class_named,
    concrete_subclasses,
    registered_classes,
)
from awlab.backend.database.objects import DBObject
from awlab.backend.database.paths import AttributePath
from awlab.backend.database.query import Query

__all__ = [
    "PRIVILEGES",
    "AttributePath",
    "Context",
    "DBMeta",
    "DBObject",
    "Database",
    "Persistent",
    "Query",
    "Struct",
    "as_datetime",
    "class_named",
    "close_database",
    "commit_objects",
    "concrete_subclasses",
    "context",
    "current_database",
    "open_database",
    "persistent",
    "registered_classes",
]
