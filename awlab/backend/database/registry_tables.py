"""The tables that every awlab database has; those of the classes are in `class_tables`.

Made and changed by the migrations in ``migrations/``, which a test holds against these.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

__all__ = [
    "ID_SEQUENCE",
    "amendment",
    "awuser",
    "dbclass",
    "dbobject",
    "dbrole",
    "edge",
    "favourite",
    "job",
    "job_target",
    "metadata",
    "project",
    "project_member",
    "reference",
    "tombstone",
]

metadata = MetaData()

ID_SEQUENCE = "dbobject_id_seq"

# One row per persistent class; `definition` lets other processes read tables of unknown classes.
dbclass = Table(
    "dbclass",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("parents", ARRAY(Text), nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("definition", JSONB, nullable=False),
)

# One row per object. Written by the trigger of the class's own table, so nobody can forget it.
dbobject = Table(
    "dbobject",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("object_id", UUID(as_uuid=False), nullable=False, unique=True),
    Column("class_id", Integer, nullable=False),
    Column("creator", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("privileges", SmallInteger, nullable=False),
    Column("is_valid", SmallInteger, nullable=False),
    Column("quality_flags", BigInteger, nullable=False),
    Column("creation_date", DateTime, nullable=False),
)

dbrole = Table(
    "dbrole",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

# The lineage: `target` was made from `source`.
edge = Table(
    "edge",
    metadata,
    Column("target", BigInteger, nullable=False),
    Column("source", BigInteger, nullable=False),
    Column("role", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
)

# Lists of links that are not lineage: `target` names `source`.
reference = Table(
    "reference",
    metadata,
    Column("target", BigInteger, nullable=False),
    Column("source", BigInteger, nullable=False),
    Column("role", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
)

# What was deleted: nothing goes without a trace.
tombstone = Table(
    "tombstone",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("object_id", UUID(as_uuid=False), nullable=False, unique=True),
    Column("class_name", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("privileges", SmallInteger, nullable=False),
    Column("creation_date", DateTime, nullable=False),
    Column("member", Text, nullable=False),
    Column("made", DateTime, nullable=False),
    Column("reason", Text, nullable=False),
)

awuser = Table(
    "awuser",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created", DateTime, nullable=False),
)

project = Table(
    "project",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("max_privileges", SmallInteger, nullable=False),
    Column("public", SmallInteger, nullable=False),
)

project_member = Table(
    "project_member",
    metadata,
    Column("project", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("manager", SmallInteger, nullable=False),
)

favourite = Table(
    "favourite",
    metadata,
    Column("project", Text, primary_key=True),
    Column("object", BigInteger, primary_key=True),
    Column("member", Text, nullable=False),
    Column("since", DateTime, nullable=False),
)

# The history of what may change on a committed object.
amendment = Table(
    "amendment",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("object", BigInteger, nullable=False),
    Column("attribute", Text, nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("reason", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("made", DateTime, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("uid", UUID(as_uuid=False), nullable=False, unique=True),
    Column("member", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("submitted", DateTime, nullable=False),
    Column("started", DateTime),
    Column("finished", DateTime),
    Column("heartbeat", DateTime),
    Column("error", Text),
)

job_target = Table(
    "job_target",
    metadata,
    Column("job", BigInteger, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("class_name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", DateTime),
    Column("finished", DateTime),
    Column("object", BigInteger),
    Column("message", Text),
)
