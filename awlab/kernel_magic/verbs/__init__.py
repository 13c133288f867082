"""The verbs of ``%awe``: one small file each.

Every verb has a documentation that is its help, ``arguments(parser)`` and ``run(options, shell)``.
One with ``TAKES_TEXT`` gets the rest of the line, or a cell, as it was typed in ``options.text``.
"""

from __future__ import annotations

from types import ModuleType

from awlab.kernel_magic.verbs import (
    config,
    context,
    get,
    help,
    ingest,
    inspect,
    jobs,
    lineage,
    make,
    plan,
    query,
    sql,
    stats,
    status,
)

__all__ = ["VERBS"]

VERBS: dict[str, ModuleType] = {
    "status": status,
    "context": context,
    "query": query,
    "sql": sql,
    "get": get,
    "plan": plan,
    "make": make,
    "lineage": lineage,
    "inspect": inspect,
    "ingest": ingest,
    "jobs": jobs,
    "stats": stats,
    "config": config,
    "help": help,
}
