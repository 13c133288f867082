"""Any attribute against any other, or against time."""

from __future__ import annotations

from awlab.widgets.trend_plot.widget import TrendPlot

__all__ = ["TrendPlot"]
