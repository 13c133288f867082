"""Is everything in order? Database, disk, files, locks, jobs; each finding with what to do."""

from __future__ import annotations

from awlab.backend.doctor.database_state import database_status, stop_database
from awlab.backend.doctor.examination import Examination, examine
from awlab.backend.doctor.findings import Finding

__all__ = ["Examination", "Finding", "database_status", "examine", "stop_database"]
