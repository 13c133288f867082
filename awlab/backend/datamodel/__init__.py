"""The nouns that are not made: files, instruments, raw frames, verdicts, comments, nights."""

from __future__ import annotations

from awlab.backend.datamodel.data_object import DataObject
from awlab.backend.datamodel.equipment import Chip, Filter, Instrument, ObservingBlock, Template
from awlab.backend.datamodel.frames import (
    BaseFrame,
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawFits,
    RawFrame,
    RawScienceFrame,
    RawTwilightFlatFrame,
)
from awlab.backend.datamodel.journal import (
    note_file,
    note_kept,
    pending_names,
    process_is_gone,
    sweep,
)
from awlab.backend.datamodel.judged import Comment, Judged, Tag, use_inspector
from awlab.backend.datamodel.quality_flags import Flag, QualityFlags, describe_flags, flags_of
from awlab.backend.datamodel.session import (
    connect,
    current_dataserver,
    dataserver_location,
    open_dataserver,
)
from awlab.backend.datamodel.times import night_middle, night_name, night_start, utc_now
from awlab.backend.datamodel.values import Astrom, Imstat

__all__ = [
    "Astrom",
    "BaseFrame",
    "Chip",
    "Comment",
    "DataObject",
    "Filter",
    "Flag",
    "Imstat",
    "Instrument",
    "Judged",
    "ObservingBlock",
    "QualityFlags",
    "RawBiasFrame",
    "RawDarkFrame",
    "RawDomeFlatFrame",
    "RawFits",
    "RawFrame",
    "RawScienceFrame",
    "RawTwilightFlatFrame",
    "Tag",
    "Template",
    "connect",
    "current_dataserver",
    "dataserver_location",
    "describe_flags",
    "flags_of",
    "night_middle",
    "night_name",
    "night_start",
    "note_file",
    "note_kept",
    "open_dataserver",
    "pending_names",
    "process_is_gone",
    "sweep",
    "use_inspector",
    "utc_now",
]
