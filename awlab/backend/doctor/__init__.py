"""Is everything in order? Database, disk, files, locks, jobs; each finding with what to do."""

from __future__ import annotations

from awlab.backend.doctor.backup import backup_database, restore_database
from awlab.backend.doctor.database_actions import act_on_database
from awlab.backend.doctor.database_state import database_status, stop_database
from awlab.backend.doctor.examination import Examination, examine
from awlab.backend.doctor.findings import Finding

__all__ = [
    "Examination",
    "Finding",
    "act_on_database",
    "backup_database",
    "database_status",
    "examine",
    "restore_database",
    "stop_database",
]
