"""Lineage told to people: the account of an object, differences, exports."""

from __future__ import annotations

from awlab.backend.database import DBObject
from awlab.backend.lineage.account import Account, tell_me_everything
from awlab.backend.lineage.difference import Difference, explain
from awlab.backend.lineage.provenance import export_prov, mermaid

__all__ = [
    "Account",
    "Difference",
    "downstream",
    "explain",
    "export_prov",
    "mermaid",
    "tell_me_everything",
    "upstream",
]


def upstream(item: DBObject) -> object:
    """Return everything an object was made from; the same as ``item.upstream()``."""
    return item.upstream()


def downstream(item: DBObject) -> object:
    """Return everything that was made from an object; the same as ``item.downstream()``."""
    return item.downstream()
