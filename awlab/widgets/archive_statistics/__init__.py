"""What the archive holds, how it grows, and what is new."""

from __future__ import annotations

from awlab.widgets.archive_statistics.widget import ArchiveStatistics

__all__ = ["ArchiveStatistics"]
