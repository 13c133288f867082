"""Rows of a query, page after page."""

from __future__ import annotations

from awlab.widgets.result_grid.state import (
    GridState,
    cell_text,
    checked_key,
    default_columns,
    describe_column,
)
from awlab.widgets.result_grid.widget import ResultGrid

__all__ = [
    "GridState",
    "ResultGrid",
    "cell_text",
    "checked_key",
    "default_columns",
    "describe_column",
]
