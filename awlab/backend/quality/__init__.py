"""Quality of many objects at once: the calibration plan, its timeline, trends, outliers."""

from __future__ import annotations

from awlab.backend.quality.blocks import Block, Row
from awlab.backend.quality.calibration_plan import (
    REQUIREMENTS,
    PlanEntry,
    calibration_plan,
    requirement_of,
)
from awlab.backend.quality.figures import (
    FrameFiles,
    Picture,
    frame_files,
)
from awlab.backend.quality.footprints import (
    Footprint,
    Footprints,
    SkyPicture,
    footprints,
    sky_picture,
)
from awlab.backend.quality.jumps import Jump, drift, find_jumps
from awlab.backend.quality.outliers import (
    RobustStatistics,
    clip_outliers,
    robust_statistics,
    running_outliers,
)
from awlab.backend.quality.page import PageContent, quality_page
from awlab.backend.quality.relatives import Compared, Relatives, relatives
from awlab.backend.quality.residuals import (
    MagnitudeResiduals,
    Residuals,
    read_magnitude_residuals,
    read_residuals,
)
from awlab.backend.quality.spans import span_of
from awlab.backend.quality.timeline import Bar, CalibrationTimeline, calibration_timeline
from awlab.backend.quality.trends import (
    TREND_PRESETS,
    Series,
    Trend,
    TrendPreset,
    time_path,
    trend,
)

__all__ = [
    "REQUIREMENTS",
    "TREND_PRESETS",
    "Bar",
    "Block",
    "CalibrationTimeline",
    "Compared",
    "Footprint",
    "Footprints",
    "FrameFiles",
    "Jump",
    "MagnitudeResiduals",
    "PageContent",
    "Picture",
    "PlanEntry",
    "Relatives",
    "Residuals",
    "RobustStatistics",
    "Row",
    "Series",
    "SkyPicture",
    "Trend",
    "TrendPreset",
    "calibration_plan",
    "calibration_timeline",
    "clip_outliers",
    "drift",
    "find_jumps",
    "footprints",
    "frame_files",
    "quality_page",
    "read_magnitude_residuals",
    "read_residuals",
    "relatives",
    "requirement_of",
    "robust_statistics",
    "running_outliers",
    "sky_picture",
    "span_of",
    "time_path",
    "trend",
]
