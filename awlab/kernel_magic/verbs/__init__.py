"""The verbs of ``%awe``: one small file each.

Every verb has a documentation that is its help, ``arguments(parser)`` and ``run(options, shell)``.
One with ``TAKES_TEXT`` gets the rest of the line, or a cell, as it was typed in ``options.text``.
"""

from __future__ import annotations

from types import ModuleType

from awlab.kernel_magic.verbs import (
    calts,
    config,
    context,
    dashboards,
    delete,
    get,
    help,
    ingest,
    inspect,
    jobs,
    lineage,
    load,
    make,
    outdated,
    plan,
    publish,
    quality,
    query,
    sql,
    stats,
    status,
    trend,
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
    "load": load,
    "outdated": outdated,
    "quality": quality,
    "trend": trend,
    "calts": calts,
    "publish": publish,
    "delete": delete,
    "ingest": ingest,
    "jobs": jobs,
    "stats": stats,
    "dashboards": dashboards,
    "config": config,
    "help": help,
}
