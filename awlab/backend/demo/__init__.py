"""The demo: a night pulled through the whole chain, or five years of calibrations to look at."""

from __future__ import annotations

from awlab.backend.demo.history import HistorySummary, make_history
from awlab.backend.demo.history_truth import HistoryEvent, HistoryTruth
from awlab.backend.demo.night import DEMO_NIGHTS, DemoSummary, run_demo
from awlab.backend.demo.notebooks import own_notebooks

__all__ = [
    "DEMO_NIGHTS",
    "DemoSummary",
    "HistoryEvent",
    "HistorySummary",
    "HistoryTruth",
    "make_history",
    "own_notebooks",
    "run_demo",
]
