"""Everything about the quality of one object on one page."""

from __future__ import annotations

from awlab.widgets.quality_page.widget import QualityPage

__all__ = ["QualityPage"]
