"""Ingest: from files as telescopes write them to described frames, one per chip."""

from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.detect import Detection, check_is_fits, detect
from awlab.backend.ingest.instruments import (
    InstrumentDefinition,
    Instruments,
    builtin_instruments,
    load_instruments,
)
from awlab.backend.ingest.night import ingest_night, notebooks_folder
from awlab.backend.ingest.report import FileRow, IngestReport
from awlab.backend.ingest.run import find_files, ingest
from awlab.backend.ingest.split import (
    SplitJob,
    SplitPlan,
    describe,
    plan_split,
    shared_moments,
)
from awlab.backend.ingest.translate import translate

__all__ = [
    "Detection",
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
    "notebooks_folder",
    "plan_split",
    "shared_moments",
    "translate",
]
