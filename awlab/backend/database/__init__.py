"""Objects in PostgreSQL: persistent classes, queries, context, lineage walks."""

from __future__ import annotations

from awlab.backend.database.amend import AMENDABLE, Amendment, amend, history
from awlab.backend.database.archive import (
    FileCount,
    GrowthDay,
    NewObject,
    ObjectCount,
    survey_archive,
)
from awlab.backend.database.attributes import Persistent, as_datetime, persistent
from awlab.backend.database.backup import dump_database, restore_dump
from awlab.backend.database.bulk import register_bulk
from awlab.backend.database.census import Census, take_census
from awlab.backend.database.class_recipes import classes_as_bytes, classes_from_bytes
from awlab.backend.database.commit import commit_objects, make_durable
from awlab.backend.database.connection import (
    Database,
    close_database,
    current_database,
    database_is_open,
    open_database,
)
from awlab.backend.database.context import PRIVILEGES, Context, context
from awlab.backend.database.deletion import Deletion, use_file_remover
from awlab.backend.database.embedded import start as start_embedded
from awlab.backend.database.embedded import status as embedded_status
from awlab.backend.database.expression import (
    And,
    Between,
    Compare,
    In,
    IsNull,
    Like,
    Not,
    Or,
    WithIds,
)
from awlab.backend.database.free_sql import run_sql
from awlab.backend.database.inputs import (
    draw_number,
    favourites,
    newest_number,
    read_lists,
)
from awlab.backend.database.jobs import (
    cancel_job,
    close_job,
    create_job,
    job_row,
    job_rows,
    mean_seconds,
    open_jobs,
    target_rows,
    update_job,
    update_target,
)
from awlab.backend.database.lineage_objects import Lineage, inverse_objects, lineage_of
from awlab.backend.database.locks import HeldKey, KeyLocks, held_lock, held_locks
from awlab.backend.database.meta import (
    DBMeta,
    Struct,
    class_named,
    concrete_subclasses,
    registered_classes,
)
from awlab.backend.database.migrate import schema_version
from awlab.backend.database.neighbours import (
    Neighbour,
    NeighbourGroup,
    neighbour_groups,
    neighbours,
    verdicts_of,
)
from awlab.backend.database.numbered_columns import read_numbered
from awlab.backend.database.objects import DBObject
from awlab.backend.database.packing import PackedObject, pack_object, unpack_object
from awlab.backend.database.pages import Page, read_page
from awlab.backend.database.paths import AttributePath
from awlab.backend.database.query import Query
from awlab.backend.database.reading import read_records
from awlab.backend.database.remarks import Remark, read_remarks
from awlab.backend.database.restarts import is_connection_lost, through_restarts
from awlab.backend.database.results import objects_with_ids
from awlab.backend.database.server_state import (
    HeldLock,
    ServerState,
    held_advisory_locks,
    incomplete_objects,
    server_state,
)
from awlab.backend.database.sharing import Changed
from awlab.backend.database.stored_files import (
    StoredFile,
    files_of_all_objects,
    known_filenames,
    settled,
)
from awlab.backend.database.walks import Direction, Edges

__all__ = [
    "AMENDABLE",
    "PRIVILEGES",
    "Amendment",
    "And",
    "AttributePath",
    "Between",
    "Census",
    "Changed",
    "Compare",
    "Context",
    "DBMeta",
    "DBObject",
    "Database",
    "Deletion",
    "Direction",
    "Edges",
    "FileCount",
    "GrowthDay",
    "HeldKey",
    "HeldLock",
    "In",
    "IsNull",
    "KeyLocks",
    "Like",
    "Lineage",
    "Neighbour",
    "NeighbourGroup",
    "NewObject",
    "Not",
    "ObjectCount",
    "Or",
    "PackedObject",
    "Page",
    "Persistent",
    "Query",
    "Remark",
    "ServerState",
    "StoredFile",
    "Struct",
    "WithIds",
    "amend",
    "as_datetime",
    "cancel_job",
    "class_named",
    "classes_as_bytes",
    "classes_from_bytes",
    "close_database",
    "close_job",
    "commit_objects",
    "concrete_subclasses",
    "context",
    "create_job",
    "current_database",
    "database_is_open",
    "draw_number",
    "dump_database",
    "embedded_status",
    "favourites",
    "files_of_all_objects",
    "held_advisory_locks",
    "held_lock",
    "held_locks",
    "history",
    "incomplete_objects",
    "inverse_objects",
    "is_connection_lost",
    "job_row",
    "job_rows",
    "known_filenames",
    "lineage_of",
    "make_durable",
    "mean_seconds",
    "neighbour_groups",
    "neighbours",
    "newest_number",
    "objects_with_ids",
    "open_database",
    "open_jobs",
    "pack_object",
    "persistent",
    "read_lists",
    "read_numbered",
    "read_page",
    "read_records",
    "read_remarks",
    "register_bulk",
    "registered_classes",
    "restore_dump",
    "run_sql",
    "schema_version",
    "server_state",
    "settled",
    "start_embedded",
    "survey_archive",
    "take_census",
    "target_rows",
    "through_restarts",
    "unpack_object",
    "update_job",
    "update_target",
    "use_file_remover",
    "verdicts_of",
]
