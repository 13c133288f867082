"""Look up and down the lineage of an object."""

from __future__ import annotations

from awlab.widgets.lineage_tree.widget import LineageTree

__all__ = ["LineageTree"]
