"""Which calibration applies when: bars to look at, to judge, and to change with foresight."""

from __future__ import annotations

from awlab.widgets.calibration_timeline.widget import CalibrationTimeline

__all__ = ["CalibrationTimeline"]
