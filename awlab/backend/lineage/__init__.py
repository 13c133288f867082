"""Lineage told to people: the account of an object, differences, exports."""

from __future__ import annotations

from awlab.backend.database import DBObject, Lineage
from awlab.backend.lineage.account import Account, facts_of, tell_me_everything
from awlab.backend.lineage.difference import Difference, explain
from awlab.backend.lineage.provenance import export_prov, mermaid
from awlab.backend.lineage.tree import Branch, label_of, lineage_tree
from awlab.backend.targets import BaseList, SourceTrace

__all__ = [
    "Account",
    "Branch",
    "Difference",
    "downstream",
    "explain",
    "export_prov",
    "facts_of",
    "label_of",
    "lineage_tree",
    "mermaid",
    "source_lineage",
    "tell_me_everything",
    "upstream",
]


def upstream(item: DBObject) -> Lineage:
    """Return everything an object was made from; the same as ``item.upstream()``."""
    return item.upstream()


def downstream(item: DBObject) -> Lineage:
    """Return everything that was made from an object; the same as ``item.downstream()``."""
    return item.downstream()


def source_lineage(source_list: BaseList, sid: int) -> SourceTrace:
    """Return where a source is in all it passed through; the same as ``list[sid].lineage()``."""
    return source_list[sid].lineage()
