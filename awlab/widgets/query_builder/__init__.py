"""Ask the database by choosing, and see the Python and the SQL of what was asked."""

from __future__ import annotations

from awlab.widgets.query_builder.widget import QueryBuilder

__all__ = ["QueryBuilder"]
