"""Widgets: look instead of read. ``from awlab.widgets import LineageTree``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOM_OF = {
    "ArchiveStatistics": "awlab.widgets.archive_statistics",
    "CalibrationTimeline": "awlab.widgets.calibration_timeline",
    "JobMonitor": "awlab.widgets.job_monitor",
    "LineageTree": "awlab.widgets.lineage_tree",
    "LocalAladin": "awlab.widgets.sky_view.aladin",
    "QueryBuilder": "awlab.widgets.query_builder",
    "QualityPage": "awlab.widgets.quality_page",
    "ResultGrid": "awlab.widgets.result_grid",
    "SkyView": "awlab.widgets.sky_view",
    "SourceLineage": "awlab.widgets.source_lineage",
    "TargetProcessor": "awlab.widgets.target_processor",
    "TrendPlot": "awlab.widgets.trend_plot",
    "fetch_library": "awlab.widgets.sky_view",
    "library_version": "awlab.widgets.sky_view",
}

# `import *` brings the widgets of awlab; ipyaladin and its library have to be asked for.
_ASKED_FOR = {"LocalAladin", "fetch_library", "library_version"}
__all__ = sorted(set(_ROOM_OF) - _ASKED_FOR)  # noqa: PLE0605 - all of them are strings


def __getattr__(name: str) -> Any:
    """Load a widget on first use (PEP 562): plots and Jupyter come with it."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'awlab.widgets' has no attribute {name!r}")
    # All targets at once: a query on a base class must know every derived class.
    import_module("awlab.backend.targets")
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    """List the widgets."""
    return list(__all__)
