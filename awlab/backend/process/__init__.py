"""Target processing: what a target depends on, what would be made and why, and making it."""

from __future__ import annotations

from awlab.backend.process.abandoned import abandoned_jobs, close_abandoned_jobs
from awlab.backend.process.calibration import Calibration, FilteredCalibration
from awlab.backend.process.code_version import code_version
from awlab.backend.process.dependencies import is_keyed_by_raw, is_selection
from awlab.backend.process.distributed import DistributedProcessing, dpu
from awlab.backend.process.jobs import Job, LocalProcessing, lpu
from awlab.backend.process.key_words import KeyWords, read_key_words
from awlab.backend.process.keys import Pointing
from awlab.backend.process.plan import Node, Plan, State
from awlab.backend.process.process_params import (
    Pars,
    ProcessParameters,
    parameter_class,
    parameter_names,
)
from awlab.backend.process.target import ProcessTarget
from awlab.backend.process.timeline import Piece, Timeline
from awlab.backend.process.up_to_date import UpToDate
from awlab.backend.process.validity import ALWAYS_END, ALWAYS_START
from awlab.backend.process.what_if import WhatIf, what_if
from awlab.backend.process.work_folder import (
    new_work_folder,
    remove_left_behind,
    work_folder,
    work_root,
)

__all__ = [
    "ALWAYS_END",
    "ALWAYS_START",
    "Calibration",
    "DistributedProcessing",
    "FilteredCalibration",
    "Job",
    "KeyWords",
    "LocalProcessing",
    "Node",
    "Pars",
    "Piece",
    "Plan",
    "Pointing",
    "ProcessParameters",
    "ProcessTarget",
    "State",
    "Timeline",
    "UpToDate",
    "WhatIf",
    "abandoned_jobs",
    "close_abandoned_jobs",
    "code_version",
    "dpu",
    "is_keyed_by_raw",
    "is_selection",
    "lpu",
    "new_work_folder",
    "parameter_class",
    "parameter_names",
    "read_key_words",
    "remove_left_behind",
    "what_if",
    "work_folder",
    "work_root",
]
