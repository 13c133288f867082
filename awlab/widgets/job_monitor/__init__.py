"""What ran, what runs, and how it went: jobs of all notebooks, live."""

from __future__ import annotations

from awlab.widgets.job_monitor.state import target_card
from awlab.widgets.job_monitor.widget import JobMonitor

__all__ = ["JobMonitor", "target_card"]
