"""Instrument definitions: what is built in, and how a user adds one."""

from awlab.backend.ingest.instruments.definition import (
    ChipDefinition,
    Extract,
    FilterDefinition,
    InstrumentDefinition,
    KeywordRule,
    KindRule,
)
from awlab.backend.ingest.instruments.reading import definition_from_mapping, read_definition
from awlab.backend.ingest.instruments.registry import (
    Instruments,
    builtin_instruments,
    load_instruments,
)

__all__ = [
    "ChipDefinition",
    "Extract",
    "FilterDefinition",
    "InstrumentDefinition",
    "Instruments",
    "KeywordRule",
    "KindRule",
    "builtin_instruments",
    "definition_from_mapping",
    "load_instruments",
    "read_definition",
]
