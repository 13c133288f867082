"""A source in every frame and calibration that it passed through."""

from __future__ import annotations

from awlab.widgets.source_lineage.widget import SourceLineage

__all__ = ["SourceLineage"]
