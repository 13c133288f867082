"""Ingest: from files as telescopes write them to raw frames in the database, one per chip.

What needs the database is loaded on first use (PEP 562): describing headers needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.detect import Detection, check_is_fits, detect
from awlab.backend.ingest.instruments import (
    InstrumentDefinition,
    Instruments,
    builtin_instruments,
    load_instruments,
)
from awlab.backend.ingest.split import (
    SplitJob,
    SplitPlan,
    describe,
    plan_split,
    shared_moments,
)
from awlab.backend.ingest.translate import translate

if TYPE_CHECKING:
    from awlab.backend.ingest.equipment import Equipment
    from awlab.backend.ingest.finding import find_files
    from awlab.backend.ingest.night import ingest_night
    from awlab.backend.ingest.report import FileRow, IngestReport
    from awlab.backend.ingest.run import ingest

__all__ = [
    "Detection",
    "Equipment",
    "FileRow",
    "FrameDescription",
    "IngestReport",
    "InstrumentDefinition",
    "Instruments",
    "SplitJob",
    "SplitPlan",
    "builtin_instruments",
    "check_is_fits",
    "describe",
    "detect",
    "find_files",
    "ingest",
    "ingest_night",
    "load_instruments",
    "plan_split",
    "shared_moments",
    "translate",
]

_LATER = {
    "Equipment": "equipment",
    "FileRow": "report",
    "IngestReport": "report",
    "find_files": "finding",
    "ingest": "run",
    "ingest_night": "night",
}


def __getattr__(name: str) -> Any:
    """Load what needs the database when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
