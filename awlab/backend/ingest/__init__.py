"""Ingest: from files as telescopes write them to described frames, one per chip."""

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

__all__ = [
    "Detection",
    "FrameDescription",
    "InstrumentDefinition",
    "Instruments",
    "SplitJob",
    "SplitPlan",
    "builtin_instruments",
    "check_is_fits",
    "describe",
    "detect",
    "load_instruments",
    "plan_split",
    "shared_moments",
    "translate",
]
