"""The content of a result that has no pixels: a hash of its values, bookkeeping left out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["value_hash"]

_BOOKKEEPING = frozenset(
    {
        "object_id",
        "creation_date",
        "creator",
        "project",
        "privileges",
        "is_valid",
        "quality_flags",
        "process_status",
        "code_version",
        "content_hash",
        "timestamp_start",
        "timestamp_end",
        "filename",
        "file_sha256",
        "file_size",
        "night",
    }
)


def value_hash(item: Any) -> str:
    """Return the hash of the plain values of an object.

    Parameters
    ----------
    item : ProcessTarget
        Object with its results filled in.
    """
    values: dict[str, Any] = {}
    for name, attribute in type(item)._attributes.items():
        if name in _BOOKKEEPING:
            continue
        if attribute.kind in ("value", "array"):
            values[name] = getattr(item, name)
        elif attribute.kind == "struct":
            values[name] = getattr(item, name).as_dict()
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
