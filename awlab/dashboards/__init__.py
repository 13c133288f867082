"""Dashboards put the widgets together: the frame of their pages, and the server that shows them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOM_OF = {
    "Night": "awlab.dashboards.news",
    "Page": "awlab.dashboards.page",
    "Words": "awlab.dashboards.words",
    "address": "awlab.dashboards.words",
    "flagged_targets": "awlab.dashboards.news",
    "new_targets": "awlab.dashboards.news",
    "objects_by_class": "awlab.dashboards.news",
    "previews": "awlab.dashboards.news",
    "recent_nights": "awlab.dashboards.news",
    "server_words": "awlab.dashboards.start",
}

__all__ = sorted(_ROOM_OF)  # noqa: PLE0605 - all of them are strings


def __getattr__(name: str) -> Any:
    """Load a name on first use (PEP 562): the command line needs no widgets."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'awlab.dashboards' has no attribute {name!r}")
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    """List the names."""
    return list(__all__)
