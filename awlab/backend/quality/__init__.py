"""Quality of many objects at once: the calibration plan, its timeline, trends, outliers."""

from __future__ import annotations

from awlab.backend.quality.calibration_plan import (
    REQUIREMENTS,
    PlanEntry,
    calibration_plan,
    requirement_of,
)
from awlab.backend.quality.outliers import (
    RobustStatistics,
    clip_outliers,
    robust_statistics,
    running_outliers,
)
from awlab.backend.quality.timeline import Bar, CalibrationTimeline, calibration_timeline

__all__ = [
    "REQUIREMENTS",
    "Bar",
    "CalibrationTimeline",
    "PlanEntry",
    "RobustStatistics",
    "calibration_plan",
    "calibration_timeline",
    "clip_outliers",
    "requirement_of",
    "robust_statistics",
    "running_outliers",
]
