"""The verbs of ``%awe``: one small file each."""

from __future__ import annotations

from types import ModuleType

from awlab.kernel_magic.verbs import (
    config,
    context,
    get,
    ingest,
    inspect,
    jobs,
    lineage,
    make,
    plan,
    query,
    stats,
    status,
)

VERBS: dict[str, ModuleType] = {
    "status": status,
    "context": context,
    "query": query,
    "get": get,
    "plan": plan,
    "make": make,
    "lineage": lineage,
    "inspect": inspect,
    "ingest": ingest,
    "jobs": jobs,
    "stats": stats,
    "config": config,
}

from awlab.kernel_magic.verbs import help as help_verb  # noqa: E402 - it tells of all the others

VERBS["help"] = help_verb

__all__ = ["VERBS"]
